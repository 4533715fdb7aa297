package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/certificate"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// coolOff is long enough for a test to step in between approval and execution.
const coolOff = "6s"

// askDeletion opens a deletion case for the person and has them prove who they are.
func (s *stubborn) askDeletion() contract.Ref {
	s.t.Helper()
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent, OpenedBy: "an", Lang: s.p.Language,
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(ref)
	return ref
}

// agreeOn has the plan that waits reviewed and approved.
func (s *stubborn) agreeOn(ref contract.Ref) {
	s.t.Helper()
	s.sign(ref, dsr.TaskPlan, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskErase, "cao", dsr.Approve, "")
}

func (s *stubborn) ended(ref contract.Ref, want dsr.Outcome) {
	s.t.Helper()
	s.until("being closed", func(ctx context.Context) (bool, error) {
		tasks, err := s.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen})
		for _, task := range tasks {
			if unforeseen := []dsr.TaskKind{dsr.TaskLeft, dsr.TaskEraseFailed, dsr.TaskPreflight, dsr.TaskFailed, dsr.TaskHeld, dsr.TaskMapMismatch}; slices.Contains(unforeseen, task.Kind) {
				shown, _ := s.d.Task(ctx, task.ID)
				raw, _ := json.Marshal(shown.Shown)
				s.t.Fatalf("a task that nobody expects: %s", raw)
			}
			if task.Kind == dsr.TaskByHand {
				if err := s.c.ByHand(ctx, s.d, task); err != nil {
					return false, err
				}
			}
		}
		if err != nil {
			return false, err
		}
		k, err := s.d.Store.Case(ctx, ref)
		if err == nil && k.State != dsr.StateClosed {
			err = fmt.Errorf("it is %s and waits on %q", k.State, k.WaitingOn)
		}
		return err == nil, err
	})
	k, err := s.d.Store.Case(s.ctx, ref)
	if err != nil || k.Outcome != want {
		s.t.Fatalf("%s ended as %q, want %q; %v", ref, k.Outcome, want, err)
	}
}

// rows are all rows of the company by collection and key.
func (s *stubborn) rows() map[string]map[string]string {
	s.t.Helper()
	all, err := example.All(s.ctx, s.c.Stack.LoadDSNs())
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for table, list := range all {
		out[table] = map[string]string{}
		for _, row := range list {
			out[table][strings.Join(row.Key, "/")] = string(row.JSON)
		}
	}
	return out
}

// mine are the keys of the person's rows by collection, by the oracle.
func (s *stubborn) mine() map[string]map[string]bool {
	s.t.Helper()
	rows, err := example.Expected(s.ctx, s.c.Stack.LoadDSNs(), s.p.Login)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]map[string]bool{}
	for table, list := range rows {
		out[table] = map[string]bool{}
		for _, row := range list {
			out[table][strings.Join(row.Key, "/")] = true
		}
	}
	return out
}

// othersUntouched holds every row that is not the person's against what it was, byte for byte.
func (s *stubborn) othersUntouched(before map[string]map[string]string, mine map[string]map[string]bool) {
	s.t.Helper()
	after, checked := s.rows(), 0
	for table, rows := range before {
		for key, was := range rows {
			if mine[table][key] {
				continue
			}
			checked++
			if now := after[table][key]; now != was {
				s.t.Errorf("%s %s, which is somebody else's, was changed", table, key)
			}
		}
	}
	if checked < 1000 {
		s.t.Errorf("only %d rows of others were compared", checked)
	}
}

