package casefile

import (
	"crypto/ed25519"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestTaskIsOpenedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	task := f.newTask(t, ref, dsr.TaskReview, `{"rows":3}`)
	again, err := f.OpenTask(t.Context(), NewTask{Ref: ref, Kind: dsr.TaskReview, Occasion: "1", Shown: []byte(`{"rows":4}`)})
	if ok(t, err); cmp.Diff(task, again) != "" {
		t.Errorf("the same occasion (-first +second):\n%s", cmp.Diff(task, again))
	}
	if task.CaseOpenedBy != "sue" || task.State != TaskOpen || len(task.Nonce) != 16 {
		t.Errorf("task: %+v", task)
	}
	shown, err := f.Shown(t.Context(), task.ID)
	if ok(t, err); string(shown) != `{"rows":3}` {
		t.Errorf("shown: %s", shown)
	}
	id, err := f.Approval(t.Context(), ref, dsr.TaskReview, "1")
	if ok(t, err); id != task.ID {
		t.Errorf("approval: %s", id)
	}
	_, err = f.Approval(t.Context(), ref, dsr.TaskRelease, "1")
	wantType(t, err, contract.ErrNotFound)
	if list, err := f.ListTasks(t.Context(), TaskFilter{Ref: ref, State: TaskOpen, Kind: "review"}); err != nil || len(list) != 1 {
		t.Errorf("list: %v, %v", list, err)
	}
	for range 2 {
		ok(t, f.VoidTask(t.Context(), task.ID, "answered"))
	}
	if list, err := f.ListTasks(t.Context(), TaskFilter{Ref: ref, State: TaskOpen}); err != nil || len(list) != 0 {
		t.Errorf("list after void: %v, %v", list, err)
	}
	_, err = f.RecordDecision(t.Context(), f.sign(task, "bob", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrNotOpen)
}

func TestChoicesChangeWhatIsSigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.newTask(t, f.newCase(t), dsr.TaskReview, `{}`)
	choices := map[string]string{"support.messages.body": dsr.ChoiceMask, "support.messages.subject": dsr.ChoiceKeep}
	task, err := f.SetChoices(t.Context(), before.ID, choices, "bob")
	ok(t, err)
	if string(task.Digest) != string(dsr.Digest([]byte(`{}`), CanonicalChoices(choices))) {
		t.Error("the digest does not cover the choices")
	}
	_, err = f.RecordDecision(t.Context(), f.sign(before, "bob", dsr.Approve), f.pins)
	wantType(t, err, contract.ErrBadSignature)
	f.decide(t, task, "bob", dsr.Approve)
	_, err = f.SetChoices(t.Context(), task.ID, nil, "bob")
	wantType(t, err, contract.ErrNotOpen)
	got, err := f.CheckApproval(t.Context(), task.ID, f.pins)
	if ok(t, err); cmp.Diff(choices, got.Choices) != "" {
		t.Errorf("choices: %v", got.Choices)
	}
	_, err = f.SetChoices(t.Context(), task.ID, map[string]string{"x": "mei.lin@persons.example"}, "bob")
	wantType(t, err, contract.ErrBadInput)
}

