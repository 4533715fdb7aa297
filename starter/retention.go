package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

func (a *app) retentionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "retention", Short: "data whose time is up goes by itself, by the rules of the data map",
		Example: "  habeas retention apply\n  habeas retention list\n  habeas retention run accounts --dry"}
	cmd.AddCommand(a.retentionApply(), a.retentionList(), a.retentionShow(), a.retentionRun(), a.retentionExtend(), a.retentionPause(true), a.retentionPause(false))
	return cmd
}

func (a *app) retentionApply() *cobra.Command {
	var only bool
	cmd := &cobra.Command{
		Use: "apply", Short: "make the schedules what the data map wants; shows what differs first",
		Long: `Make the schedules what the data map wants: one for each system with rules. What differs is shown
first. The rules are held against the live schemas and the company's law, and nothing is applied while
one of them cannot be carried out as it stands. It may be run twice, or by two people at once.`,
		Example: "  habeas retention apply\n  habeas retention apply --diff -o json", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			plan, err := d.PlanRetention(cmd.Context())
			if err != nil {
				return err
			}
			if plan == nil {
				plan = []desk.ScheduleChange{}
			}
			if err := a.print(plan, func() { a.showSchedules(plan) }); err != nil || only {
				return err
			}
			if err := a.rulesAreSound(cmd.Context(), d.Map); err != nil {
				return err
			}
			return d.ApplyRetention(cmd.Context(), plan)
		},
	}
	cmd.Flags().BoolVar(&only, "diff", false, "show what differs and change nothing")
	return cmd
}

func (a *app) showSchedules(plan []desk.ScheduleChange) {
	if len(plan) == 0 {
		a.say("the data map has no rules of retention, and there are no schedules")
	}
	for _, change := range plan {
		a.say("%-7s %s (%s)", change.Change, change.System, strings.Join(change.Rules, ", "))
		if change.Change == desk.ScheduleUpdate || change.Change == desk.ScheduleRemove {
			a.say("        - %s", change.Is)
		}
		if change.Wanted != "" && change.Change != desk.ScheduleSame {
			a.say("        + %s", change.Wanted)
		}
	}
}

// rulesAreSound holds every rule against its live schema and the law.
func (a *app) rulesAreSound(ctx context.Context, m *datamap.Map) error {
	floors, err := a.floors(m)
	if err != nil {
		return err
	}
	open := &wire.Systems{Map: m, Getenv: a.getenv}
	defer open.Close()
	var wrong []string
	for _, s := range m.Systems {
		if len(retention.Rules(s)) == 0 {
			continue
		}
		opened, err := open.Get(ctx, s.Name)
		if err != nil {
			return err
		}
		i, err := systems.Inspect(s, opened)
		if err != nil {
			return err
		}
		cat, err := i.Catalog(ctx)
		if err != nil {
			return err
		}
		for _, d := range datamap.CheckExpiry(s, cat, floors) {
			if d.Kind == datamap.DriftExpiry {
				wrong = append(wrong, d.Text)
			}
		}
	}
	if len(wrong) > 0 {
		return fault.New(contract.ErrBadInput, strings.Join(wrong, "\n"), nil).WithHint("nothing was applied; correct the map, then run it again")
	}
	return nil
}

func (a *app) retentionList() *cobra.Command {
	var f casefile.RunFilter
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "schedules, and the runs of the rules with their rows and states",
		Example: "  habeas retention list\n  habeas retention list --system accounts -o json", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			states, err := d.RetentionStates(cmd.Context())
			if err != nil {
				return err
			}
			runs, err := d.Store.ListRuns(cmd.Context(), f)
			if err != nil {
				return err
			}
			longer, err := d.Store.RetentionExtensions(cmd.Context(), !all, d.Pins)
			if err != nil {
				return err
			}
			return a.print(struct {
				Schedules  []desk.RetentionState         `json:"schedules"`
				Runs       []casefile.Run                `json:"runs"`
				Extensions []casefile.RetentionExtension `json:"extensions"`
			}{states, runs, longer}, func() {
				a.showStates(states)
				a.say("")
				a.showRuns(runs)
				if len(longer) > 0 {
					a.say("")
					a.showExtensions(longer)
				}
			})
		},
	}
	cmd.Flags().StringVar(&f.System, "system", "", "the runs of this system alone")
	cmd.Flags().BoolVar(&f.Dry, "dry", false, "dry runs in place of real ones")
	cmd.Flags().BoolVar(&f.Open, "open", false, "only runs that have not ended")
	cmd.Flags().BoolVar(&all, "all", false, "extensions that are over or were refused too")
	cmd.Flags().IntVar(&f.Limit, "limit", 30, "how many runs")
	return cmd
}