// wantDeleted holds the person's rows against what the example's map says, written by hand.
func (s *stubborn) wantDeleted(before map[string]map[string]string, mine map[string]map[string]bool, at time.Time) {
	s.t.Helper()
	after := s.rows()
	for table, keys := range mine {
		for key := range keys {
			now, there := after[table][key]
			switch table {
			case "accounts.contacts", "support.tickets", "support.messages":
				if there {
					s.t.Errorf("%s %s is still there", table, key)
				}
			case "accounts.users":
				for _, value := range []string{s.p.Login, s.p.Name, s.p.Mobile, s.p.IDNumber, s.p.Email} {
					if !there || (value != "" && strings.Contains(now, value)) {
						s.t.Errorf("the account is gone or still says who it was of")
					}
				}
			case "accounts.login_logs", "accounts.request_logs":
				var row struct{ At time.Time }
				if err := json.Unmarshal([]byte(before[table][key]), &row); err != nil {
					s.t.Fatal(err)
				}
				if kept := row.At.AddDate(0, 6, 0).After(at); kept != there || (kept && now != before[table][key]) {
					s.t.Errorf("%s %s of %v: there %v, want %v", table, key, row.At, there, kept)
				}
			default: // kept by tax law, ten years
				if now != before[table][key] {
					s.t.Errorf("%s %s, which is kept, was changed", table, key)
				}
			}
		}
	}
}

func (s *stubborn) onSystem(system, statement string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("postgres", s.c.Stack.LoadDSNs()[system])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(s.ctx, statement, args...); err != nil {
		s.t.Fatal(err)
	}
}

// A deletion from the call to the certificate, and what may come between. One company lives through
// all of it; each part has a person of its own.
func TestDeletion(t *testing.T) {
	t.Parallel()
	c := companyWith(t, map[string]string{"HABEAS_COOL_OFF": coolOff}, map[string]string{"visitors.yaml": visitors})
	cast := example.Cast()
	t.Run("whole", func(t *testing.T) { deleteWhole(newStubborn(t, c, cast.Plain, 4*time.Minute)) })
	t.Run("shared mobile", func(t *testing.T) { deleteShared(newStubborn(t, c, cast.SharedMobileA, 4*time.Minute)) })
	t.Run("made up", func(t *testing.T) { deleteMadeUp(newStubborn(t, c, cast.SharedMobileB, 5*time.Minute)) })
	t.Run("by hand", func(t *testing.T) { accessByHand(newStubborn(t, c, cast.AlsoContact, 4*time.Minute)) })
	t.Run("withdrawn", func(t *testing.T) { deleteWithdrawn(newStubborn(t, c, cast.English, 4*time.Minute)) })
	t.Run("held", func(t *testing.T) { deleteHeld(newStubborn(t, c, cast.English, 4*time.Minute)) })
	t.Run("forged", func(t *testing.T) { deleteForged(newStubborn(t, c, cast.CaseTwinA, 5*time.Minute)) })
	ordinary := ordinary(t, c, 2)
	t.Run("a copy first", func(t *testing.T) { copyThenErase(newStubborn(t, c, ordinary[0], 5*time.Minute)) })
	t.Run("a copy first, and then not", func(t *testing.T) { copyThenNot(t, c, ordinary[1]) })
	t.Run("rows that arrive", func(t *testing.T) { deleteArriving(newStubborn(t, c, cast.CaseTwinB, 5*time.Minute)) })
	t.Run("forgotten", func(t *testing.T) { evidenceForgotten(t, c) })
}

