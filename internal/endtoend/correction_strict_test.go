package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// proofAsked makes the company ask for a proof of a name.
const proofAsked = `
correction:
  fields:
    identity.real_name: {evidence: {zh: 身份证照片, en: A photograph of the ID card}}
  real_name: {collection: accounts.name_checks, name: name, number: number, since: passed_at}
`

// nameChecks is where the company keeps the answers of its identity service.
const nameChecks = `
  name_checks:
    table: accounts.name_checks
    title: {zh: 实名核验, en: Real-name checks}
    key: [id]
    purpose: {zh: 实名核验, en: To check names}
    legal_basis: legal-obligation
    retention: {zh: 账户存续期间, en: As long as the account}
    deletion: {action: delete}
    links:
      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}
    columns:
      id: {ignore: only a sequence number}
      user_id: {category: user.unique_id}
      name: {ignore: what the service was asked}
      number: {ignore: what the service was asked}
      passed_at: {category: user.account}
`

// folders is a cabinet in which people correct by hand.
const folders = `version: 1
system: folders
title: {zh: 客户文件夹, en: Customers' folders}
driver: manual
region: cn
owner: archive@yunzhan.example
rights: [correction]
tells: [account]
instructions: {zh: 请联系档案室, en: Ask the archive}
correct: {zh: 更改文件夹上的内容, en: Write it anew on the folder}
`

// Corrections that need more than one person's word, and what may come between. One company lives through
// all of it; each part has people of its own. The histories are kept with those of TestHistories, so its
// name begins like that one's.
func TestHistoriesWithCorrections(t *testing.T) {
	t.Parallel()
	c := companyWith(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_EVIDENCE_FOR": "15s"}, map[string]string{"billing.yaml": withProfiles(t),
		"company.yaml": mapFile(t, "company.yaml") + proofAsked, "accounts.yaml": mapFile(t, "accounts.yaml") + "\n" + nameChecks, "folders.yaml": folders})
	cast := example.Cast()
	first := newStubborn(t, c, cast.English, 4*time.Minute)
	first.onBilling(profilesTable)
	first.onSystem("accounts", `CREATE TABLE accounts.name_checks (id bigint PRIMARY KEY, user_id bigint NOT NULL, name text NOT NULL, number text NOT NULL, passed_at timestamptz NOT NULL)`)
	t.Run("name", func(t *testing.T) { correctName(newStubborn(t, c, cast.English, 8*time.Minute)) })
	t.Run("number", func(t *testing.T) { correctNumber(newStubborn(t, c, cast.CaseTwinB, 5*time.Minute)) })
	t.Run("disputed", func(t *testing.T) { correctDisputed(newStubborn(t, c, cast.CaseTwinA, 5*time.Minute), cast.Plain) })
	t.Run("killed", func(t *testing.T) {
		seeds := correctionSeeds()
		people := ordinary(t, c, min(len(seeds), 10))
		for i, seed := range seeds {
			who := &people[i%len(people)] // of twenty seeds each has two, and is corrected twice
			t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
				who.Mobile = correctKilled(newStubborn(t, c, *who, 6*time.Minute), seed, i)
			})
		}
	})
}

// mapFile is a file of the example's map.
func mapFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../examples/cloud/map/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(raw), "\n")
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

// correctNumber corrects an ID number, which the company's identity service has borne out since: nobody is
// asked to attest it, and a second person signs all the same. The archive corrects its folder by hand.
func correctNumber(s *stubborn) {
	number := "99000119800101123" + string(datamap.NationalIDCheck("99000119800101123"))
	ref := s.askCorrection(dsr.Wish{Field: "identity.id_number", Value: number})
	s.task(ref, dsr.TaskCorrect)
	s.onSystem("accounts", `INSERT INTO accounts.name_checks VALUES (1, $1, $2, $3, now() - interval '1 year'), (2, $1, $2, $3, now())`, s.p.ID, s.p.Name, number)
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, "")
	_, shown := s.shownCorrection(ref, dsr.TaskCorrectStrict)
	if shown.Checked != "system" {
		s.t.Errorf("the name was checked by %q", shown.Checked)
	}
	s.sign(ref, dsr.TaskCorrectStrict, "cao", dsr.Approve, "")
	s.ended(ref, dsr.Fulfilled)
	if got := s.valueOf("accounts", `SELECT id_number FROM accounts.users WHERE id = $1`, s.p.ID); got != number {
		s.t.Error("the ID number was not corrected")
	}
	tasks, err := s.d.Store.ListTasks(s.ctx, casefile.TaskFilter{Ref: ref, Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	kinds := map[dsr.TaskKind]int{}
	for _, task := range tasks {
		kinds[task.Kind]++
	}
	if kinds[dsr.TaskRealName] != 0 || kinds[dsr.TaskByHand] != 1 {
		s.t.Errorf("tasks: %v", kinds)
	}
}

// proofWiped waits until the durable timer has wiped the proof: file and all, but for its hash.
func (s *stubborn) proofWiped(ref contract.Ref) {
	s.t.Helper()
	s.until("the proof to be wiped", func(ctx context.Context) (bool, error) {
		files, err := s.d.Store.Proofs(ctx, ref, dsr.TaskEvidence)
		return len(files) == 1 && files[0].WipedAt != nil, err
	})
	files, err := s.d.Store.Proofs(s.ctx, ref, dsr.TaskEvidence)
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
