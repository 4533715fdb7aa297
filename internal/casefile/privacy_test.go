package casefile

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// dump is the text of every row of every table, binary columns in hexadecimal.
func (f *fixture) dump(t *testing.T) string {
	t.Helper()
	var tables []string
	ok(t, f.super.SelectContext(t.Context(), &tables, `SELECT tablename FROM pg_tables WHERE schemaname = 'habeas'`))
	var out strings.Builder
	for _, table := range tables {
		var rows []string
		ok(t, f.super.SelectContext(t.Context(), &rows, `SELECT t::text FROM habeas."`+table+`" t`))
		if len(rows) == 0 && table != "checkpoint_tip" {
			t.Errorf("the test left the table %s empty: it proves nothing there", table)
		}
		out.WriteString(strings.Join(rows, "\n"))
	}
	return out.String()
}

// TestNothingPersonalInTheOpen fills every table from one person's values and searches the whole
// database for them, raw and encoded. A control row that carries them is found.
func TestNothingPersonalInTheOpen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	values := []string{"mei.lin@persons.example", "13900001234", "990101199001011234", "张奥蕾", "Aurelia Zhang"}
	code := f.fillFor(t)
	values = append(values, code)
	var needles []string
	for _, value := range values {
		quoted, _ := json.Marshal(value)
		escaped := strings.Trim(fmt.Sprintf("%+q", value), `"`)
		needles = append(needles, value, strings.Trim(string(quoted), `"`), escaped, hex.EncodeToString([]byte(value)))
		for shift := range 3 { // base64 of the value at any offset
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + value))
			needles = append(needles, encoded[4:len(encoded)-4])
		}
	}
	dump := f.dump(t)
	for _, needle := range needles {
		if strings.Contains(dump, needle) {
			t.Errorf("%q stands in the database", needle)
		}
	}
	all, _ := json.Marshal(values)
	f.exec(t, `CREATE TABLE habeas.control AS SELECT $1::text AS raw, $2::bytea AS sealed`, strings.Join(values, " "), all)
	dump = f.dump(t)
	for _, value := range values {
		if !strings.Contains(dump, value) || !strings.Contains(dump, hex.EncodeToString([]byte(value))) && value != "张奥蕾" {
			t.Errorf("the search does not find %q where it stands", value)
		}
	}
}

