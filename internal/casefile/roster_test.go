package casefile

import (
	"crypto/ed25519"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// enrol proposes somebody and lets the named people approve it.
func (f *fixture) enrol(t *testing.T, name string, by ...string) (contract.Ref, Task) {
	t.Helper()
	m := Staff{Name: name, PublicKey: f.newKey(t, name), Roles: []dsr.Role{dsr.RoleApprover}}
	ref, err := f.ProposeStaff(t.Context(), m, "sue")
	ok(t, err)
	proposed, err := f.Proposal(t.Context(), ref)
	if m.EnrolledBy = ref; err != nil || cmp.Diff(m, proposed) != "" {
		t.Errorf("proposal: %v, %+v", err, proposed)
	}
	task := f.newTask(t, ref, dsr.TaskEnrol, string(EnrolShown(proposed)))
	for i, who := range by {
		got := f.decide(t, task, who, dsr.Approve)
		if got.Done != (i == 1) {
			t.Errorf("after %d signatures done is %v", i+1, got.Done)
		}
	}
	return ref, task
}

// TestRosterIsAChainOfTrust enrols by two pinned approvers, then by somebody enrolled, then revokes.
func TestRosterIsAChainOfTrust(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref, task := f.enrol(t, "zoe", "ann")
	wantType(t, f.ApplyRoster(t.Context(), ref, task.ID, f.pins), contract.ErrNotApproved)
	_, err := f.RecordDecision(t.Context(), f.sign(task, "ann", dsr.Reject), f.pins)
	wantType(t, err, contract.ErrBadSignature) // the same person cannot be the second
	f.decide(t, task, "bob", dsr.Approve)
	for range 2 {
		ok(t, f.ApplyRoster(t.Context(), ref, task.ID, f.pins))
	}
	got, err := f.TrustedStaff(t.Context(), "zoe", f.pins)
	if ok(t, err); got.Name != "zoe" || got.Revoked || len(got.Roles) != 1 {
		t.Errorf("zoe: %+v", got)
	}
	ref2, task2 := f.enrol(t, "yan", "zoe", "eve")
	wantType(t, f.ApplyRoster(t.Context(), ref, task2.ID, f.pins), contract.ErrNotApproved)
	ok(t, f.ApplyRoster(t.Context(), ref2, task2.ID, f.pins))
	_, err = f.TrustedStaff(t.Context(), "yan", f.pins)
	ok(t, err)
	twice, task3 := f.enrol(t, "yan", "ann", "bob")
	wantType(t, f.ApplyRoster(t.Context(), twice, task3.ID, f.pins), contract.ErrConflict)
	pinned, task4 := f.enrol(t, "eve", "ann", "bob")
	wantType(t, f.ApplyRoster(t.Context(), pinned, task4.ID, f.pins), contract.ErrConflict)

	signed := f.newTask(t, f.newCase(t), dsr.TaskRelease, `{}`)
	f.decide(t, signed, "zoe", dsr.Approve)
	f.time.forward(1e9)
	ok(t, f.RevokeStaff(t.Context(), "zoe", "ann"))
	wantType(t, f.RevokeStaff(t.Context(), "zoe", "ann"), contract.ErrNotFound)
	f.time.forward(1e9)
	after := f.newTask(t, f.newCase(t), dsr.TaskRelease, `{}`)
	_, err = f.RecordDecision(t.Context(), f.sign(after, "zoe", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrBadSignature)
	f.exec(t, `UPDATE habeas.staff_member SET revoked_at = NULL, revoked_by = '' WHERE name = 'zoe'`)
	_, err = f.RecordDecision(t.Context(), f.sign(after, "zoe", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrBadSignature) // the ledger remembers
	_, err = f.CheckApproval(t.Context(), signed.ID, f.pins)
	ok(t, err) // what was signed before stays valid
	_, err = f.TrustedStaff(t.Context(), "yan", f.pins)
	ok(t, err)

	// Without one of the pins that stand behind zoe, everything that rests on her falls.
	delete(f.pins, "bob")
	for _, name := range []string{"zoe", "yan"} {
		_, err = f.TrustedStaff(t.Context(), name, f.pins)
		wantType(t, err, contract.ErrNotFound)
	}
	if list, err := f.ListStaff(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("list: %v, %v", list, err)
	}
}

// TestRowsWrittenBySomebodyAreNotTrusted writes staff into the table, also in a circle.
func TestRowsWrittenBySomebodyAreNotTrusted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	insert := `INSERT INTO habeas.staff_member (enrolment, task, name, public_key, roles, enrolled_at) VALUES ($1, $2, $3, $4, '{approver}', now())`
	ref, task := f.enrol(t, "mallory", "ann") // only one signature
	f.exec(t, insert, ref, task.ID, "mallory", []byte(f.keys["mallory"].Public().(ed25519.PublicKey)))
	_, err := f.TrustedStaff(t.Context(), "mallory", f.pins)
	wantType(t, err, contract.ErrNotFound)
	f.exec(t, `UPDATE habeas.task SET state = 'done', verdict = 'approve', done_at = now() WHERE id = $1`, task.ID)
	_, err = f.TrustedStaff(t.Context(), "mallory", f.pins)
	wantType(t, err, contract.ErrNotFound)

	// A good enrolment does not carry another key or another role.
	good, approved := f.enrol(t, "zoe", "ann", "bob")
	f.exec(t, insert, good, approved.ID, "zoe", []byte(f.keys["mallory"].Public().(ed25519.PublicKey)))
	_, err = f.TrustedStaff(t.Context(), "zoe", f.pins)
	wantType(t, err, contract.ErrNotFound)

	// Three who enrol each other, each with the two signatures that it takes.
	circle := []string{"tam", "tim", "tom"}
	refs, tasks := map[string]contract.Ref{}, map[string]Task{}
	for _, name := range circle {
		refs[name], tasks[name] = f.enrol(t, name)
		f.exec(t, insert, refs[name], tasks[name].ID, name, []byte(f.keys[name].Public().(ed25519.PublicKey)))
	}
	for _, name := range circle {
		task, n := tasks[name], 0
		for _, who := range circle {
			if who == name {
				continue
			}
			n++
			d := f.sign(task, who, dsr.Approve)
			reason, err := f.Seal(t.Context(), task.Ref, reasonField(task.ID, who), []byte(d.Reason))
			ok(t, err)
			f.exec(t, `INSERT INTO habeas.decision (task, staff, n, enrolment, verdict, reason, digest, nonce, signature, done, at)
				VALUES ($1, $2, $3, $4, 'approve', $5, $6, $7, $8, true, now())`,
				task.ID, who, n, refs[who], reason, d.Digest, d.Nonce, d.Signature)
		}
		f.exec(t, `UPDATE habeas.task SET state = 'done', verdict = 'approve', done_at = now() WHERE id = $1`, task.ID)
	}
	for _, name := range circle {
		_, err = f.TrustedStaff(t.Context(), name, f.pins)
		wantType(t, err, contract.ErrNotFound)
	}
	// The same rows hold as soon as the two who signed are pinned: it was the circle that failed.
	f.pins["tam"] = Pin{PublicKey: f.keys["tam"].Public().(ed25519.PublicKey), Roles: []dsr.Role{dsr.RoleApprover}}
	f.pins["tom"] = Pin{PublicKey: f.keys["tom"].Public().(ed25519.PublicKey), Roles: []dsr.Role{dsr.RoleApprover}}
	f.exec(t, `UPDATE habeas.decision SET enrolment = '' WHERE staff IN ('tam', 'tom')`)
	_, err = f.TrustedStaff(t.Context(), "tim", f.pins)
	ok(t, err)
}