// evidenceForgotten has every case forgotten once its time for records is over: the proofs that came with work
// by hand, which outlive the end of a case, go with it.
func evidenceForgotten(t *testing.T, c *demo.Company) {
	ctx, d := deskOf(t, c)
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(c.Dir, "blobs", "evidence", "case", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	cases, err := d.Store.ListCases(ctx, casefile.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(files()) < 2 {
		t.Fatalf("only %d proofs lie in the blob store", len(files()))
	}
	done := forgetAt(t, c, ctx, d, 4)
	if done.Forgotten != len(cases) || done.Kept != 0 {
		t.Errorf("of %d cases: %+v", len(cases), done)
	}
	if left := files(); len(left) != 0 {
		t.Errorf("%d proofs outlive their cases", len(left))
	}
}

// A deletion while everything breaks round it, and what is left where backups and dumps are.
func TestDeletionSurvives(t *testing.T) {
	t.Parallel()
	seeds, people := seedsOf(t, 30), usualPeople
	if len(seeds) > 3 {
		people = 5 * usualPeople // among whom there are as many ordinary ones
	}
	c := companyOf(t, people, map[string]string{"HABEAS_COOL_OFF": coolOff}, nil)
	cast := example.Cast()
	who := ordinary(t, c, 5)
	if len(seeds) > 3 {
		for _, p := range ordinaryOf(t, c, len(seeds)+5, true) {
			if !slices.Contains(who[:5], p) {
				who = append(who, p)
			}
		}
	}
	t.Run("dumps", func(t *testing.T) { deleteFromDumps(newStubborn(t, c, who[0], 5*time.Minute)) })
	t.Run("replayed", func(t *testing.T) { deleteReplayed(newStubborn(t, c, who[2], 6*time.Minute)) })
	t.Run("made up to the end", func(t *testing.T) { deleteMadeUpToTheEnd(newStubborn(t, c, who[1], 6*time.Minute)) })
	t.Run("a system is down", func(t *testing.T) { deleteWhileDown(newStubborn(t, c, who[3], outage()+8*time.Minute), who[4]) })
	t.Run("killed", func(t *testing.T) {
		killed := slices.Concat([]example.Person{cast.NoEmail, cast.AlsoContact, cast.Heavy}, who[5:])
		for i, seed := range seeds {
			t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) { deleteKilled(t, c, killed[i], seed) })
		}
	})
}

func deleteWhole(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	second, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent, OpenedBy: "an",
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	task := s.task(ref, dsr.TaskPlan)
	shown, err := s.d.Task(s.ctx, task.ID)
	if err != nil || shown.Shown.ShownPlan == nil || len(shown.Shown.Entries) == 0 || len(shown.Shown.PlanHash) != 64 {
		s.t.Fatalf("the plan is not shown: %+v %v", shown, err)
	}
	s.verify(second) // the same person again: linked, not run twice
	s.ended(second, dsr.Linked)

	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("changed before the time to withdraw was over: %s", diff)
	}
	// Somebody else's message speaks of this person: the hunt finds it, and a reviewer decides.
	left, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskLeft).ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(left.Shown.Entries) != 1 || left.Shown.Entries[0].Reason != "hunt" || left.Shown.Entries[0].Collection != "messages" {
		s.t.Errorf("left: %+v", left.Shown.Entries)
	}
	s.sign(ref, dsr.TaskLeft, "bo", dsr.Partial, "it is somebody else's message")
	s.ended(ref, dsr.PartlyDone)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	if got := s.certified(ref); got.Outcome != string(dsr.PartlyDone) || !slices.ContainsFunc(got.Systems, func(c certificate.System) bool {
		return c.State == certificate.Unproven && len(c.Remains) > 0
	}) {
		s.t.Errorf("the certificate does not say what is left: %+v", got)
	}
	s.told(ref, "deletion_ack", "deletion_approved", "deletion_done")
	if report, err := s.d.Store.VerifyLedger(s.ctx, nil); err != nil || !report.OK() {
		s.t.Errorf("the ledger: %+v %v", report, err)
	}
}

