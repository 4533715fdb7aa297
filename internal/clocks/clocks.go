// Package clocks says what the laws that a case is pinned to ask of it now: by when it must be
// acknowledged and answered under each, what has stopped a clock, what was extended, and when staff
// must be warned. It reads the casefile and computes with jurisdiction; the time is an argument.
// What does not belong here: waiting (workflows) and writing (casefile).
package clocks

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// State is what holds for a case now.
type State struct {
	Case       casefile.Case
	Laws       []jurisdiction.Law
	Stops      []casefile.Stop
	Extensions []casefile.Extension
	// Answers are the clocks, one a law, in the order of Laws.
	Answers []jurisdiction.Clock
	// Acknowledge is the strictest clock for confirming the receipt.
	Acknowledge jurisdiction.Clock
	now         time.Time
}

// Pins are laws as the casefile keeps them.
func Pins(laws []jurisdiction.Law) ([]casefile.PinnedLaw, error) {
	pins := make([]casefile.PinnedLaw, len(laws))
	for i, law := range laws {
		raw, digest, err := law.Pin()
		if err != nil {
			return nil, err
		}
		pins[i] = casefile.PinnedLaw{Digest: digest, Name: law.Profile.Name, Version: law.Profile.Version, Body: raw}
	}
	return pins, nil
}

// Of reads what holds for a case. A case that is pinned to nothing goes by the book.
func Of(ctx context.Context, store *casefile.Store, book *jurisdiction.Book, ref contract.Ref, now time.Time) (State, error) {
	c, err := store.Case(ctx, ref)
	if err != nil {
		return State{}, err
	}
	laws, err := pinned(ctx, store, book, c)
	if err != nil {
		return State{}, err
	}
	stops, err := store.Stops(ctx, ref)
	if err != nil {
		return State{}, err
	}
	extensions, err := store.Extensions(ctx, ref)
	if err != nil {
		return State{}, err
	}
	return New(c, laws, stops, extensions, now)
}

// New computes what holds for a case of which all is known.
func New(c casefile.Case, laws []jurisdiction.Law, stops []casefile.Stop, extensions []casefile.Extension, now time.Time) (State, error) {
	s := State{Case: c, Laws: laws, Stops: stops, Extensions: extensions, now: now}
	return s, s.compute()
}

func pinned(ctx context.Context, store *casefile.Store, book *jurisdiction.Book, c casefile.Case) ([]jurisdiction.Law, error) {
	pins, err := store.PinnedLaws(ctx, c.Ref)
	if err != nil {
		return nil, err
	}
	if len(pins) == 0 {
		if book == nil {
			book = jurisdiction.Embedded()
		}
		return book.Laws(c.Laws, c.ReceivedAt)
	}
	laws := make([]jurisdiction.Law, len(pins))
	for i, pin := range pins {
		if laws[i], err = jurisdiction.ReadPin(pin.Body, pin.Digest); err != nil {
			return nil, err
		}
	}
	return laws, nil
}

func (s *State) compute() error {
	s.Answers = nil
	for _, law := range s.Laws {
		compute := law.Answer
		for _, e := range s.Extensions {
			if e.Law == law.Profile.Name {
				compute = law.Extended
			}
		}
		clock, err := compute(string(s.Case.Kind), s.Case.ReceivedAt, s.Pauses(), s.now)
		if err != nil {
			return err
		}
		s.Answers = append(s.Answers, clock)
		ack, err := law.Acknowledge(string(s.Case.Kind), s.Case.ReceivedAt)
		if err != nil {
			return err
		}
		if s.Acknowledge.Strict.IsZero() || ack.Strict.Before(s.Acknowledge.Strict) {
			s.Acknowledge = ack
		}
	}
	return nil
}

// Under is the same case under other laws: what a recomputation would come to.
func (s State) Under(laws []jurisdiction.Law) (State, error) {
	s.Laws = laws
	s.Acknowledge = jurisdiction.Clock{}
	return s, s.compute()
}

// Pauses are the stops as the laws read them.
func (s State) Pauses() []jurisdiction.Pause {
	list := make([]jurisdiction.Pause, len(s.Stops))
	for i, stop := range s.Stops {
		list[i] = jurisdiction.Pause{Kind: stop.Kind, From: stop.AskedAt}
		if stop.AnsweredAt != nil {
			list[i].Until = *stop.AnsweredAt
		}
	}
	return list
}

// Earliest is the strictest clock, and the law it is of.
func (s State) Earliest() (jurisdiction.Clock, jurisdiction.Law) {
	first := 0
	for i, clock := range s.Answers {
		if clock.Strict.Before(s.Answers[first].Strict) {
			first = i
		}
	}
	return s.Answers[first], s.Laws[first]
}

// Law is the law of that name among those of the case; none given is the law of the earliest clock.
func (s State) Law(name string) (jurisdiction.Law, jurisdiction.Clock, bool) {
	if name == "" {
		clock, law := s.Earliest()
		return law, clock, true
	}
	for i, law := range s.Laws {
		if law.Profile.Name == name {
			return law, s.Answers[i], true
		}
	}
	return jurisdiction.Law{}, jurisdiction.Clock{}, false
}

// Asked is the question that waits for the person's answer, if there is one.
func (s State) Asked() (casefile.Stop, bool) {
	for _, stop := range s.Stops {
		if stop.AnsweredAt == nil {
			return stop, true
		}
	}
	return casefile.Stop{}, false
}

// Halted says whether the open question moves the earliest clock: no alarm is due meanwhile.
func (s State) Halted() bool {
	stop, open := s.Asked()
	if !open {
		return false
	}
	_, law := s.Earliest()
	_, moves := law.Profile.MayPause(string(s.Case.Kind), stop.Kind)
	return moves
}

// ExtendedUnder is the case with more time under one law.
func (s State) ExtendedUnder(law string) (State, error) {
	s.Extensions = append(append([]casefile.Extension{}, s.Extensions...), casefile.Extension{Law: law})
	return s, s.compute()
}
