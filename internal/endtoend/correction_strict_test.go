package endtoend

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// proofAsked makes the company ask for a proof of a name.
const proofAsked = `
correction:
  fields:
    identity.real_name: {evidence: {zh: 身份证照片, en: A photograph of the ID card}}
`

// Corrections that need more than one person's word, and what may come between. One company lives through
// all of it; each part has people of its own. The histories are kept with those of TestHistories, so its
// name begins like that one's.
func TestHistoriesWithCorrections(t *testing.T) {
	t.Parallel()
	c := companyWith(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_EVIDENCE_FOR": "15s"}, map[string]string{"billing.yaml": withProfiles(t), "company.yaml": companyFile(t) + proofAsked})
	cast := example.Cast()
	newStubborn(t, c, cast.English, 4*time.Minute).onBilling(profilesTable)
	t.Run("name", func(t *testing.T) { correctName(newStubborn(t, c, cast.English, 8*time.Minute)) })
	t.Run("disputed", func(t *testing.T) { correctDisputed(newStubborn(t, c, cast.CaseTwinA, 5*time.Minute), cast.Plain) })
	t.Run("killed", func(t *testing.T) {
		seeds := correctionSeeds()
		for i, who := range ordinary(t, c, len(seeds)) {
			t.Run(fmt.Sprintf("seed-%d", seeds[i]), func(t *testing.T) { correctKilled(newStubborn(t, c, who, 6*time.Minute), seeds[i], i) })
		}
	})
}

func companyFile(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../examples/cloud/map/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(raw), "\n")
}

// correctionSeeds are three, twenty with HABEAS_SOAK=1.
func correctionSeeds() []uint64 {
	list := []uint64{1, 2, 3}
	if os.Getenv("HABEAS_SOAK") != "" {
		for len(list) < 20 {
			list = append(list, rand.Uint64N(1_000_000))
		}
	}
	return list
}

const newName = "Jane Hartley-Bloom"

// correctName corrects a real name. At each stage somebody who reaches Temporal, with the installation's
// keys, runs every step under the case's own id: without the second person, without the fresh check,
// without the proof nothing is changed. In the end it is, and the proof is wiped.
func correctName(s *stubborn) {
	s.profile(20, s.p.Mobile)
	before := s.rows()
	ref := s.askCorrection(dsr.Wish{Field: "identity.real_name", Value: newName})
	proof := s.task(ref, dsr.TaskEvidence)
	s.until("attaching the proof", func(ctx context.Context) (bool, error) {
		_, err := s.d.CompleteByHand(ctx, proof.ID, desk.ByHand{Outcome: dsr.ProofProvided, Reason: "seen", Files: []desk.File{{Name: "id-card.txt",
			Read: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte("a proof"))), nil }}}}, s.c.Staff["an"])
		return err == nil, err
	})
	review, shown := s.shownCorrection(ref, dsr.TaskCorrect)
	if len(shown.Files) != 1 || len(shown.Fields) != 1 || !shown.Fields[0].Strict || !shown.Fields[0].Evidence || rowsAt(shown, "billing.profiles.printed", "never") != 1 {
		s.t.Errorf("what is shown: %+v", shown)
	}
	if _, err := s.d.Decide(s.ctx, review.ID, dsr.Approve, "", s.c.Staff["an"]); err == nil {
		s.t.Error("who opened the case reviewed it")
	}
	s.correctForged(ref, review.ID, before, "nobody has reviewed it")
	s.signTask(s.task(ref, dsr.TaskCorrect).ID, "bo", dsr.Approve, "")
	s.task(ref, dsr.TaskRealName)
	s.correctForged(ref, review.ID, before, "the name was not checked, and nobody else has signed")
	s.sign(ref, dsr.TaskRealName, "cao", dsr.Complete, "asked the service")
	approve := s.task(ref, dsr.TaskCorrectStrict)
	s.correctForged(ref, review.ID, before, "nobody else has signed")
	if _, err := s.d.Decide(s.ctx, approve.ID, dsr.Approve, "", s.c.Staff["bo"]); err == nil {
		s.t.Error("the reviewer was the second person too")
	}

	s.until("the case to wait for it again", func(ctx context.Context) (bool, error) {
		var status contract.StatusResult
		answer, err := s.d.Temporal.QueryWorkflow(ctx, string(ref), "", contract.Status.Name)
		if err == nil {
			err = answer.Get(&status)
		}
		return err == nil && slices.Contains(status.OpenTasks, approve.ID), err
	})
	// Whoever reaches the casefile takes the proof away: all signatures are there, and it is refused.
	db := owner(s.t, s.c)
	if _, err := db.ExecContext(s.ctx, `CREATE TABLE habeas.taken AS SELECT * FROM habeas.evidence; DELETE FROM habeas.evidence`); err != nil {
		s.t.Fatal(err)
	}
	s.sign(ref, dsr.TaskCorrectStrict, "cao", dsr.Approve, "")
	failed := s.task(ref, dsr.TaskFailed)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed without a proof", diff)
	}
	if _, err := db.ExecContext(s.ctx, `INSERT INTO habeas.evidence SELECT * FROM habeas.taken; DROP TABLE habeas.taken`); err != nil {
		s.t.Fatal(err)
	}
	s.signTask(failed.ID, "bo", dsr.Retry, "the proof is back")
	s.ended(ref, dsr.PartlyDone) // what was printed is never changed
	if got := s.valueOf("accounts", `SELECT real_name FROM accounts.users WHERE id = $1`, s.p.ID); got != newName {
		s.t.Error("the name was not corrected")
	}
	if got := s.onBilling(`SELECT CONCAT(payer, '/', printed = ?) FROM profiles WHERE id = 20`, s.p.Name); got != newName+"/1" {
		s.t.Error("the copies of the name are not as they should be")
	}
	s.letterWithout(ref, "correction_done", s.p.Name, newName, "Hartley")
	s.proofWiped(ref)
	s.ledgerHolds()
	r := &recorder{t: s.t, c: s.c, d: s.d, ctx: s.ctx, dir: os.Getenv("HABEAS_HISTORIES")}
	if r.dir == "" {
		r.dir = s.t.TempDir()
	}
	r.record("correction-of-a-name", string(ref))
	r.record("evidence-wiped", contract.EvidenceID(ref))
}

