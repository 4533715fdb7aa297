package casefile

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

var twoNeeded = dsr.Need{Rung: dsr.RungTwo, By: []string{dsr.BySecond, dsr.ByFacts}, Facts: 2, Why: []string{dsr.WhySensitive}}

func TestNeedIsSetOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	_, err := f.Identity(t.Context(), ref)
	wantType(t, err, contract.ErrNotFound)
	ok(t, f.SetNeed(t.Context(), ref, twoNeeded))
	ok(t, f.SetNeed(t.Context(), ref, dsr.Need{}))
	got, err := f.as(t, RoleStaff).Identity(t.Context(), ref)
	ok(t, err)
	if diff := cmp.Diff(Identity{Need: twoNeeded, FactsLeft: factTries}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBruteForce: thousands of wrong codes at once never get through, and none is looked at beyond the tries that
// were counted. The case is locked, and takes the right code no more until a day is over.
func TestBruteForce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	ok(t, f.SetNeed(t.Context(), ref, dsr.Need{Rung: dsr.RungCode}))
	var right []string
	codes := map[string]bool{}
	for n := range rule.PerHour {
		_, code := f.newCode(t, ref, fmt.Sprint(n))
		right, codes[code] = append(right, code), true
	}
	var met, counted atomic.Int64
	var guesses sync.WaitGroup
	staff := f.as(t, RoleStaff)
	for worker := range 8 {
		random := rand.New(rand.NewPCG(7, uint64(worker)))
		guesses.Go(func() {
			for range 400 {
				code := fmt.Sprintf("%06d", random.IntN(1_000_000))
				if codes[code] {
					continue
				}
				got, err := staff.TryCode(t.Context(), ref, dsr.CodeVerify, code)
				if err != nil {
					t.Error(cause(err))
					return
				}
				if got.Met {
					met.Add(1)
				}
			}
		})
	}
	guesses.Wait()
	for _, event := range f.events(t, ref) {
		if event == "code.wrong" {
			counted.Add(1)
		}
	}
	if met.Load() != 0 || counted.Load() != int64(rule.Tries) {
		t.Errorf("3,200 guesses: %d met, %d looked at, want 0 and %d", met.Load(), counted.Load(), rule.Tries)
	}
	for _, code := range right {
		if f.try(t, ref, code).Met {
			t.Error("a right code was met after its tries were used up")
		}
	}
}

// TestLock: fifteen wrong guesses, of whatever code, lock a case for a day; a right one before starts anew.
func TestLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	ok(t, f.SetNeed(t.Context(), ref, dsr.Need{Rung: dsr.RungCode}))
	generous := CodeRule{Digits: 6, TTL: 10 * time.Minute, Tries: 10, PerHour: 20}
	issue := func(purpose, occasion string) string {
		t.Helper()
		c, err := f.IssueChallenge(t.Context(), ref, purpose, occasion, "email", generous)
		ok(t, err)
		code, err := f.CodeOf(t.Context(), c)
		ok(t, err)
		return code
	}
	guess := func(purpose, code string, n int) (locked bool) {
		t.Helper()
		for range n {
			got, err := f.TryCode(t.Context(), ref, purpose, wrong(code))
			ok(t, err)
			locked = locked || got.Locked
		}
		return locked
	}
	first := issue(dsr.CodeVerify, "1")
	if guess(dsr.CodeVerify, first, 9) {
		t.Error("locked after nine")
	}
	if !f.try(t, ref, first).Met {
		t.Fatal("the right code was not met")
	}
	status, download := issue(dsr.CodeStatus, "1"), issue(dsr.CodeDownload, "1")
	if guess(dsr.CodeStatus, status, 9) || guess(dsr.CodeDownload, download, 5) {
		t.Error("locked after fourteen")
	}
	if !guess(dsr.CodeDownload, download, 1) {
		t.Error("not locked after fifteen")
	}
	if got, err := f.TryCode(t.Context(), ref, dsr.CodeDownload, download); err != nil || got.Met {
		t.Errorf("a locked case took the right code: %+v, %v", got, err)
	}
	_, err := f.IssueChallenge(t.Context(), ref, dsr.CodeDownload, "2", "email", generous)
	wantType(t, err, contract.ErrLimited)
	id, err := f.Identity(t.Context(), ref)
	ok(t, err)
	if id.Locks != 1 || id.LockedUntil == nil || !id.LockedUntil.Equal(f.time.Now().Add(lockedFor)) {
		t.Errorf("%+v", id)
	}
	f.time.forward(lockedFor)
	if got, err := f.TryCode(t.Context(), ref, dsr.CodeDownload, issue(dsr.CodeDownload, "3")); err != nil || !got.Met {
		t.Errorf("a day later: %+v, %v", got, err)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("%+v", report)
	}
}