func (a *app) showStates(states []desk.RetentionState) {
	var rows [][]string
	for _, s := range states {
		state := "waits"
		switch {
		case s.Pause.Paused:
			state = "paused by " + s.Pause.By + ": " + s.Pause.Reason
		case s.Running:
			state = "runs"
		}
		rows = append(rows, []string{s.System, whenever(s.Last), whenever(s.Next), state})
	}
	a.table([]string{"SYSTEM", "LAST", "NEXT", "STATE"}, rows)
}

func (a *app) showRuns(runs []casefile.Run) {
	var rows [][]string
	for _, r := range runs {
		state := r.State
		if r.State == casefile.RunWaiting {
			state = "waits for two signatures (" + r.Why + ")"
		}
		rows = append(rows, []string{r.ID, r.System + "." + r.Rule, r.Action, when(r.Nominal), fmt.Sprint(r.Due), fmt.Sprint(r.Done),
			fmt.Sprint(r.LeftHeld), fmt.Sprint(r.LeftExtended), fmt.Sprint(r.LeftReferred), fmt.Sprint(r.LeftOther), state})
	}
	a.table([]string{"RUN", "RULE", "ACTION", "FOR", "DUE", "DONE", "HELD", "EXTENDED", "REFERRED TO", "OTHER", "STATE"}, rows)
}

func (a *app) retentionShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "one run: its dry run, and what became of it; or one extension", Example: "  habeas retention show 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := contract.ParseID(args[0])
			if err != nil {
				return fault.New(contract.ErrBadInput, strings.Replace(err.Error(), "case number", "run's number", 1), err)
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			ref := contract.NewRef(contract.KindRetention, id)
			run, err := d.RetentionRun(cmd.Context(), ref)
			if fault.Is(err, contract.ErrNotFound) {
				if e, none := d.Store.RetentionExtension(cmd.Context(), ref, d.Pins); none == nil {
					return a.print(e, func() {
						a.showExtensions([]casefile.RetentionExtension{e})
						a.say("why: %s", e.Statement.Reason)
					})
				}
			}
			if err != nil {
				return err
			}
			return a.print(run, func() {
				if run.Report != nil {
					a.showRetention(run.Report)
				}
				a.say("")
				a.showRuns([]casefile.Run{run.Run})
			})
		},
	}
}

// showRetention shows a dry run.
func (a *app) showRetention(s *dsr.ShownRetention) {
	a.say("%s.%s: %s what is kept %s, for %s", s.System, s.Rule, s.Action, s.Kept, s.Nominal)
	for _, floor := range s.Floors {
		a.say("  at least %s", floor)
	}
	a.say("  due: %d of %d rows, all before %s; a run of more than %d%% needs signatures", s.Due, s.Total, s.Before, s.Usual)
	if s.Referred > 0 {
		a.say("  %d of them stay until the rows that refer to them are gone", s.Referred)
	}
	if s.Oldest != "" {
		a.say("  oldest %s, newest %s", s.Oldest, s.Newest)
	}
	if s.Extended != "" {
		a.say("  the rows are kept longer by the extension %s", s.Extended)
	}
	if s.Why != "" {
		a.say("  two people must sign: %s", map[string]string{casefile.WhyFirst: "it is the first run of the rule", casefile.WhyChanged: "the rule was changed",
			casefile.WhyShare: "it is more than the usual share"}[s.Why])
	}
	if s.Why != "" && len(s.Owners) > 0 {
		a.say("  one of them must be an owner of the data: %s", strings.Join(s.Owners, " or "))
	}
	a.say("  owner of the data: %s; version of the rule: %.16s", s.Owner, s.Version)
	if len(s.Sample) > 0 {
		a.table(s.Columns, s.Sample)
	}
}

