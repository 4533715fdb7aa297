package dsr

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Verdict is what a person decided.
type Verdict string

// The verdicts. Which of them a task takes stands in its Rule.
const (
	Approve  Verdict = "approve"
	Reject   Verdict = "reject"
	Complete Verdict = "complete" // the work was done by hand
	Retry    Verdict = "retry"    // go on trying
	Partial  Verdict = "partial"  // go on without this part
	Replan   Verdict = "replan"   // look again, and make a new plan with decisions of its own
	Uphold   Verdict = "uphold"   // the complaint is right; the reason is what the person reads
	Dismiss  Verdict = "dismiss"  // it is not; the same
)

// Role is what a member of staff may do.
type Role string

// The roles. Owner, deputy and incident lead are assignments in the map, not roles.
const (
	RoleSupport  Role = "support"
	RoleReviewer Role = "reviewer"
	RoleApprover Role = "approver"
	RoleLead     Role = "lead"
	RoleCounsel  Role = "counsel"
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

// Roles lists them all, in the order in which help shows them.
var Roles = []Role{RoleSupport, RoleReviewer, RoleApprover, RoleLead, RoleCounsel, RoleOperator, RoleAdmin}

// Decision is one signed answer of one member of staff to one task.
type Decision struct {
	Installation string // which Habeas: a signature is worth nothing elsewhere
	Ref          contract.Ref
	TaskKind     TaskKind
	Task         string
	Digest       []byte // SHA-256 of what was shown
	Verdict      Verdict
	Reason       string
	Nonce        []byte // comes with the task
	Staff        string // who says so; the key that verifies is looked up under this name
	Signature    []byte // Ed25519 over Bytes
}

// Bytes are the canonical bytes that are signed: a domain, then every field behind its length
// (8 bytes, big endian), so that no two decisions share them.
func (d Decision) Bytes() []byte {
	out := []byte("habeas decision v1\x00")
	for _, field := range [][]byte{
		[]byte(d.Installation), []byte(d.Ref), []byte(d.TaskKind), []byte(d.Task),
		d.Digest, []byte(d.Verdict), []byte(d.Reason), d.Nonce, []byte(d.Staff),
	} {
		out = binary.BigEndian.AppendUint64(out, uint64(len(field)))
		out = append(out, field...)
	}
	return out
}

// Digest is what a decision covers: the canonical bytes of what was shown, and of the choices
// that the reviewer made on it (nil when none).
func Digest(shown, choices []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{shown, choices} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// TaskFacts is what is known of the task when a decision arrives, from the casefile and not from
// the decision.
type TaskFacts struct {
	ID       string
	Ref      contract.Ref
	Kind     TaskKind
	Digest   []byte
	Nonce    []byte
	OpenedBy string   // who opened the case
	Earlier  []string // who already signed for this same thing
	Involved []string // who had a part in the case that a complaint is about
	Owners   []string // one of whom must be among those who approve; empty: nobody in particular
}

// owned says whether the owner of the data has approved, or still can, once the signer has.
func (t TaskFacts) owned(rule Rule, signer string) bool {
	signed := append(slices.Clone(t.Earlier), signer)
	return len(t.Owners) == 0 || len(signed) < rule.Signers ||
		slices.ContainsFunc(signed, func(name string) bool { return slices.Contains(t.Owners, name) })
}

// Signer is a member of staff as the casefile knows them, already traced back to pinned keys.
type Signer struct {
	Name      string
	PublicKey ed25519.PublicKey
	Roles     []Role
	Revoked   bool
}

// Check says whether d answers t, rightly signed by s, who may do so. It returns a
// contract.ErrBadSignature that names the rule broken and nothing else.
func Check(d Decision, t TaskFacts, s Signer, installation string) error {
	refuse := func(why string) error {
		return fault.Newf(contract.ErrBadSignature, "the decision on task %s was refused: %s", t.ID, why)
	}
	rule, known := Rules[t.Kind]
	switch {
	case !known:
		return refuse("nobody can decide a task of this kind")
	case d.Staff != s.Name || s.Revoked || len(s.PublicKey) != ed25519.PublicKeySize:
		return refuse("the signer is not enrolled")
	case d.Installation != installation || d.Ref != t.Ref || d.Task != t.ID || d.TaskKind != t.Kind:
		return refuse("it was signed for something else")
	case subtle.ConstantTimeCompare(d.Digest, t.Digest) != 1:
		return refuse("what was signed is not what is shown now; look at the task again")
	case subtle.ConstantTimeCompare(d.Nonce, t.Nonce) != 1:
		return refuse("it carries another task's nonce")
	case !ed25519.Verify(s.PublicKey, d.Bytes(), d.Signature):
		return refuse("the signature does not fit the enrolled key")
	case !slices.Contains(rule.Verdicts, d.Verdict):
		return refuse("this task does not take that verdict")
	case d.Verdict != Approve && d.Reason == "":
		return refuse("a reason is needed")
	case !mayDecide(rule, s):
		return refuse("the signer's role may not decide this")
	case rule.NotOpener && t.OpenedBy == s.Name:
		return refuse("whoever opened the case may not decide this: a second person must")
	case slices.Contains(t.Earlier, s.Name):
		return refuse("the same person has signed already: a second person must")
	case slices.Contains(t.Involved, s.Name):
		return refuse("the signer had a part in the case that is complained about: somebody else must")
	case d.Verdict == Approve && !t.owned(rule, s.Name):
		return refuse("one of the data's owners must be among those who sign, and nobody of them has: task show names them")
	}
	return nil
}

func mayDecide(rule Rule, s Signer) bool {
	return slices.ContainsFunc(s.Roles, func(r Role) bool { return slices.Contains(rule.Roles, r) })
}

// SealedReason is the field name under which a decision's reason is sealed on its way to the
// worker.
const SealedReason = "decision.reason.travelling"
