package dsr

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const here = "installation"

func signed(t *testing.T, change func(*Decision, *TaskFacts, *Signer)) error {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	task := TaskFacts{ID: "T1", Ref: "case/A", Kind: TaskRelease, Digest: Digest([]byte("shown"), nil), Nonce: []byte("nonce"), OpenedBy: "an"}
	signer := Signer{Name: "bo", PublicKey: private.Public().(ed25519.PublicKey), Roles: []Role{RoleApprover}}
	d := Decision{Installation: here, Ref: task.Ref, TaskKind: task.Kind, Task: task.ID, Digest: task.Digest,
		Verdict: Approve, Nonce: task.Nonce, Staff: "bo"}
	d.Signature = ed25519.Sign(private, d.Bytes())
	if change != nil {
		change(&d, &task, &signer)
	}
	return Check(d, task, signer, here)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := signed(t, nil); err != nil {
		t.Fatalf("a right decision: %v", err)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	for why, change := range map[string]func(*Decision, *TaskFacts, *Signer){
		"does not fit":      func(d *Decision, _ *TaskFacts, _ *Signer) { d.Signature = ed25519.Sign(other, d.Bytes()) },
		"the enrolled key":  func(d *Decision, _ *TaskFacts, _ *Signer) { d.Signature = nil },
		"not enrolled":      func(_ *Decision, _ *TaskFacts, s *Signer) { s.Revoked = true },
		"something else":    func(_ *Decision, f *TaskFacts, _ *Signer) { f.ID = "T2" },
		"signed for":        func(d *Decision, _ *TaskFacts, _ *Signer) { d.Installation = "elsewhere" },
		"shown now":         func(_ *Decision, f *TaskFacts, _ *Signer) { f.Digest = Digest([]byte("shown"), []byte("choice")) },
		"nonce":             func(_ *Decision, f *TaskFacts, _ *Signer) { f.Nonce = []byte("other") },
		"role":              func(_ *Decision, _ *TaskFacts, s *Signer) { s.Roles = []Role{RoleSupport} },
		"opened the case":   func(_ *Decision, f *TaskFacts, _ *Signer) { f.OpenedBy = "bo" },
		"signed already":    func(_ *Decision, f *TaskFacts, _ *Signer) { f.Earlier = []string{"bo"} },
		"the signature":     func(d *Decision, _ *TaskFacts, _ *Signer) { d.Reason = "slipped in later" },
		"fit the enrolled":  func(d *Decision, _ *TaskFacts, _ *Signer) { d.Verdict = Reject },
		"refused: the sign": func(d *Decision, _ *TaskFacts, s *Signer) { s.PublicKey = s.PublicKey[:5] },
	} {
		err := signed(t, change)
		if !fault.Is(err, contract.ErrBadSignature) || !strings.Contains(err.Error(), why) {
			t.Errorf("want a refusal with %q, got %v", why, err)
		}
	}
}

// One of the data's owners is among those who sign, first or last; a no is anybody's.
func TestCheckAsksForTheOwner(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		owners, earlier []string
		refused         bool
	}{
		{nil, []string{"an"}, false}, {[]string{"cy"}, nil, false}, {[]string{"cy"}, []string{"an"}, true}, {[]string{"cy", "bo"}, []string{"an"}, false},
		{[]string{"an"}, []string{"an"}, false}, {[]string{"a", "n"}, []string{"an"}, true},
	} {
		for _, verdict := range []Verdict{Approve, Reject} {
			err := signed(t, func(d *Decision, f *TaskFacts, s *Signer) {
				private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
				f.Kind, f.OpenedBy, f.Owners, f.Earlier = TaskRetention, "", v.owners, v.earlier
				d.TaskKind, d.Verdict, d.Reason = f.Kind, verdict, "because"
				d.Signature = ed25519.Sign(private, d.Bytes())
			})
			if want := v.refused && verdict == Approve; fault.Is(err, contract.ErrBadSignature) != want || (err != nil) != want {
				t.Errorf("%s, %+v: %v", verdict, v, err)
			}
		}
	}
}

func TestBytesAreUnambiguous(t *testing.T) {
	t.Parallel()
	a := Decision{Task: "ab", Reason: "c"}
	b := Decision{Task: "a", Reason: "bc"}
	if bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two decisions share their bytes")
	}
	if bytes.Equal(Digest([]byte("ab"), []byte("c")), Digest([]byte("a"), []byte("bc"))) {
		t.Error("two things shown share their digest")
	}
}

func TestEveryTaskHasARule(t *testing.T) {
	t.Parallel()
	for kind, rule := range Rules {
		if len(rule.Roles) == 0 || len(rule.Verdicts) == 0 || rule.Signers < 1 {
			t.Errorf("%s: %+v", kind, rule)
		}
	}
}