// fillFor runs a case through every table and returns a code that is 12 digits long.
func (f *fixture) fillFor(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	ref := f.newCase(t)
	account, err := json.Marshal(person)
	ok(t, err)
	ok(t, f.PutAccounts(ctx, ref, [][]byte{account}))
	ok(t, f.ChooseAccount(ctx, ref, 0, "only-one"))
	indexes := map[string][][]byte{}
	for _, id := range person.Identities {
		indexes[id.Kind] = [][]byte{f.sets.BlindIndex(id.Kind, id.Value)}
	}
	ok(t, f.PutIndexes(ctx, ref, indexes))
	ok(t, f.SetNeed(ctx, ref, dsr.Need{Rung: dsr.RungTwo, By: []string{dsr.ByFacts}, Facts: 2, Why: []string{dsr.WhySensitive}}))
	_, _, err = f.TryFacts(ctx, ref, false)
	ok(t, err)
	_, err = f.WishCode(ctx, ref, dsr.CodeVerify, 3)
	ok(t, err)
	long := rule
	long.Digits = 12
	c, err := f.IssueChallenge(ctx, ref, dsr.CodeVerify, "1", "email", long)
	ok(t, err)
	code, err := f.CodeOf(ctx, c)
	ok(t, err)
	f.try(t, ref, wrong(code))
	if !f.try(t, ref, code).Met {
		t.Error("the code was not met")
	}
	letter, _, err := f.ClaimLetter(ctx, ref, "ack", "1", "zh", "email", "cloud.example")
	ok(t, err)
	ok(t, f.LetterDeferred(ctx, letter.Key, "450 4.2.2 <mei.lin@persons.example> over quota"))
	ok(t, f.KeyStore(ref).PutKeys(ctx, "accounts.users", []string{"email"}, 0, [][]string{{"mei.lin@persons.example"}, {"+8613900001234"}}))
	ok(t, f.PutCounts(ctx, ref, map[string]int64{"accounts.users": 1}))
	_, err = f.CommitParts(ctx, ref, []Part{{System: "accounts", Collection: "users", Format: "json", Blob: "b", Rows: 1, SHA256: zeroHash}})
	ok(t, err)
	byHand := f.newTask(t, ref, dsr.TaskByHand, string(account))
	_, err = f.as(t, RoleStaff).AddEvidence(ctx, proofOf(byHand.ID))
	ok(t, err)
	task := f.newTask(t, ref, dsr.TaskReview, string(account))
	d := f.sign(task, "ann", dsr.Reject)
	d.Reason = "reads that Aurelia Zhang 张奥蕾 has 990101199001011234"
	d.Signature = ed25519.Sign(f.keys["ann"], d.Bytes())
	_, err = f.RecordDecision(ctx, d, f.pins)
	ok(t, err)
	_, err = f.PutPackage(ctx, Package{Ref: ref, Blob: "p", ManifestHash: zeroHash, Size: 1, Files: 1})
	ok(t, err)
	roster, enrol := f.enrol(t, "zoe", "ann", "bob")
	ok(t, f.ApplyRoster(ctx, roster, enrol.ID, f.pins))
	ok(t, f.SetProgress(ctx, ref, dsr.StateReview, "a reviewer", []string{"accounts"}))
	f.fillDeletion(t, account)
	f.fillStopping(t, account)
	ok(t, f.as(t, RoleApp).PutNameCheck(ctx, ref, f.NameHash(ref, "张奥蕾", "990101199001011234"), "accounts"))
	f.fillLaw(t, ref)
	f.fillNotice(t, string(account))
	f.fillRetention(t, account)
	f.entry(t, "2026-11-02", true)
	_, err = f.Checkpoint(ctx)
	ok(t, err)
	wantType(t, f.SetProgress(ctx, ref, dsr.StateReview, "mei.lin@persons.example", nil), contract.ErrInternal)
	return code
}

// fillDeletion runs a deletion and a hold through every table.
func (f *fixture) fillDeletion(t *testing.T, personal []byte) {
	t.Helper()
	ctx := t.Context()
	ref, p := f.newDeletion(t, false)
	ok(t, f.FrozenKeys(ref, 1).PutKeys(ctx, "accounts.users", []string{"email"}, 0, [][]string{{"mei.lin@persons.example"}}))
	ok(t, f.Withdraw(ctx, ref, "sue", "Aurelia Zhang 张奥蕾 called"))
	other, q := f.newDeletion(t, false)
	_, err := f.StartPlan(ctx, other, 2, map[string]string{"accounts.users": "leave"}, nil)
	ok(t, err)
	ok(t, f.PutPlanPart(ctx, other, 2, "accounts", personal))
	_, err = f.SealPlan(ctx, other, 2, personal, 1, false)
	ok(t, err)
	_, err = f.AgreePlan(ctx, other, 1, f.approved(t, q, dsr.TaskPlan, "ann"), f.approved(t, q, dsr.TaskErase, "bob"), 0, f.pins)
	ok(t, err)
	ok(t, f.BeginErasing(ctx, other, 1, f.pins))
	ok(t, f.PutErased(ctx, other, 1, "accounts", []map[string]int{{"deleted": 3}}, true))
	f.fillProcessors(t, other)
	ok(t, f.as(t, RoleApp).PutErasedPerson(ctx, other, [][]byte{f.ErasedHash("email", "mei.lin@persons.example")}, f.time.Now(), f.time.Now().Add(time.Hour)))
	ok(t, f.PutRemains(ctx, other, 1, "accounts", []int{}, 0))
	_, err = f.PutCertificate(ctx, p.Ref, 1, []byte(`{"certificate":{}}`))
	ok(t, err)
	_, err = f.hold(t, HoldStatement{Scope: HoldPerson, Kind: "email", Index: f.sets.BlindIndex("email", "mei.lin@persons.example"),
		Person: "email: mei.lin@persons.example"}, "ann")
	ok(t, err)
}
