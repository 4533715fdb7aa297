package casefile

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// entry writes a disclosure down and gives its task, as the worker shows it.
func (f *fixture) entry(t *testing.T, at string, confidential bool) (contract.Ref, Task) {
	t.Helper()
	st := DisclosureStatement{Authority: "Tax office of Aurelia Zhang", Ground: "税收征管法 54", At: at, Categories: []string{"orders"}, Person: "email: m***@persons.example",
		Kind: "email", Index: f.sets.BlindIndex("email", "mei.lin@persons.example"), Confidential: confidential, Nonce: []byte(at)}
	ref, err := f.as(t, RoleStaff).AskDisclosure(t.Context(), st, "sue")
	ok(t, err)
	digest, err := st.Digest(f.sets.Installation())
	ok(t, err)
	shown, err := dsr.Shown{Ref: ref, Kind: dsr.TaskDisclosure, Disclosure: &dsr.ShownDisclosure{Statement: hex.EncodeToString(digest)}}.Bytes()
	ok(t, err)
	return ref, f.newTask(t, ref, dsr.TaskDisclosure, string(shown))
}

// An entry stands with two signatures over it, not the writer's; a person's answer tells of those alone that
// they may know of, whatever others there are.
func TestTheRegisterOfDisclosures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app := f.as(t, RoleApp)
	mine := map[string][][]byte{"email": {f.sets.BlindIndex("email", "mei.lin@persons.example")}}
	told := func() (days []string) {
		list, err := app.DisclosuresOf(t.Context(), mine, f.time.Now(), f.pins)
		ok(t, err)
		for _, d := range list {
			days = append(days, d.Statement.At)
		}
		return days
	}
	ref, task := f.entry(t, "2026-11-02", false)
	f.decide(t, task, "ann", dsr.Approve)
	wantType(t, app.EnterDisclosure(t.Context(), ref, task.ID, f.pins), contract.ErrNotApproved)
	f.decide(t, task, "bob", dsr.Approve)
	if days := told(); len(days) != 0 {
		t.Errorf("told of %v before it was entered", days)
	}
	for range 2 {
		ok(t, app.EnterDisclosure(t.Context(), ref, task.ID, f.pins))
	}
	before := told()
	secret, signed := f.entry(t, "2026-11-01", true)
	f.decide(t, signed, "ann", dsr.Approve)
	f.decide(t, signed, "bob", dsr.Approve)
	ok(t, app.EnterDisclosure(t.Context(), secret, signed.ID, f.pins))
	if diff := cmp.Diff(before, told()); diff != "" || len(before) != 1 {
		t.Errorf("a confidential entry shows:\n%s", diff)
	}
	first, task := f.entry(t, "2026-01-15", false)
	f.decide(t, task, "ann", dsr.Reject)
	wantType(t, app.EnterDisclosure(t.Context(), first, task.ID, f.pins), contract.ErrNotApproved)
	ok(t, app.RefuseDisclosure(t.Context(), first, task.ID, f.pins))
	again, task := f.entry(t, "2026-01-20", false)
	wantType(t, app.RefuseDisclosure(t.Context(), again, task.ID, f.pins), contract.ErrNotApproved)
	f.decide(t, task, "bob", dsr.Approve)
	f.decide(t, task, "eve", dsr.Approve)
	f.time.forward(time.Hour)
	ok(t, app.EnterDisclosure(t.Context(), again, task.ID, f.pins))
	if diff := cmp.Diff([]string{"2026-01-20", "2026-11-02"}, told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if list, err := app.DisclosuresOf(t.Context(), mine, f.time.Now().Add(-time.Minute), f.pins); err != nil || len(list) != 1 {
		t.Errorf("as it was before: %d, %v", len(list), err)
	}
	list, err := f.as(t, RoleStaff).Disclosures(t.Context(), f.pins)
	ok(t, err)
	states := map[string]int{}
	for _, d := range list {
		states[d.State]++
	}
	if diff := cmp.Diff(map[string]int{DisclosureEntered: 3, DisclosureRefused: 1}, states); diff != "" {
		t.Errorf("the register (-want +got):\n%s", diff)
	}
	// A row that somebody turned round is nobody's word.
	f.exec(t, `UPDATE habeas.disclosure SET entered = true WHERE ref = $1`, first)
	if days := told(); len(days) != 2 {
		t.Errorf("an entry that was refused is told: %v", days)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}