// certified verifies the certificate of a case offline.
func (s *stubborn) certified(ref contract.Ref) certificate.Certificate {
	s.t.Helper()
	kept, err := s.d.Store.Certificate(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	got, _, err := certificate.Verify([]byte(kept.Body), s.d.Keys.PublicKey())
	if err != nil {
		s.t.Fatal(err)
	}
	var deleted, keptRows int64
	for _, system := range got.Systems {
		for _, class := range system.Classes {
			deleted += class.Deleted + class.Changed
			if class.Law != "" {
				keptRows += class.Planned
			}
		}
	}
	s.t.Logf("certificate: %d rows deleted or changed, %d kept by law, %d systems", deleted, keptRows, len(got.Systems))
	if deleted == 0 || len(got.Systems) == 0 {
		s.t.Errorf("the certificate says nothing: %+v", got)
	}
	return got
}

// told wants each of the letters to have been sent once.
func (s *stubborn) told(ref contract.Ref, templates ...string) {
	s.t.Helper()
	sent, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, template := range templates {
		n := 0
		for _, l := range sent {
			if l.Template == template && l.State == "sent" {
				n++
			}
		}
		if n != 1 {
			s.t.Errorf("the letter %s was sent %d times", template, n)
		}
	}
}

// changed names the first row that differs.
func changed(before, after map[string]map[string]string) string {
	for table, rows := range before {
		for key, was := range rows {
			if after[table][key] != was {
				return table + " " + key
			}
		}
	}
	return ""
}

func deleteShared(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.byHandNeedsItsProof(ref)
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	s.provenByHand(ref)
}

func deleteWithdrawn(s *stubborn) {
	before := s.rows()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	if err := s.d.Withdraw(s.ctx, ref, "an", "called the hotline"); err != nil {
		s.t.Fatal(err)
	}
	s.ended(ref, dsr.Withdrawn)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed although the request was withdrawn", diff)
	}
	s.told(ref, "deletion_approved", "deletion_ended")
}

func deleteHeld(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.agreeOn(ref)
	hold, err := s.d.AddHold(s.ctx, desk.HoldOrder{Matter: "audit", System: "support", Reason: "letter of the authority"}, s.c.Staff["cao"])
	if err != nil {
		s.t.Fatal(err)
	}
	s.task(ref, dsr.TaskHeld)
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed although a hold stands", diff)
	}
	// Released by two people, the case goes on.
	if err := s.d.ReleaseHold(s.ctx, hold, "cao"); err != nil {
		s.t.Fatal(err)
	}
	release := s.task(hold, dsr.TaskReleaseHold)
	for _, name := range []string{"cao", "dai"} {
		s.until("releasing the hold", func(ctx context.Context) (bool, error) {
			_, err := s.d.Decide(ctx, release.ID, dsr.Approve, "", s.c.Staff[name])
			return err == nil, err
		})
	}
	s.until("the hold to end", func(ctx context.Context) (bool, error) {
		h, err := s.d.Store.Hold(ctx, hold, s.d.Pins)
		return err == nil && !h.Standing, err
	})
	s.sign(ref, dsr.TaskHeld, "bo", dsr.Retry, "released")
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
}

// deleteArriving has rows come after the approval: under a parent that the plan knows, which go with it,
// and under a new one, which stand in the way until a second plan deletes them.
func deleteArriving(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	tickets := slices.Sorted(maps.Keys(mine["support.tickets"]))
	if len(tickets) == 0 {
		s.t.Fatal("the person has no ticket: nothing to put a message under")
	}
	s.onSystem("support", `INSERT INTO support.messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', 9000001))).* FROM support.messages m
		WHERE ticket_id = $1::bigint LIMIT 1`, tickets[0])
	s.onSystem("support", `INSERT INTO support.tickets SELECT (jsonb_populate_record(m, jsonb_build_object('id', 9000002))).* FROM support.tickets m
		WHERE id = $1::bigint`, tickets[0])
	s.onSystem("support", `INSERT INTO support.messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', 9000003, 'ticket_id', 9000002))).* FROM support.messages m
		WHERE ticket_id = $1::bigint LIMIT 1`, tickets[0])
	// The message under the new ticket is not the plan's, and the new ticket cannot go without it.
	failed, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskEraseFailed).ID)
	if err != nil || failed.System != "support" || len(failed.Shown.Entries) == 0 {
		s.t.Fatalf("how far the system is, is not shown: %+v %v", failed, err)
	}
	s.sign(ref, dsr.TaskEraseFailed, "bo", dsr.Replan, "a ticket came in between")
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	after := s.rows()
	for table, key := range map[string]string{"support.tickets": "9000002", "support.messages": "9000003"} {
		if _, there := after[table][key]; there {
			s.t.Errorf("%s %s is still there", table, key)
		}
	}
	if _, there := after["support.messages"]["9000001"]; there {
		s.t.Error("the row that came under a known parent is still there")
	}
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
}