func (a *app) retentionRun() *cobra.Command {
	var dry, now, wait bool
	cmd := &cobra.Command{
		Use: "run SYSTEM", Short: "run the rules of a system outside the schedule",
		Long: `Run the rules of a system for the time of now. With --dry it counts what is due and shows a masked
sample, and touches nothing. With --now it runs as the schedule would: what two people must sign
first waits for them. A rule that was rejected is asked for again.`,
		Example: "  habeas retention run accounts --dry\n  habeas retention run accounts --now --wait", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dry == now {
				return misuse("say --dry (count, touch nothing) or --now")
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			in := contract.RetentionInput{System: args[0], Dry: dry, By: me.Name, Nominal: time.Now().UTC().Truncate(time.Second)}
			run, err := d.StartRetention(cmd.Context(), in)
			if err != nil {
				return err
			}
			if dry || wait {
				return a.awaitRuns(cmd.Context(), d, in, func(ctx context.Context) error { return run.Get(ctx, nil) })
			}
			return a.print(map[string]string{"workflow": run.GetID()}, func() { a.say("%s runs; see `habeas retention list`", run.GetID()) })
		},
	}
	cmd.Flags().BoolVar(&dry, "dry", false, "count what is due and touch nothing")
	cmd.Flags().BoolVar(&now, "now", false, "run as the schedule would")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until every rule has run or waits for signatures")
	return cmd
}

// awaitRuns waits for a run of a system and shows what its rules found.
func (a *app) awaitRuns(ctx context.Context, d *desk.Desk, in contract.RetentionInput, wait func(context.Context) error) error {
	progress, end := a.progress()
	stop := make(chan struct{})
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				progress(0, 0, in.System+": "+map[bool]string{true: "dry run", false: "run"}[in.Dry])
			}
		}
	}()
	err := wait(ctx)
	close(stop)
	end()
	if err != nil {
		return fault.New(contract.ErrRefused, "a rule of "+in.System+" cannot run as it stands, or the run was ended", err).WithHint("`habeas datamap check` says which, with its line")
	}
	all, err := d.Store.ListRuns(ctx, casefile.RunFilter{System: in.System, Dry: in.Dry, Limit: 1000})
	if err != nil {
		return err
	}
	reports := []desk.RunReport{}
	for _, run := range all {
		if !run.Nominal.Equal(in.Nominal) {
			continue
		}
		report, err := d.RetentionRun(ctx, run.Ref)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	return a.print(reports, func() {
		var runs []casefile.Run
		for _, report := range reports {
			if report.Report != nil && in.Dry {
				a.showRetention(report.Report)
				a.say("")
			}
			runs = append(runs, report.Run)
		}
		a.showRuns(runs)
	})
}

func (a *app) retentionPause(paused bool) *cobra.Command {
	word, short := "pause", "stop the retention of a system: its schedule, and a sweep under way at its next batch"
	if !paused {
		word, short = "resume", "let the retention of a system go on"
	}
	var reason string
	cmd := &cobra.Command{
		Use: word + " SYSTEM", Short: short, Example: "  habeas retention " + word + " accounts --reason @why.txt", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			why, err := a.value(reason)
			if err != nil {
				return err
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := d.PauseRetention(cmd.Context(), args[0], paused, me.Name, why); err != nil {
				return err
			}
			return a.print(map[string]any{"system": args[0], "paused": paused}, func() { a.say("%s: %sd", args[0], word) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept sealed")
	return cmd
}