// TestReplay: a code that was used, that is of another purpose, of another case or too old, opens nothing.
func TestReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, other := f.newCase(t), f.newCase(t)
	issue := func(of contract.Ref, purpose, occasion string) string {
		t.Helper()
		c, err := f.IssueChallenge(t.Context(), of, purpose, occasion, "email", CodeRule{Digits: 12, TTL: time.Hour, Tries: 10, PerHour: 9})
		ok(t, err)
		code, err := f.CodeOf(t.Context(), c)
		ok(t, err)
		return code
	}
	refuse := func(what string, of contract.Ref, purpose, code string) {
		t.Helper()
		if got, err := f.TryCode(t.Context(), of, purpose, code); err != nil || got.Met {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	purposes := []string{dsr.CodeVerify, dsr.CodeSecond, dsr.CodeStatus, dsr.CodeDownload, dsr.CodeNewEmail, dsr.CodeNewMobile}
	for _, purpose := range purposes {
		code, foreign := issue(ref, purpose, "1"), issue(other, purpose, "1")
		refuse("of another case", ref, purpose, foreign)
		for _, wrong := range purposes {
			if wrong != purpose {
				refuse("of another purpose", ref, wrong, code)
			}
		}
		if got, err := f.TryCode(t.Context(), ref, purpose, code); err != nil || !got.Met {
			t.Fatalf("the right one: %+v, %v", got, err)
		}
		refuse("used", ref, purpose, code)
		old := issue(ref, purpose, "2")
		f.time.forward(time.Hour)
		refuse("old", ref, purpose, old)
		ok(t, f.SetNeed(t.Context(), ref, dsr.Need{Rung: dsr.RungCode}))
	}
}

// TestCodesPause: the next code waits a while after each, and longer every time.
func TestCodesPause(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	slow := rule
	slow.Pause, slow.PerHour = time.Minute, 9
	for n, wait := range []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute} {
		if wait > 0 {
			f.time.forward(wait - time.Second)
			_, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, fmt.Sprint(n), "email", slow)
			wantType(t, err, contract.ErrLimited)
			f.time.forward(time.Second)
		}
		_, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, fmt.Sprint(n), "email", slow)
		ok(t, err)
	}
}

// TestFactsAreCounted: three answers, however many come at once, and none after a right one.
func TestFactsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, other := f.newCase(t), f.newCase(t)
	ok(t, f.SetNeed(t.Context(), ref, twoNeeded))
	ok(t, f.SetNeed(t.Context(), other, twoNeeded))
	staff := f.as(t, RoleStaff)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if met, _, err := staff.TryFacts(t.Context(), ref, false); met || err != nil {
				t.Errorf("wrong facts: %v, %v", met, cause(err))
			}
		})
	}
	all.Wait()
	wrongs := 0
	for _, event := range f.events(t, ref) {
		if event == "facts.wrong" {
			wrongs++
		}
	}
	if wrongs != factTries {
		t.Errorf("%d answers were looked at, want %d", wrongs, factTries)
	}
	if met, _, err := staff.TryFacts(t.Context(), ref, true); met || err != nil {
		t.Errorf("right facts after the tries are used up: %v, %v", met, err)
	}
	if met, left, err := staff.TryFacts(t.Context(), other, true); !met || left != factTries-1 || err != nil {
		t.Errorf("right facts: %v, %d left, %v", met, left, err)
	}
	if met, _, err := staff.TryFacts(t.Context(), other, true); met || err != nil {
		t.Errorf("a second time: %v, %v", met, err)
	}
	if met, _, err := staff.TryFacts(t.Context(), "case/00000-00000", true); met || err != nil {
		t.Errorf("no case: %v, %v", met, err)
	}
	id, err := f.Identity(t.Context(), other)
	if ok(t, err); !id.Facts {
		t.Error("the casefile does not know")
	}
}

