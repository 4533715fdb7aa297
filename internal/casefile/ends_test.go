package casefile

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// TestAnEndingCaseTakesNothing: an attempt that was given up and comes late finds the door shut.
func TestAnEndingCaseTakesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	hash := sha256.Sum256([]byte("part"))
	part := Part{System: "accounts", Collection: "users", Format: "json", Blob: "b", SHA256: hash[:]}
	_, err := f.CommitParts(t.Context(), ref, []Part{part})
	ok(t, err)
	ok(t, f.KeyStore(ref).PutKeys(t.Context(), "accounts.users", []string{"id"}, 0, [][]string{{"1"}}))
	_, err = f.PutPackage(t.Context(), Package{Ref: ref, Blob: "p", ManifestHash: hash[:], Size: 1, Files: 1})
	ok(t, err)
	for range 2 {
		ok(t, f.MarkEnding(t.Context(), ref, false))
	}
	part.Collection = "logs"
	_, err = f.CommitParts(t.Context(), ref, []Part{part})
	wantType(t, err, contract.ErrNotOpen)
	_, err = f.PutPackage(t.Context(), Package{Ref: ref, Blob: "q", ManifestHash: hash[:], Size: 1, Files: 1})
	wantType(t, err, contract.ErrNotOpen)
	for range 2 {
		ok(t, f.MarkWiped(t.Context(), ref))
	}
	ok(t, f.KeyStore(ref).Keys(t.Context(), "accounts.users", []string{"id"}, func(keys [][]string) error {
		t.Errorf("keys are left: %v", keys)
		return nil
	}))
	events := f.events(t, ref)
	for _, event := range []string{"case.ending", "case.wiped"} {
		if n := len(slices.DeleteFunc(slices.Clone(events), func(e string) bool { return e != event })); n != 1 {
			t.Errorf("%d lines %s", n, event)
		}
	}
}

// TestWipeWithoutAPackage: most cases that end early have none.
func TestWipeWithoutAPackage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	ok(t, f.MarkEnding(t.Context(), ref, false))
	ok(t, f.MarkWiped(t.Context(), ref))
}

func TestVerifyUntilStands(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	want := f.time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	ok(t, f.SetVerifyUntil(t.Context(), ref, time.Hour))
	ok(t, f.SetVerifyUntil(t.Context(), ref, time.Second))
	c, err := f.Case(t.Context(), ref)
	if ok(t, err); c.VerifyUntil == nil || !c.VerifyUntil.Equal(want) {
		t.Errorf("until %v, want %v", c.VerifyUntil, want)
	}
}

// TestUnheard: what the person did is found again when the workflow did not hear of it.
func TestUnheard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rule := CodeRule{Digits: 6, TTL: time.Hour, Tries: 5, PerHour: 3}
	waiting, heard := f.newCase(t), f.newCase(t)
	want := []Unheard{}
	for _, ref := range []contract.Ref{waiting, heard} {
		c, err := f.IssueChallenge(t.Context(), ref, dsr.CodeVerify, "first", "email", rule)
		ok(t, err)
		code, err := f.CodeOf(t.Context(), c)
		ok(t, err)
		_, err = f.TryCode(t.Context(), ref, dsr.CodeVerify, code)
		ok(t, err)
		if ref == waiting {
			want = append(want, Unheard{Ref: ref, Challenge: c.ID})
		}
	}
	ok(t, f.SetProgress(t.Context(), waiting, dsr.StateVerifying, "person:code", nil))
	ok(t, f.SetProgress(t.Context(), heard, dsr.StateFinding, "", nil))
	list, err := f.Unheard(t.Context(), time.Minute, 10)
	if ok(t, err); len(list) != 0 {
		t.Errorf("too early: %v", list)
	}
	f.time.forward(time.Minute)
	list, err = f.Unheard(t.Context(), time.Minute, 10)
	if ok(t, err); cmp.Diff(want, list) != "" {
		t.Error(cmp.Diff(want, list))
	}
}

// Either the person proves who they are and the case is not closed as unverified, or it is, and the
// code comes too late: never both.
func TestProofAgainstEnding(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	early := f.newCase(t)
	_, code := f.newCode(t, early, "1")
	if !f.try(t, early, code).Met {
		t.Fatal("a right code was refused")
	}
	if err := f.MarkEnding(t.Context(), early, true); !fault.Is(err, contract.ErrNotApproved) {
		t.Errorf("ended as unverified although it is: %v", cause(err))
	}
	late := f.newCase(t)
	_, code = f.newCode(t, late, "1")
	ok(t, f.MarkEnding(t.Context(), late, true))
	if f.try(t, late, code).Met {
		t.Error("a code counted after the end")
	}
	if _, err := f.MetChallenge(t.Context(), late, dsr.CodeVerify); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("the casefile says that it was met: %v", err)
	}
}