// TestDecisionsRefused sends what must be refused; each leaves its rule in the ledger.
func TestDecisionsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pins["sue"] = Pin{PublicKey: f.newKey(t, "sue"), Roles: []dsr.Role{dsr.RoleApprover}}
	f.pins["kim"] = Pin{PublicKey: f.newKey(t, "kim"), Roles: []dsr.Role{dsr.RoleSupport}}
	f.newKey(t, "mallory")
	ref := f.newCase(t)
	task := f.newTask(t, ref, dsr.TaskRelease, `{"manifest_sha256":"00"}`)
	other := f.newTask(t, ref, dsr.TaskReview, `{}`)
	resign := func(d dsr.Decision, who string) dsr.Decision {
		d.Signature = ed25519.Sign(f.keys[who], d.Bytes())
		return d
	}
	for name, test := range map[string]struct {
		decision func() dsr.Decision
		rule     string
	}{
		"wrong key":      {func() dsr.Decision { return resign(f.sign(task, "ann", dsr.Approve), "bob") }, "does not fit the enrolled key"},
		"unsigned":       {func() dsr.Decision { d := f.sign(task, "ann", dsr.Approve); d.Signature = nil; return d }, "does not fit the enrolled key"},
		"nobody we know": {func() dsr.Decision { return f.sign(task, "mallory", dsr.Approve) }, "not enrolled"},
		"the opener":     {func() dsr.Decision { return f.sign(task, "sue", dsr.Approve) }, "whoever opened the case"},
		"the wrong role": {func() dsr.Decision { return f.sign(task, "kim", dsr.Approve) }, "role may not decide"},
		"another task":   {func() dsr.Decision { d := f.sign(other, "ann", dsr.Approve); d.Task = task.ID; return d }, "signed for something else"},
		"another digest": {func() dsr.Decision {
			d := f.sign(task, "ann", dsr.Approve)
			d.Digest = other.Digest
			return resign(d, "ann")
		}, "not what is shown now"},
		"another nonce": {func() dsr.Decision {
			d := f.sign(task, "ann", dsr.Approve)
			d.Nonce = other.Nonce
			return resign(d, "ann")
		}, "another task's nonce"},
		"another house": {func() dsr.Decision {
			d := f.sign(task, "ann", dsr.Approve)
			d.Installation = "x"
			return resign(d, "ann")
		}, "signed for something else"},
		"another verdict":  {func() dsr.Decision { return f.sign(task, "ann", dsr.Complete) }, "does not take that verdict"},
		"without a reason": {func() dsr.Decision { d := f.sign(task, "ann", dsr.Reject); d.Reason = ""; return resign(d, "ann") }, "a reason is needed"},
	} {
		_, err := f.RecordDecision(t.Context(), test.decision(), f.pins)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantType(t, err, contract.ErrBadSignature)
		lines, err := f.Ledger(t.Context(), ref)
		ok(t, err)
		last := lines[len(lines)-1]
		if rule, _ := last.Detail["rule"].(string); last.Event != "decision.refused" || !strings.Contains(rule, test.rule) {
			t.Errorf("%s: the ledger says %s %v, want %q", name, last.Event, last.Detail, test.rule)
		}
		if name == "nobody we know" && last.Detail["staff"] != "" {
			t.Errorf("the ledger names somebody who is not enrolled: %v", last.Detail)
		}
	}
	_, err := f.RecordDecision(t.Context(), dsr.Decision{Task: "00000-00000"}, f.pins)
	wantType(t, err, contract.ErrNotFound)
	_, err = f.CheckApproval(t.Context(), task.ID, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	if list, err := f.Decisions(t.Context(), task.ID); err != nil || len(list) != 0 {
		t.Errorf("decisions: %v, %v", list, err)
	}
}

func TestSameBytesSameAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	task := f.newTask(t, f.newCase(t), dsr.TaskRelease, `{}`)
	d := f.sign(task, "ann", dsr.Approve)
	var wg sync.WaitGroup
	var first, done atomic.Int32
	for range 8 {
		wg.Go(func() {
			got, err := f.RecordDecision(t.Context(), d, f.pins)
			if err != nil {
				t.Error(cause(err))
			}
			if got.First {
				first.Add(1)
			}
			if got.Done && got.Verdict == dsr.Approve {
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 || done.Load() != 8 {
		t.Errorf("%d first answers and %d done, want 1 and 8", first.Load(), done.Load())
	}
	again, err := f.RecordDecision(t.Context(), d, f.pins)
	if ok(t, err); again.First || !again.Done || again.Task.State != TaskDone {
		t.Errorf("replayed: %+v", again)
	}
	_, err = f.RecordDecision(t.Context(), f.sign(task, "bob", dsr.Reject), f.pins)
	wantType(t, err, contract.ErrNotOpen)
	list, err := f.Decisions(t.Context(), task.ID)
	if ok(t, err); len(list) != 1 || list[0].Reason != "looked at it" || list[0].Staff != "ann" {
		t.Errorf("decisions: %+v", list)
	}
	if report := f.verify(t); !report.OK() {
		t.Errorf("%+v", report)
	}
}

// TestTwoSignAtOnce: of two different approvers at the same moment exactly one is the second.
func TestTwoSignAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 5 {
		ref, task := f.enrol(t, "zoe")
		var wg sync.WaitGroup
		var done atomic.Int32
		for _, who := range []string{"ann", "bob"} {
			wg.Go(func() {
				got, err := f.RecordDecision(t.Context(), f.sign(task, who, dsr.Approve), f.pins)
				if err != nil {
					t.Error(cause(err))
				}
				if got.Done {
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if _, err := f.CheckApproval(t.Context(), task.ID, f.pins); err != nil || done.Load() != 1 {
			t.Errorf("%s: done %d times, %v; want once and approved", ref, done.Load(), cause(err))
		}
	}
}

// TestCheckApprovalBelievesNothing changes the stored rows behind an approved task.
func TestCheckApprovalBelievesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	task := f.newTask(t, ref, dsr.TaskRelease, `{}`)
	undecided := f.newTask(t, ref, dsr.TaskReview, `{}`)
	f.decide(t, task, "ann", dsr.Approve)
	_, err := f.CheckApproval(t.Context(), task.ID, f.pins)
	ok(t, err)
	f.exec(t, `UPDATE habeas.task SET state = 'done', verdict = 'approve', done_at = now() WHERE id = $1`, undecided.ID)
	_, err = f.CheckApproval(t.Context(), undecided.ID, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	f.exec(t, `INSERT INTO habeas.decision SELECT $2, staff, n, enrolment, verdict, reason, digest, nonce, signature, done, at
		FROM habeas.decision WHERE task = $1`, task.ID, undecided.ID)
	if _, err = f.CheckApproval(t.Context(), undecided.ID, f.pins); err == nil {
		t.Error("a decision copied from another task was believed")
	}
	for name, change := range map[string]string{
		"digest":    `UPDATE habeas.task SET digest = sha256('x') WHERE id = $1`,
		"choices":   `UPDATE habeas.task SET choices = '{"a":"keep"}' WHERE id = $1`,
		"shown":     `UPDATE habeas.task SET shown = (SELECT shown FROM habeas.task WHERE id <> $1) WHERE id = $1`,
		"nonce":     `UPDATE habeas.task SET nonce = substr(sha256('x'), 1, 16) WHERE id = $1`,
		"kind":      `UPDATE habeas.task SET kind = 'choose-account' WHERE id = $1`,
		"signature": `UPDATE habeas.decision SET signature = set_byte(signature, 9, get_byte(signature, 9) # 1) WHERE task = $1`,
		"opener":    `UPDATE habeas.case_file SET opened_by = 'ann' WHERE ref = (SELECT ref FROM habeas.task WHERE id = $1)`,
		"none":      `DELETE FROM habeas.decision WHERE task = $1`,
	} {
		tx, err := f.super.BeginTxx(t.Context(), nil)
		ok(t, err)
		_, err = tx.ExecContext(t.Context(), `SET search_path = habeas`)
		ok(t, err)
		if _, err := tx.ExecContext(t.Context(), change, task.ID); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, err := f.trust(tx, f.pins).approved(t.Context(), task.ID); err == nil {
			t.Errorf("a changed %s was believed", name)
		}
		ok(t, tx.Rollback())
	}
	delete(f.pins, "ann")
	_, err = f.CheckApproval(t.Context(), task.ID, f.pins)
	wantType(t, err, contract.ErrNotApproved)
}

// TestCheckVerdict verifies what is behind an answer other than yes in the same way.
func TestCheckVerdict(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	task := f.newTask(t, ref, dsr.TaskSystemDown, `{}`)
	f.decide(t, task, "ann", dsr.Partial)
	_, err := f.CheckVerdict(t.Context(), task.ID, dsr.Partial, f.pins)
	ok(t, err)
	for _, other := range []dsr.Verdict{dsr.Retry, dsr.Approve} {
		_, err = f.CheckVerdict(t.Context(), task.ID, other, f.pins)
		wantType(t, err, contract.ErrNotApproved)
	}
	_, err = f.CheckVerdict(t.Context(), task.ID, dsr.Partial, Pins{})
	wantType(t, err, contract.ErrNotApproved)
	// One no ends a task that needs two, also after a yes; the yes alone is no approval.
	roster, enrol := f.enrol(t, "zoe", "ann")
	f.decide(t, enrol, "bob", dsr.Reject)
	_, err = f.CheckVerdict(t.Context(), enrol.ID, dsr.Reject, f.pins)
	ok(t, err)
	f.exec(t, `UPDATE habeas.task SET verdict = 'approve' WHERE id = $1`, enrol.ID)
	wantType(t, f.ApplyRoster(t.Context(), roster, enrol.ID, f.pins), contract.ErrNotApproved)
	f.exec(t, `UPDATE habeas.task SET state = 'done', verdict = 'partial', done_at = now() WHERE id = $1`,
		f.newTask(t, ref, dsr.TaskMapMismatch, `{}`).ID)
	id, err := f.Approval(t.Context(), ref, dsr.TaskMapMismatch, "1")
	ok(t, err)
	_, err = f.CheckVerdict(t.Context(), id, dsr.Partial, f.pins)
	wantType(t, err, contract.ErrNotApproved)
}
