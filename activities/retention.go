package activities

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// sampleRows is how many rows a dry run shows, masked.
const sampleRows = 5

// swept is a system as retention sees it: its rules, and the live schema.
type swept struct {
	system *datamap.System
	opened systems.Sweeper
	cat    datamap.Catalog
}

func (a *Activities) swept(ctx context.Context, name string) (swept, error) {
	var out swept
	opened, err := a.reached(ctx, name, nil)
	if err != nil {
		return out, err
	}
	out.system = a.Map.System(name)
	if out.opened, err = systems.SweeperOf(out.system, opened); err != nil {
		return out, err
	}
	i, err := systems.Inspect(out.system, opened)
	if err != nil {
		return out, err
	}
	out.cat, err = i.Catalog(ctx)
	return out, err
}

// sound refuses a rule that cannot be carried out as it stands: it never runs half-known.
func (a *Activities) sound(ctx context.Context, s swept, r retention.Rule) ([]systems.Referrer, error) {
	law, err := a.Laws.Find(a.Map.Company.Law)
	if err != nil {
		return nil, err
	}
	for _, d := range datamap.CheckExpiry(s.system, s.cat, retention.Floors(law)) {
		if d.Kind == datamap.DriftExpiry && d.Collection == r.Collection.Name {
			return nil, fault.New(contract.ErrMapMismatch, d.Text, nil).WithHint(d.Hint)
		}
	}
	if r.Action != systems.Delete {
		return nil, nil
	}
	foreign, err := s.opened.Foreign(ctx, r.Collection)
	if err != nil {
		return nil, err
	}
	alone := retention.Referrers(s.cat, r.Collection, foreign...)
	return alone, retention.Unread(s.cat, alone)
}

// OpenRuns opens a run of each rule of a system, children before parents. A rule whose last run of
// this very version was rejected is left out, unless somebody asked.
func (a *Activities) OpenRuns(ctx context.Context, in contract.OpenRunsInput) (contract.OpenRunsResult, error) {
	var out contract.OpenRunsResult
	s, err := a.swept(ctx, in.System)
	if err != nil {
		return out, err
	}
	if p, err := a.Store.RetentionPause(ctx, in.System); err != nil || p.Paused {
		return out, err
	}
	for _, r := range retention.Order(retention.Rules(s.system), s.cat) {
		version := r.Version()
		if in.By == "" {
			rejected, err := a.Store.RejectedVersion(ctx, in.System, r.Name())
			if err != nil {
				return out, err
			}
			if bytes.Equal(rejected, version) {
				continue
			}
		}
		run, err := a.Store.OpenRun(ctx, casefile.NewRun{System: in.System, Rule: r.Name(), Action: r.Action, Nominal: in.Nominal, Dry: in.Dry,
			AskedBy: in.By, Version: version, MapHash: a.Map.Hash})
		if err != nil {
			return out, err
		}
		if run.EndedAt != nil && !in.Dry {
			continue // this night's run of it is over
		}
		out.Runs = append(out.Runs, contract.OpenedRun{Ref: run.Ref, Rule: run.Rule, Earlier: !run.Nominal.Equal(in.Nominal.UTC().Truncate(time.Second))})
	}
	return out, nil
}

// ruleOf is the rule of a run as the map has it now. Another version than that of the run is nil.
func (a *Activities) ruleOf(s *datamap.System, run casefile.Run) (*retention.Rule, error) {
	r, err := retention.Find(s, run.Rule)
	if fault.Is(err, contract.ErrMapMismatch) {
		return nil, nil
	}
	if err != nil || !bytes.Equal(r.Version(), run.Version) {
		return nil, err
	}
	return &r, nil
}

// MeasureRule makes the dry run of a rule: counts, oldest and newest, a masked sample; and says whether
// two people must sign. A rule that is not sound ends here.
func (a *Activities) MeasureRule(ctx context.Context, in contract.MeasureInput) (contract.MeasureResult, error) {
	var out contract.MeasureResult
	run, err := a.Store.Run(ctx, in.Run)
	if err != nil {
		return out, err
	}
	if run.System != in.System {
		return out, fault.Newf(contract.ErrNotApproved, "%s is of another system", in.Run)
	}
	if run.MeasuredAt == nil && run.EndedAt == nil {
		s, err := a.swept(ctx, in.System)
		if err != nil {
			return out, err
		}
		r, err := a.ruleOf(s.system, run)
		switch {
		case err != nil:
			return out, err
		case r == nil:
			return contract.MeasureResult{Ended: true}, a.Store.EndRun(ctx, run.Ref, casefile.RunStale, casefile.Remains{})
		}
		m, err := a.measure(systems.WithRef(ctx, run.Ref), s, *r, run)
		if fault.Is(err, contract.ErrMapMismatch) {
			if ended := a.Store.EndRun(ctx, run.Ref, casefile.RunStale, casefile.Remains{}); ended != nil {
				return out, ended
			}
		}
		if err != nil {
			return out, err
		}
		if err := a.Store.PutMeasure(ctx, run.Ref, m); err != nil {
			return out, err
		}
		if run, err = a.Store.Run(ctx, in.Run); err != nil {
			return out, err
		}
	}
	if run.EndedAt == nil {
		by, err := a.extendedBy(ctx, run)
		if err != nil {
			return out, err
		}
		if by != "" {
			return contract.MeasureResult{Due: run.Due, Ended: true}, a.Store.EndRun(ctx, run.Ref, casefile.RunExtended, casefile.Remains{Extended: run.Due})
		}
	}
	return contract.MeasureResult{Due: run.Due, Why: waits(run), Ended: run.EndedAt != nil}, nil
}