// proofWiped waits until the durable timer has wiped the proof: file and all, but for its hash.
func (s *stubborn) proofWiped(ref contract.Ref) {
	s.t.Helper()
	s.until("the proof to be wiped", func(ctx context.Context) (bool, error) {
		files, err := s.d.Store.Proofs(ctx, ref)
		return len(files) == 1 && files[0].WipedAt != nil, err
	})
	files, err := s.d.Store.Proofs(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	if opened, err := s.d.Blobs.Open(s.ctx, files[0].Blob); err == nil {
		_ = opened.Close()
		s.t.Error("the file of the proof is still there")
	}
	if err := s.d.Temporal.GetWorkflow(s.ctx, contract.EvidenceID(ref), "").Get(s.ctx, nil); err != nil {
		s.t.Errorf("the workflow that wipes: %v", err)
	}
}

// correctForged runs every step under the case's own id and wants each to be refused; then the case goes on.
func (s *stubborn) correctForged(ref contract.Ref, review string, before map[string]map[string]string, why string) {
	s.t.Helper()
	if err := s.d.Temporal.TerminateWorkflow(s.ctx, string(ref), "", "by an attacker"); err != nil {
		s.t.Fatal(err)
	}
	err := privateAs(s.t, s, s.d.Temporal, string(ref), func(ctx workflow.Context) error {
		all := &attempts{ctx: ctx}
		defer all.refused(s.t)
		core := contract.QueueCore
		for _, approval := range []string{"", review} {
			all.try(core, contract.AgreeCorrection.Name, contract.AgreeInput{Ref: ref, Plan: 1, Review: review, Approval: approval})
		}
		all.try(core, contract.AgreePlan.Name, contract.AgreeInput{Ref: ref, Plan: 1, Review: review, Approval: review})
		all.try(core, contract.BeginCorrecting.Name, contract.PlanInput{Ref: ref, Plan: 1})
		all.try(core, contract.BeginErasing.Name, contract.PlanInput{Ref: ref, Plan: 1})
		all.try(core, contract.WipeEvidence.Name, contract.RefInput{Ref: ref})
		all.try(core, contract.CorrectionOutcome.Name, contract.RefInput{Ref: ref})
		for _, system := range []string{"accounts", "billing", "support"} {
			for _, name := range []string{contract.Correct.Name, contract.CheckCorrected.Name, contract.Erase.Name} {
				all.try(contract.QueueSystem(system), name, contract.EraseInput{Ref: ref, Plan: 1, System: system})
			}
		}
		for _, outcome := range []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused} {
			all.try(core, contract.CloseCase.Name, contract.CloseInput{Ref: ref, Outcome: string(outcome)})
			all.try(contract.QueueLetters, contract.SendLetter.Name, contract.LetterInput{Ref: ref, Template: "correction_done", Occasion: "end", Outcome: string(outcome)})
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("%s: %v", why, err)
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed although %s", diff, why)
	}
	if got := s.onBilling(`SELECT payer FROM profiles WHERE id = 20`); got != s.p.Name {
		s.t.Errorf("billing was changed although %s", why)
	}
	s.restart(ref)
}

// correctDisputed asks for a number that another account has. The reviewer sees that, and refuses it as
// disputed: the rows are marked where the map has a place for it, and the letter says why.
func correctDisputed(s *stubborn, other example.Person) {
	s.profile(30, s.p.Mobile)
	before := s.rows()
	ref := s.askCorrection(dsr.Wish{Field: "contact.mobile", Value: other.Mobile})
	s.confirmMobile(ref, other.E164())
	task, shown := s.shownCorrection(ref, dsr.TaskCorrect)
	full, err := s.d.Task(s.ctx, task.ID)
	if err != nil || len(full.Shown.Findings) != 1 || !strings.Contains(full.Shown.Findings[0], "somebody else's row holds the new value") {
		s.t.Errorf("that another account has the number is not shown: %v %v", full.Shown.Findings, err)
	}
	if rowsAt(shown, "billing.profiles.mobile", "correct") != 1 {
		s.t.Errorf("what is shown: %+v", shown.Places)
	}
	if _, err := s.d.Choose(s.ctx, task.ID, map[string]string{"contact.mobile": "dispute:taken"}, "bo"); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff["bo"]); err == nil {
		s.t.Error("a plan was approved without the choices made on it")
	}
	s.signTask(task.ID, "bo", dsr.Replan, "it is another customer's")
	_, shown = s.shownCorrection(ref, dsr.TaskCorrect)
	if len(shown.Fields) != 1 || shown.Fields[0].Verdict != dsr.FieldDispute || rowsAt(shown, "billing.profiles.mobile", "dispute") != 1 || rowsAt(shown, "accounts.users.mobile", "correct") != 0 {
		s.t.Errorf("what is shown then: %+v", shown)
	}
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, "")
	s.ended(ref, dsr.Refused)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed although it was refused", diff)
	}
	if got := s.onBilling(`SELECT CONCAT(disputed, '/', mobile = ?) FROM profiles WHERE id = 30`, s.p.Mobile); got != "1/1" {
		s.t.Errorf("the mark is not as it should be")
	}
	s.told(ref, "correction_ack", "correction_ended")
}