// TestEndingAsksForTheWholeNeed: somebody with a code and no more has not proved who they are, and their case may
// end as unverified; with the second channel it may not.
func TestEndingAsksForTheWholeNeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	half, whole := f.newCase(t), f.newCase(t)
	for _, ref := range []contract.Ref{half, whole} {
		ok(t, f.SetNeed(t.Context(), ref, twoNeeded))
		_, code := f.newCode(t, ref, "1")
		f.try(t, ref, code)
	}
	c, err := f.IssueChallenge(t.Context(), whole, dsr.CodeSecond, "1", "mobile", rule)
	ok(t, err)
	code, err := f.CodeOf(t.Context(), c)
	ok(t, err)
	if got, err := f.TryCode(t.Context(), whole, dsr.CodeSecond, code); err != nil || !got.Met {
		t.Fatalf("%+v, %v", got, err)
	}
	ok(t, f.MarkEnding(t.Context(), half, true))
	wantType(t, f.MarkEnding(t.Context(), whole, true), contract.ErrNotApproved)
}

// TestOutsidersSeeNoDifference: whatever somebody asks or tries from outside, a case that exists takes the same
// number of statements as one that does not, whether it is open, locked, without a code, or closed.
func TestOutsidersSeeNoDifference(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	store, count := traceStore(t, f)
	named := map[string]contract.Ref{"unknown": "case/00000-00000"}
	for _, name := range []string{"with a code", "without a code", "locked", "used up", "closed"} {
		ref := f.newCase(t)
		ok(t, f.SetNeed(t.Context(), ref, dsr.Need{Rung: dsr.RungCode}))
		named[name] = ref
		if name != "without a code" {
			for _, purpose := range []string{dsr.CodeVerify, dsr.CodeStatus, dsr.CodeDownload} {
				_, err := f.IssueChallenge(t.Context(), ref, purpose, "1", "email", CodeRule{Digits: 6, TTL: time.Hour, Tries: 10, PerHour: 3})
				ok(t, err)
			}
		}
	}
	f.exec(t, `UPDATE habeas.identity SET locks = 1, locked_until = $2 WHERE ref = $1`, named["locked"], f.time.Now().Add(time.Hour))
	f.exec(t, `UPDATE habeas.challenge SET tries_left = 0 WHERE ref = $1`, named["used up"])
	ok(t, f.CloseCase(t.Context(), named["closed"], dsr.Unverified))
	// A guess on the brink of a lock must not differ either.
	f.exec(t, `UPDATE habeas.identity SET wrong = $2 WHERE ref = $1`, named["with a code"], wrongToLock-1)
	for what, do := range map[string]func(contract.Ref, string) error{
		"wish": func(ref contract.Ref, purpose string) error {
			_, err := store.WishCode(t.Context(), ref, purpose, 3)
			return err
		},
		"try": func(ref contract.Ref, purpose string) error {
			_, err := store.TryCode(t.Context(), ref, purpose, "abcdef") // no code is letters
			return err
		},
	} {
		for _, purpose := range []string{dsr.CodeVerify, dsr.CodeStatus, dsr.CodeDownload} {
			took := map[string]int{}
			for name, ref := range named {
				before := count()
				ok(t, do(ref, purpose))
				took[name] = count() - before
			}
			for name, n := range took {
				if n != took["unknown"] || n == 0 {
					t.Errorf("%s for %s: %d statements for a case %s, %d for one that does not exist", what, purpose, n, name, took["unknown"])
				}
			}
		}
	}
}

// TestReopens: a case is taken up once, by a case that names it, and both ledgers say so.
func TestReopens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old := f.newCase(t)
	ok(t, f.CloseCase(t.Context(), old, dsr.Unverified))
	open := func() (contract.Ref, error) {
		now := f.time.Now()
		return f.as(t, RoleStaff).CreateCase(t.Context(), NewCase{Kind: dsr.Access, Laws: []string{"cn-pipl"}, Lang: "zh", Channel: "phone", Requester: "self",
			OpenedBy: "sue", MapHash: "x", ReceivedAt: now, DueAt: now.Add(time.Hour), Reopens: old})
	}
	if none, err := f.ReopenedAs(t.Context(), old); none != "" || err != nil {
		t.Errorf("before: %q, %v", none, err)
	}
	made, err := open()
	ok(t, err)
	_, err = open()
	wantType(t, err, contract.ErrConflict)
	as, err := f.ReopenedAs(t.Context(), old)
	if ok(t, err); as != made {
		t.Errorf("taken up by %q, want %q", as, made)
	}
	c, err := f.Case(t.Context(), made)
	if ok(t, err); c.Reopens != old {
		t.Errorf("names %q", c.Reopens)
	}
	if events := f.events(t, old); events[len(events)-1] != "case.reopened" {
		t.Errorf("the old case's ledger: %v", events)
	}
}
