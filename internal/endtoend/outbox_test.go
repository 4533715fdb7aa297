package endtoend

import (
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// What the mail server does with the first letter of a case, the acknowledgement, and what becomes
// of it.
func TestOutbox(t *testing.T) {
	t.Parallel()
	c := common(t)
	cast := example.Cast()
	arm := func(s *stubborn, f catcher.Fault) {
		s.t.Helper()
		f.Match = s.p.Email
		if err := c.Stack.Catcher().Arm(s.ctx, f); err != nil {
			s.t.Fatal(err)
		}
	}
	ackOf := func(s *stubborn, ref contract.Ref) casefile.Letter {
		s.t.Helper()
		letters, err := s.d.Store.Letters(s.ctx, ref)
		if err != nil || len(letters) == 0 || letters[0].Template != "ack" {
			s.t.Fatalf("no acknowledgement: %v %v", letters, err)
		}
		return letters[0]
	}
	finish := func(s *stubborn, ref contract.Ref) {
		s.t.Helper()
		s.verify(ref)
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
		s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		s.state(ref, dsr.StateReady)
		zip := s.download(ref)
		s.state(ref, dsr.StateClosed)
		s.endedOnce(ref, zip)
	}

	t.Run("connection lost after the letter", func(t *testing.T) {
		t.Parallel()
		s := newStubborn(t, c, cast.Plain, 3*time.Minute)
		arm(s, catcher.Fault{DropAfterData: true, Count: 1})
		ref := s.open()
		finish(s, ref)
		ack := ackOf(s, ref)
		arrived := 0
		letters, err := s.p.Letters(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters {
			if l.Header("Message-Id") == "<"+ack.MessageID+">" {
				arrived++
			}
		}
		if arrived != 2 || ack.Repeated != 1 || s.repeats(ref, ack) != 1 {
			t.Errorf("arrived %d times, repeated %d, the ledger admits %d", arrived, ack.Repeated, s.repeats(ref, ack))
		}
	})

	for name, f := range map[string]catcher.Fault{
		"come back later":   {Rcpt: "450 4.2.0", Count: 1}, // as grey-listing does
		"passing trouble":   {Data: "454 4.7.0", Count: 3},
		"mailbox is filled": {Rcpt: "452 4.2.2", Count: 1},
	} {
		who := map[string]example.Person{"450 4.2.0": cast.English, "454 4.7.0": cast.SharedMobileA, "452 4.2.2": cast.Heavy}[f.Rcpt+f.Data]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStubborn(t, c, who, 3*time.Minute)
			arm(s, f)
			ref := s.open()
			finish(s, ref)
			if ack := ackOf(s, ref); ack.Attempts != 1+f.Count || ack.Repeated != 0 {
				t.Errorf("%d attempts, %d repeats", ack.Attempts, ack.Repeated)
			}
		})
	}

	t.Run("refused for good, told by hand", func(t *testing.T) {
		t.Parallel()
		s := newStubborn(t, c, cast.NoData, 3*time.Minute)
		arm(s, catcher.Fault{Rcpt: "550 5.1.1", Count: 1})
		ref := s.open()
		shown, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskUnreachable).ID)
		if err != nil {
			t.Fatal(err)
		}
		if u := shown.Shown.Unsent; u == nil || !strings.Contains(u.Text, ref.ID()) || !strings.HasPrefix(u.Page, "<!DOCTYPE html>") || !strings.Contains(u.Script, s.d.Map.Company.Hotline) {
			t.Errorf("what is to be told by hand: %+v", u)
		}
		s.sign(ref, dsr.TaskUnreachable, "an", dsr.Complete, "told on the telephone")
		s.verify(ref)
		if ack := ackOf(s, ref); ack.State != casefile.LetterRefused || ack.Attempts != 1 || ack.Reply != "550 5.1.1" {
			t.Errorf("%+v", ack)
		}
		s.sign(ref, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
		s.state(ref, dsr.StateClosed)
	})

	t.Run("refused for good, sent again", func(t *testing.T) {
		t.Parallel()
		s := newStubborn(t, c, cast.CaseTwinA, 3*time.Minute)
		arm(s, catcher.Fault{Rcpt: "550 5.1.1", Count: 1})
		ref := s.open()
		s.sign(ref, dsr.TaskUnreachable, "an", dsr.Retry, "the mailbox is open again")
		s.verify(ref)
		letters, err := s.d.Store.Letters(s.ctx, ref)
		if err != nil || len(letters) < 2 || letters[0].State != casefile.LetterRefused || letters[1].Template != "ack" || letters[1].State != casefile.LetterSent {
			t.Errorf("%+v %v", letters, err)
		}
	})
}
