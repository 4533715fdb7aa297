package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

func (d *Desk) book() *jurisdiction.Book {
	if d.Laws == nil {
		return jurisdiction.Embedded()
	}
	return d.Laws
}

// Clocks says what the laws of a case ask of it now.
func (d *Desk) Clocks(ctx context.Context, ref contract.Ref) (clocks.State, error) {
	return clocks.Of(ctx, d.Store, d.Laws, ref, d.Now())
}

// Moving is something that a member of staff wants for a case.
type Moving struct {
	Kind  dsr.MotionKind
	Law   string   // empty: the law whose clock ends first
	Code  string   // ground of an extension or refusal; what is asked in a pause
	Items []string // of a refusal: the collections that it is about, as "system.collection"; none for the whole case
	Words string   // facts of a refusal, reasons of an extension, question of a pause; personal
	By    string   // whose key was unlocked
}

// Move writes a motion into the casefile and tells the workflow, which has it checked once more.
// What the law does not know is refused here already (contract.ErrBadInput or ErrNotOpen). The task
// in the answer waits for signatures: the author's, and a second person's.
func (d *Desk) Move(ctx context.Context, ref contract.Ref, m Moving) (contract.MotionResult, error) {
	var out contract.MotionResult
	s, err := d.Clocks(ctx, ref)
	if err != nil {
		return out, err
	}
	if s.Case.State == dsr.StateClosed || s.Case.EndingAt != nil {
		return out, fault.Newf(contract.ErrNotOpen, "case %s has ended", s.Case.ID)
	}
	if len(m.Words) > 1000 || strings.ContainsAny(m.Words, "\r\n\t") {
		return out, fault.Newf(contract.ErrBadInput, "the words must be one line of at most 1,000 bytes: they go into a letter")
	}
	if s.Case.Kind == dsr.Complaint && (m.Kind == dsr.MotionRefuse || m.Kind == dsr.MotionExtend) {
		return out, fault.Newf(contract.ErrBadInput, "%s is a complaint: it is answered, upheld or not, and in time", s.Case.ID).
			WithHint("habeas task list --case " + s.Case.ID)
	}
	law, err := d.lawful(s, &m)
	if err != nil {
		return out, err
	}
	made, err := d.Store.Move(ctx, casefile.Motion{Ref: ref, Kind: m.Kind, Law: law, Code: m.Code, Items: m.Items, Author: m.By, Words: m.Words})
	if err != nil {
		return out, err
	}
	return update(ctx, d, ref, contract.Move, fmt.Sprintf("motion-%d", made.N), contract.MotionInput{N: made.N})
}

// lawful refuses what the law does not know, and gives the name of the law that is meant.
func (d *Desk) lawful(s clocks.State, m *Moving) (string, error) {
	law, clock, known := s.Law(m.Law)
	if !known {
		return "", fault.Newf(contract.ErrBadInput, "case %s does not go by %q", s.Case.ID, m.Law).
			WithHint("it goes by " + strings.Join(s.Case.Laws, ", "))
	}
	kind, name := string(s.Case.Kind), law.Profile.Name
	switch m.Kind {
	case dsr.MotionExtend:
		for _, e := range s.Extensions {
			if e.Law == name {
				return "", fault.Newf(contract.ErrNotOpen, "case %s was extended under %s already, and is only once", s.Case.ID, name)
			}
		}
		return name, law.MayExtend(kind, m.Code, earlier(clock.Strict, s.Case.DueAt), d.Now())
	case dsr.MotionRefuse:
		if strings.TrimSpace(m.Words) == "" {
			return "", fault.Newf(contract.ErrBadInput, "a refusal needs its facts: they stand in the letter").WithHint("--facts - reads them from standard input")
		}
		if _, err := law.Profile.Refusal(kind, m.Code); err != nil {
			return name, err
		}
		return name, d.divisible(s.Case, m)
	case dsr.MotionPause:
		return name, mayPause(s, m)
	case dsr.MotionResume:
		if _, open := s.Asked(); !open {
			return "", fault.Newf(contract.ErrNotOpen, "case %s waits for no answer of the person", s.Case.ID)
		}
	case dsr.MotionRecompute:
	default:
		return "", fault.Newf(contract.ErrBadInput, "unknown motion %q", m.Kind)
	}
	return name, nil
}

// divisible says whether the items of a refusal are parts of the case's answer.
func (d *Desk) divisible(c casefile.Case, m *Moving) error {
	if len(m.Items) == 0 {
		return nil
	}
	if c.Kind != dsr.Access {
		return fault.Newf(contract.ErrBadInput, "a case of the kind %s is refused whole", c.Kind).WithHint("a deletion says in its plan what is kept")
	}
	all := 0
	for _, sys := range d.Map.Systems {
		all += len(sys.Collections)
	}
	slices.Sort(m.Items)
	m.Items = slices.Compact(m.Items)
	for _, item := range m.Items {
		system, name, _ := strings.Cut(item, ".")
		if sys := d.Map.System(system); sys == nil || sys.Collection(name) == nil {
			return fault.Newf(contract.ErrBadInput, "the data map has no collection %q", item).WithHint("habeas task show lists those of the case, as SYSTEM.COLLECTION")
		}
	}
	if len(m.Items) == all {
		return fault.Newf(contract.ErrBadInput, "these are all collections there are").WithHint("leave --item out to refuse the case whole")
	}
	return nil
}

// mayPause says whether one of the laws has anything to do with such a question.
func mayPause(s clocks.State, m *Moving) error {
	if strings.TrimSpace(m.Words) == "" {
		return fault.Newf(contract.ErrBadInput, "what is the person asked?").WithHint("--question - reads it from standard input")
	}
	if _, open := s.Asked(); open {
		return fault.Newf(contract.ErrNotOpen, "case %s waits for an answer already", s.Case.ID).WithHint("habeas case resume " + s.Case.ID + " once it has come")
	}
	for _, law := range s.Laws {
		if may, _ := law.Profile.MayPause(string(s.Case.Kind), m.Code); may {
			return nil
		}
	}
	return fault.Newf(contract.ErrBadInput, "none of the laws of case %s (%s) stops a clock for that question", s.Case.ID, strings.Join(s.Case.Laws, ", ")).
		WithHint("ask all the same, by telephone or letter; the time runs on")
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
