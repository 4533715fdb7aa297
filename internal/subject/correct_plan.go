package subject

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Assemble puts the parts together. Error: contract.ErrNotFound when a system of Systems has no part.
func (e Correction) Assemble(ctx context.Context, parts []CorrectionPart) (CorrectionPlan, error) {
	p := CorrectionPlan{Version: PlanVersion, MapHash: e.Map.Hash, Made: e.Now.UTC(), Account: e.Account.System + "." + e.Account.Collection, Fields: e.Fields}
	var err error
	if p.Order, err = e.Systems(); err != nil {
		return p, err
	}
	for _, name := range p.Order {
		at := slices.IndexFunc(parts, func(part CorrectionPart) bool { return part.System == name })
		if at < 0 {
			return p, fault.Newf(contract.ErrNotFound, "the plan has no part of system %s", name)
		}
		p.Entries = append(p.Entries, parts[at].Entries...)
		p.Findings = append(p.Findings, parts[at].Findings...)
	}
	if p.LeftOut, err = e.LeftOut(); err != nil {
		return p, err
	}
	for _, s := range e.Map.Systems {
		switch {
		case s.Outside == nil || slices.Contains(e.Without, s.Name):
		case slices.Contains(s.Outside.Rights, datamap.RightCorrection):
			p.Asked = append(p.Asked, Asked{System: s.Name, Driver: s.Driver, Region: s.Region, Tells: s.Outside.Tells, URL: s.Outside.URL, Domain: s.Outside.Domain})
		default:
			p.NotAsked = append(p.NotAsked, s.Name)
		}
	}
	p.Keys, err = e.keySets(ctx, p)
	return p, err
}

// Unchangeable gives the fields with those refused that stand only where the map has them never corrected.
func Unchangeable(fields []FieldChange, parts []CorrectionPart) []FieldChange {
	out := slices.Clone(fields)
	for i, f := range out {
		some := func(action string) bool {
			return slices.ContainsFunc(parts, func(p CorrectionPart) bool {
				return slices.ContainsFunc(p.Entries, func(e FixEntry) bool { return e.Field == f.Name && e.Action == action })
			})
		}
		if f.Verdict == FieldCorrect && some(FixNever) && !some(FixCorrect) {
			out[i].Verdict, out[i].Reason = FieldRefuse, "record"
		}
	}
	return out
}

// keySets digests the frozen keys of the plan's entries.
func (e Correction) keySets(ctx context.Context, p CorrectionPlan) ([]KeySet, error) {
	var sets []KeySet
	for _, entry := range p.Entries {
		if !entry.fixes() {
			continue
		}
		set, sum := KeySet{Collection: entry.ID(), Name: fixName(entry.Set)}, sha256.New()
		err := e.Frozen.Keys(ctx, entry.ID(), fixName(entry.Set), func(keys [][]string) error {
			set.Tuples += int64(len(keys))
			return feed(sum, keys)
		})
		if err != nil {
			return nil, err
		}
		set.Digest = hex.EncodeToString(sum.Sum(nil))
		sets = append(sets, set)
	}
	return sets, nil
}

// Bytes are the canonical bytes of the plan.
func (p CorrectionPlan) Bytes() []byte {
	raw, err := json.Marshal(p)
	if err != nil {
		panic("subject: a plan always marshals: " + err.Error())
	}
	return raw
}

// Rows counts the rows that the plan changes, once for each value.
func (p CorrectionPlan) Rows() int64 {
	var n int64
	for _, entry := range p.Entries {
		if entry.fixes() {
			n += entry.Rows
		}
	}
	return n
}

// Strict says whether a field that changes needs a second person and a fresh check of the real name.
func (p CorrectionPlan) Strict() bool {
	return slices.ContainsFunc(p.Fields, func(f FieldChange) bool { return f.Strict && f.Verdict == FieldCorrect })
}

// Corrected are the fields that change.
func (p CorrectionPlan) Corrected() []FieldChange {
	return slices.DeleteFunc(slices.Clone(p.Fields), func(f FieldChange) bool { return f.Verdict != FieldCorrect })
}

// Stops lists what must be mended, or refused, before the plan may be executed; empty: nothing.
func (p CorrectionPlan) Stops() []string {
	var texts []string
	for _, f := range p.Findings {
		if f.Stops() {
			texts = append(texts, f.Field+": "+f.Text)
		}
	}
	return texts
}

// Check holds a plan against the map and the frozen keys. Error: contract.ErrTampered,
// contract.ErrMapMismatch.
func (e Correction) Check(ctx context.Context, p CorrectionPlan) error {
	switch {
	case p.Version != PlanVersion:
		return fault.Newf(contract.ErrMapMismatch, "the plan has version %d, this program knows %d", p.Version, PlanVersion)
	case p.MapHash != e.Map.Hash:
		return fault.New(contract.ErrMapMismatch, "the data map is not the one that the plan was made with", nil).WithHint("make the plan anew")
	}
	sets, err := e.keySets(ctx, p)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(sets, p.Keys, func(a, b KeySet) bool {
		return a.Collection == b.Collection && slices.Equal(a.Name, b.Name) && a.Tuples == b.Tuples && a.Digest == b.Digest
	}) {
		return fault.New(contract.ErrTampered, "the frozen keys are not those of the plan", nil)
	}
	return nil
}
