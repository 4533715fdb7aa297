package casefile

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

var rule = CodeRule{Digits: 6, TTL: 10 * time.Minute, Tries: 5, PerHour: 3}

func (f *fixture) newCode(t *testing.T, ref contract.Ref, occasion string) (Challenge, string) {
	t.Helper()
	c, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, occasion, "email", rule)
	ok(t, err)
	code, err := f.CodeOf(t.Context(), c)
	ok(t, err)
	return c, code
}

func (f *fixture) try(t *testing.T, ref contract.Ref, code string) TryResult {
	t.Helper()
	got, err := f.TryCode(t.Context(), ref, dsr.CodeVerify, code)
	ok(t, err)
	return got
}

func wrong(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func TestCodeWorksOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, other := f.newCase(t), f.newCase(t)
	c, code := f.newCode(t, ref, "1")
	_, otherCode := f.newCode(t, other, "1")
	if again, same := f.newCode(t, ref, "1"); again.ID != c.ID || same != code || len(code) != 6 {
		t.Errorf("the same occasion gave another code, or not six digits")
	}
	_, sibling := f.newCode(t, ref, "2")
	if got := f.try(t, ref, wrong(code)); got.Met && sibling != wrong(code) || got.TriesLeft != 4 {
		t.Errorf("wrong code: %+v", got)
	}
	if otherCode != code && f.try(t, ref, otherCode).Met {
		t.Error("the code of another case was met")
	}
	if got, err := f.TryCode(t.Context(), ref, dsr.CodeDownload, code); err != nil || got.Met {
		t.Errorf("under another purpose: %+v, %v", got, err)
	}
	if _, err := f.MetChallenge(t.Context(), ref, dsr.CodeVerify); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("met before it was: %v", err)
	}
	if got := f.try(t, ref, " "+code[:3]+" "+code[3:]); !got.Met || got.ChallengeID != c.ID {
		t.Errorf("right code, with gaps: %+v", got)
	}
	if f.try(t, ref, code).Met || f.try(t, ref, sibling).Met {
		t.Error("a code was met twice, or a sibling after it")
	}
	met, err := f.MetChallenge(t.Context(), ref, dsr.CodeVerify)
	if ok(t, err); met.ID != c.ID || met.MetAt == nil {
		t.Errorf("met: %+v", met)
	}
	if read, err := f.Challenge(t.Context(), c.ID); err != nil || read.MetAt == nil {
		t.Errorf("by id: %+v, %v", read, err)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("%+v", report)
	}
}

func TestCodeExpiresAndIsLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	_, code := f.newCode(t, ref, "1")
	f.time.forward(10 * time.Minute)
	if f.try(t, ref, code).Met {
		t.Error("an expired code was met")
	}
	f.newCode(t, ref, "2")
	_, third := f.newCode(t, ref, "3")
	_, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, "4", "email", rule)
	if wantType(t, err, contract.ErrLimited); fault.As(err).RetryAfter != 50*time.Minute {
		t.Errorf("retry after %v, want 50m", fault.As(err).RetryAfter)
	}
	if _, again := f.newCode(t, ref, "3"); again != third {
		t.Error("a repeat of an occasion is not the same code beyond the limit")
	}
	if _, err := f.IssueChallenge(t.Context(), ref, dsr.CodeStatus, "1", "email", rule); err != nil {
		t.Errorf("another purpose is limited too: %v", err)
	}
	f.time.forward(50 * time.Minute)
	f.newCode(t, ref, "4")
	_, err = f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, "5", "email", CodeRule{Digits: 6})
	wantType(t, err, contract.ErrBadInput)
	_, err = f.IssueChallenge(t.Context(), "case/00000-00000", dsr.CodeVerify, "1", "email", rule)
	wantType(t, err, contract.ErrNotFound)
}

// TestParallelGuesses never get more tries than there are.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	_, code := f.newCode(t, ref, "1")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { f.try(t, ref, wrong(code)) })
	}
	wg.Wait()
	guesses := 0
	for _, event := range f.events(t, ref) {
		if event == "code.wrong" {
			guesses++
		}
	}
	if guesses != rule.Tries {
		t.Errorf("%d guesses were compared, want %d", guesses, rule.Tries)
	}
	if f.try(t, ref, code).Met {
		t.Error("the right code was met after the tries were used up")
	}
	_, code = f.newCode(t, ref, "2")
	var met atomic.Int32
	for range 20 {
		wg.Go(func() {
			if f.try(t, ref, code).Met {
				met.Add(1)
			}
		})
	}
	wg.Wait()
	if met.Load() != 1 {
		t.Errorf("the right code was met %d times, want once", met.Load())
	}
}

// TestParallelIssue never makes more codes than the limit.
func TestParallelIssue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	var wg sync.WaitGroup
	var made atomic.Int32
	for n := range 12 {
		wg.Go(func() {
			_, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, string(rune('a'+n)), "email", rule)
			if err == nil {
				made.Add(1)
			} else if !fault.Is(err, contract.ErrLimited) {
				t.Error(cause(err))
			}
		})
	}
	wg.Wait()
	if made.Load() != 3 {
		t.Errorf("%d codes were made, want 3", made.Load())
	}
}

// TestUnknownCaseLooksTheSame compares what a guess costs at a case and at none: the same number of
// statements and a write each.
func TestUnknownCaseLooksTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	_, code := f.newCode(t, ref, "1")
	count := func(ref contract.Ref) (statements int) {
		t.Helper()
		traced, traceDone := traceStore(t, f)
		got, err := traced.TryCode(t.Context(), ref, dsr.CodeVerify, wrong(code))
		if ok(t, err); got.Met {
			t.Error("met")
		}
		return traceDone()
	}
	known, none := count(ref), count("case/00000-00000")
	if known != none || known == 0 {
		t.Errorf("a wrong code takes %d statements at a case and %d at none", known, none)
	}
}