// correctKilled kills the worker at seeded moments. All the while each system holds the old value
// everywhere or the new one everywhere, and the case ends rightly.
func correctKilled(s *stubborn, seed uint64, n int) {
	random := rand.New(rand.NewPCG(seed, 13))
	at := int64(1000 + 10*n)
	for i := range int64(3) {
		s.profile(at+i, s.p.Mobile)
	}
	fresh := fmt.Sprintf("+861370021%04d", n)
	ref := s.askCorrection(dsr.Wish{Field: "contact.mobile", Value: fresh})
	lines, err := s.d.Store.Ledger(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	plan := disturbance{pause: time.Duration(random.IntN(40)) * time.Millisecond}
	for _, moment := range draw(random, 2, 16) {
		plan.moments = append(plan.moments, len(lines)+moment-1)
	}
	watched, stop := context.WithCancel(s.ctx)
	mixed := make(chan int, 1)
	go func() { mixed <- s.watchMixed(watched, at) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		plan.run(s, ref, func() { killWorker(s, time.Duration(random.IntN(1500))*time.Millisecond) })
	}()
	s.confirmMobile(ref, fresh)
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, "")
	s.ended(ref, dsr.Fulfilled)
	stop()
	if n := <-mixed; n != 0 {
		s.t.Errorf("a system held the old value and the new one side by side, %d times", n)
	}
	want := strings.TrimPrefix(fresh, "+86")
	if got := s.onBilling(`SELECT GROUP_CONCAT(DISTINCT CONCAT(mobile, look, JSON_VALUE(doc, '$.to.mobile'))) FROM profiles WHERE id BETWEEN ? AND ?`, at, at+2); strings.ReplaceAll(got, "+86", "") != want+want+want {
		s.t.Error("the rows in billing are not as they should be")
	}
	if got := s.valueOf("accounts", `SELECT mobile FROM accounts.users WHERE id = $1`, s.p.ID); strings.TrimPrefix(got, "+86") != want {
		s.t.Error("the account is not as it should be")
	}
	s.told(ref, "correction_done")
	s.ledgerHolds()
	struck(s.t, done)
}

// watchMixed counts how often the rows of one person were seen with the old value and the new one.
func (s *stubborn) watchMixed(ctx context.Context, at int64) (times int) {
	dsn, err := mariadb.FromURL(s.c.Stack.LoadDSNs()["billing"])
	if err != nil {
		return -1
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return -1
	}
	defer func() { _ = db.Close() }()
	for ctx.Err() == nil {
		var kinds int
		err := db.QueryRowContext(ctx, `SELECT COUNT(DISTINCT CONCAT(mobile, '/', look, '/', JSON_VALUE(doc, '$.to.mobile'))) FROM profiles WHERE id BETWEEN ? AND ?`, at, at+2).Scan(&kinds)
		if err == nil && kinds != 1 {
			times++
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return times
}
