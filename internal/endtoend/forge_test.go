package endtoend

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// The attackers of these tests reach the Temporal server, as anybody in its network may. Most hold
// the installation's keys besides, which is more than is theirs: they can seal payloads. What they
// do not hold is anybody's signing key.

// send sends a decision as it is, past everything that the desk checks.
func send(s *stubborn, to contract.Ref, in contract.DecideInput) error {
	handle, err := s.d.Temporal.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{
		WorkflowID: string(to), UpdateName: contract.Decide.Name, UpdateID: rand.Text(),
		Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(s.ctx, nil)
	}
	return err
}

// refused wants an error of that type, with those words.
func refused(t *testing.T, err error, typ, words string) {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != typ || !strings.Contains(app.Message(), words) {
		t.Errorf("got %v, want %s with %q", err, typ, words)
	}
}

// metric adds up all series of a name on the worker's page.
func metric(t *testing.T, c *demo.Company, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + c.Env["HABEAS_METRICS_LISTEN"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	sum := 0.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// sealed makes the decision ready to be sent.
func sealed(s *stubborn, d dsr.Decision) contract.DecideInput {
	s.t.Helper()
	in, err := s.d.Seal(s.ctx, d)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// forgedDecisions tries every decision that must not count on the release of one case.
func forgedDecisions(t *testing.T, c *demo.Company) {
	cast := example.Cast()
	s, other := newStubborn(t, c, cast.Plain, 4*time.Minute), newStubborn(t, c, cast.English, 4*time.Minute)
	here := s.d.Keys.Installation()

	// This case was opened by cao, who is an approver too.
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Access, OpenedBy: "cao",
		Identities: []dsr.Identity{{Kind: "account", Value: cast.Plain.Login}}})
	if err != nil {
		t.Fatal(err)
	}
	s.verify(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	task := s.task(ref, dsr.TaskRelease)

	second := other.open()
	other.verify(second)
	review := other.task(second, dsr.TaskReview)

	before := metric(t, c, "habeas_decisions_refused_total")
	approve := func(task casefile.Task, key seal.StaffKey, change func(*dsr.Decision)) dsr.Decision {
		d := desk.Sign(here, task, dsr.Approve, "", key)
		if change != nil {
			change(&d)
			d.Signature = ed25519.Sign(key.Private, d.Bytes())
		}
		return d
	}
	stranger, err := seal.NewStaffKey("dai", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	eve, err := seal.NewStaffKey("eve", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	inserted(s, eve)
	dai, bo := c.Staff["dai"], c.Staff["bo"]
	unsigned := approve(task, dai, nil)
	unsigned.Signature = nil

	reached := 0
	for _, forged := range []struct {
		why   string
		d     dsr.Decision
		words string
	}{
		{"somebody else's key", approve(task, stranger, nil), "does not fit the enrolled key"},
		{"the one who opened it", approve(task, c.Staff["cao"], nil), "opened the case"},
		{"a role that may not", approve(task, bo, nil), "role"},
		{"unsigned", unsigned, "does not fit the enrolled key"},
		{"a row in the table", approve(task, eve, nil), "not enrolled"},
		{"nobody", approve(task, dai, func(d *dsr.Decision) { d.Staff = "nobody" }), "not enrolled"},
		{"another digest", approve(task, dai, func(d *dsr.Decision) { d.Digest = review.Digest }), "not what is shown now"},
		{"another nonce", approve(task, dai, func(d *dsr.Decision) { d.Nonce = review.Nonce }), "nonce"},
		{"signed for another task", approve(task, dai, func(d *dsr.Decision) { d.Task = review.ID }), "does not fit"},
		{"signed for another case", approve(task, dai, func(d *dsr.Decision) { d.Ref = second }), "does not fit"},
		{"signed for another kind", approve(task, dai, func(d *dsr.Decision) { d.TaskKind = dsr.TaskReview }), "does not fit"},
		{"signed for another installation", approve(task, dai, func(d *dsr.Decision) { d.Installation = "elsewhere" }), "does not fit"},
		{"another verdict than signed", func() dsr.Decision {
			d := approve(task, dai, func(d *dsr.Decision) { d.Verdict, d.Reason = dsr.Reject, "no" })
			d.Verdict, d.Reason = dsr.Approve, ""
			return d
		}(), "does not fit"},
	} {
		forged.d.Ref, forged.d.Task = ref, task.ID // where it is sent to; the signature says what it was made for
		in := sealed(s, forged.d)
		reached++
		t.Run(forged.why, func(t *testing.T) { refused(t, send(s, ref, in), contract.ErrBadSignature, forged.words) })
	}

	// A signature over what was shown before the choices changed.
	if _, err := other.d.Choose(other.ctx, review.ID, map[string]string{"all": dsr.ChoiceMask}, "bo"); err != nil {
		t.Fatal(err)
	}
	old, err := other.d.Store.Task(other.ctx, review.ID)
	if err != nil {
		t.Fatal(err)
	}
	signed := sealed(other, approve(old, bo, nil))
	if _, err := other.d.Choose(other.ctx, review.ID, map[string]string{"all": dsr.ChoiceKeep}, "bo"); err != nil {
		t.Fatal(err)
	}
	refused(t, send(other, second, signed), contract.ErrBadSignature, "not what is shown now")
	// A right decision, replayed onto another case, is not open there.
	other.sign(second, dsr.TaskReview, "bo", dsr.Approve, "")
	good := sealed(other, approve(other.task(second, dsr.TaskRelease), c.Staff["cao"], nil))
	refused(t, send(s, ref, good), contract.ErrNotOpen, "not open in this case")
	if err := send(other, second, good); err != nil {
		t.Fatal(err)
	}
	other.state(second, dsr.StateReady)
	// Replayed where it counted, it gets its answer, or finds nothing open.
	refused(t, send(other, second, good), contract.ErrNotOpen, "not open in this case")

	if n := count(s.events(ref), "decision.refused"); n != reached {
		t.Errorf("%d refusals in the ledger, want %d", n, reached)
	}
	if n := count(other.events(second), "decision.refused"); n != 1 {
		t.Errorf("%d refusals in the ledger of the other case, want 1", n)
	}
	if got := metric(t, c, "habeas_decisions_refused_total") - before; got < 2 {
		t.Errorf("%v refusals of the validator were counted, want 2", got)
	}
	if p, err := s.d.Store.Package(s.ctx, ref); err != nil || p.ReleasedAt != nil {
		t.Fatalf("the package: %+v %v", p, err)
	}
	s.sign(ref, dsr.TaskRelease, "dai", dsr.Approve, "")
	s.endsWell(ref)
	other.endsWell(second)
}

// inserted writes a row into the table of staff, as somebody may who has the database: it leans on
// the enrolment and the task of somebody else.
func inserted(s *stubborn, key seal.StaffKey) {
	s.t.Helper()
	ref, err := s.d.Store.ProposeStaff(s.ctx, casefile.Staff{Name: key.Name, PublicKey: key.Public(), Roles: []dsr.Role{dsr.RoleApprover}}, "cao")
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := owner(s.t, s.c).ExecContext(s.ctx, `INSERT INTO habeas.staff_member (enrolment, task, name, public_key, roles, enrolled_at)
		SELECT $1, task, $2, $3, '{approver}', now() FROM habeas.staff_member WHERE name = 'bo'`, ref, key.Name, []byte(key.Public())); err != nil {
		s.t.Fatal(err)
	}
}

// endsWell carries a case whose release is signed to its end.
func (s *stubborn) endsWell(ref contract.Ref) {
	s.t.Helper()
	s.state(ref, dsr.StateReady)
	zip := s.download(ref)
	s.state(ref, dsr.StateClosed)
	s.endedOnce(ref, zip)
}