func waits(run casefile.Run) string {
	if run.State == casefile.RunWaiting {
		return run.Why
	}
	return ""
}

func (a *Activities) measure(ctx context.Context, s swept, r retention.Rule, run casefile.Run) (casefile.Measure, error) {
	var m casefile.Measure
	alone, err := a.sound(ctx, s, r)
	if err != nil {
		return m, err
	}
	all, err := s.opened.CountDue(ctx, r.Due(run.Nominal, nil))
	if err != nil {
		return m, err
	}
	free := all
	if len(alone) > 0 {
		if free, err = s.opened.CountDue(ctx, r.Due(run.Nominal, alone)); err != nil {
			return m, err
		}
	}
	m.Due, m.Referred, m.Total = all.Rows, max(0, all.Rows-free.Rows), all.Table
	extended, err := a.extendedBy(ctx, run)
	if err != nil {
		return m, err
	}
	if extended == "" { // else nothing is touched, and nobody has to sign for it
		if m.Why, err = a.whySigned(ctx, r, run, all); err != nil {
			return m, err
		}
	}
	shown := dsr.ShownRetention{System: run.System, Rule: run.Rule, Action: run.Action, Kept: r.Span(), Floors: r.Floors("en"), Purpose: r.Purpose.In("en"), Basis: r.Basis,
		Owner: s.system.Owner, Owners: s.system.OwnerStaff, Version: hex.EncodeToString(run.Version), Nominal: run.Nominal.Format(time.RFC3339), Before: r.Before(run.Nominal).Format(time.DateOnly),
		Due: m.Due, Referred: m.Referred, Total: m.Total, Oldest: all.Oldest, Newest: all.Newest, Usual: r.Usual, Why: m.Why, Extended: extended}
	if err := a.sample(ctx, s, r, run, &shown); err != nil {
		return m, err
	}
	m.Report, err = json.Marshal(shown)
	return m, err
}

// whySigned says why a run needs signatures; empty when it needs none.
func (a *Activities) whySigned(ctx context.Context, r retention.Rule, run casefile.Run, due systems.Dues) (string, error) {
	signed, err := a.Store.SignedVersion(ctx, run.System, run.Rule, a.Pins, a.owned)
	switch {
	case err != nil:
		return "", err
	case signed == nil:
		return casefile.WhyFirst, nil
	case !bytes.Equal(signed, run.Version):
		return casefile.WhyChanged, nil
	case due.Rows*100 > due.Table*int64(r.Usual):
		return casefile.WhyShare, nil
	}
	return "", nil
}

// sample shows a few due rows, every value masked but for its first character.
func (a *Activities) sample(ctx context.Context, s swept, r retention.Rule, run casefile.Run, shown *dsr.ShownRetention) error {
	page, err := s.opened.DuePage(ctx, r.Due(run.Nominal, nil), nil, sampleRows)
	if err != nil || len(page.Keys) == 0 {
		return err
	}
	i, err := systems.Inspect(s.system, s.opened)
	if err != nil {
		return err
	}
	for _, col := range r.Collection.Columns {
		shown.Columns = append(shown.Columns, col.Name)
	}
	source := func(_ context.Context, yield func([][]string) error) error { return yield(page.Keys) }
	return i.Rows(ctx, r.Collection, systems.Clause{Columns: r.Collection.Key, Keys: source}, shown.Columns, 1, func(row []*string) error {
		masked := make([]string, len(row))
		for n, value := range row {
			if value != nil && *value != "" {
				masked[n] = string([]rune(*value)[0]) + "***"
			}
		}
		shown.Sample = append(shown.Sample, masked)
		return nil
	})
}

// BeginRule says what the workflow of a run must know.
func (a *Activities) BeginRule(ctx context.Context, in contract.RefInput) (contract.RuleFacts, error) {
	run, err := a.Store.Run(ctx, in.Ref)
	if err == nil && run.Dry {
		err = fault.Newf(contract.ErrNotApproved, "%s is a dry run", in.Ref)
	}
	return contract.RuleFacts{System: run.System, Rule: run.Rule, Action: run.Action, Nominal: run.Nominal, Due: run.Due, Done: run.Done, State: run.State,
		Waiting: run.State == casefile.RunWaiting, Occasion: run.Nominal.Format(time.RFC3339), Ended: run.EndedAt != nil}, err
}

// showRun shows the dry run of a rule.
func (a *Activities) showRun(ctx context.Context, s *dsr.Shown) error {
	raw, err := a.Store.RunReport(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.Retention = &dsr.ShownRetention{}
	if err := json.Unmarshal(raw, s.Retention); err != nil {
		return fault.New(contract.ErrTampered, "the report of a dry run cannot be read", err)
	}
	return nil
}

// owned says whether the map names staff who sign as the owners of a system's data.
func (a *Activities) owned(system string) bool {
	s := a.Map.System(system)
	return s != nil && len(s.OwnerStaff) > 0
}

// AcceptRule takes the signed yes to a run; the casefile verifies both signatures.
func (a *Activities) AcceptRule(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.AcceptRun(ctx, in.Ref, in.Task, a.Pins, a.owned)
}

// RejectRule takes the signed no: the run ends, and this version of the rule is not asked for again.
func (a *Activities) RejectRule(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	task, err := a.Store.CheckVerdict(ctx, in.Task, dsr.Reject, a.Pins)
	if err != nil {
		return contract.Nothing{}, err
	}
	if task.Ref != in.Ref || task.Kind != dsr.TaskRetention {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "task %s is not about this run", in.Task)
	}
	return contract.Nothing{}, a.Store.EndRun(ctx, in.Ref, casefile.RunRejected, casefile.Remains{})
}
