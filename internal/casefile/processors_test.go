package casefile

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
)

const (
	anID    = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
	otherID = "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
)

// byController is a case that a controller opens with a body about the person.
func (f *fixture) byController(t *testing.T, id string) NewCase {
	t.Helper()
	n := f.caseOf(person)
	n.Requester, n.Channel, n.OpenedBy = "controller", "opendsr", "controller dsr.shop.example"
	body := []byte(`{"subject_identities":[{"identity_value":"mei.lin@persons.example"}]}`)
	n.Controller = &ControllerRequest{Controller: "dsr.shop.example", RequestID: id, BodyHash: f.BodyHash("dsr.shop.example", body),
		Proof:     SignedRequest{Digest: bytes.Repeat([]byte{1}, 32), Signature: "c2ln", At: f.time.Now().UTC()},
		Callbacks: []string{"https://dsr.shop.example/v2/callbacks"}, ExpectedAt: f.time.Now().Add(time.Hour)}
	return n
}

func (f *fixture) fillProcessors(t *testing.T, ref contract.Ref) {
	t.Helper()
	ctx := t.Context()
	p, err := f.BeginProcessorRequest(ctx, ref, "mailing", 1, anID)
	ok(t, err)
	ok(t, f.TakeProcessorRequest(ctx, p, f.time.Now().Add(time.Hour)))
	ok(t, f.EndProcessorRequest(ctx, p, "completed", []byte(`{"body":"e30="}`)))
	_, err = f.as(t, RoleStaff).CreateCase(ctx, f.byController(t, otherID))
	ok(t, err)
}

// A request to a processor keeps its number however often it is begun, and its first proof.
func TestProcessorRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app := f.as(t, RoleApp)
	ref := f.newCase(t)
	first, err := app.BeginProcessorRequest(t.Context(), ref, "mailing", 1, anID)
	ok(t, err)
	again, err := app.BeginProcessorRequest(t.Context(), ref, "mailing", 1, otherID)
	if ok(t, err); cmp.Diff(first, again) != "" {
		t.Errorf("begun again (-first +second):\n%s", cmp.Diff(first, again))
	}
	second, err := app.BeginProcessorRequest(t.Context(), ref, "mailing", 2, otherID)
	if ok(t, err); second.RequestID != otherID {
		t.Errorf("a second try has the number %s", second.RequestID)
	}
	for range 2 {
		ok(t, app.TakeProcessorRequest(t.Context(), first, f.time.Now()))
		ok(t, app.EndProcessorRequest(t.Context(), first, "completed", []byte(`{"n":1}`)))
		ok(t, app.EndProcessorRequest(t.Context(), first, "cancelled", []byte(`{"n":2}`)))
	}
	got, err := f.as(t, RoleStaff).ProcessorOf(t.Context(), anID)
	if ok(t, err); got.Status != "completed" || got.Proof == nil || *got.Proof != `{"n":1}` {
		t.Errorf("kept %+v", got)
	}
	_, err = app.ProcessorOf(t.Context(), "c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
	wantType(t, err, contract.ErrNotFound)
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// A controller's request opens one case; only its keyed hash and its sealed signature are kept of it.
func TestControllerRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	staff, app := f.as(t, RoleStaff), f.as(t, RoleApp)
	n := f.byController(t, anID)
	ref, err := staff.CreateCase(t.Context(), n)
	ok(t, err)
	_, err = staff.CreateCase(t.Context(), n)
	wantType(t, err, contract.ErrConflict)
	cases, err := app.ListCases(t.Context(), Filter{})
	if ok(t, err); len(cases) != 1 {
		t.Errorf("%d cases of one request", len(cases))
	}
	got, err := app.ControllerOf(t.Context(), ref)
	ok(t, err)
	want := *n.Controller
	want.Ref, want.ReceivedAt, want.ExpectedAt = ref, got.ReceivedAt, got.ExpectedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := staff.ControllerRequest(t.Context(), "dsr.shop.example", anID); err != nil {
		t.Error(err)
	}
	_, err = staff.ControllerRequest(t.Context(), "dsr.other.example", anID)
	wantType(t, err, contract.ErrNotFound)
	_, err = app.ControllerOf(t.Context(), f.newCase(t))
	wantType(t, err, contract.ErrNotFound)
	for range 2 {
		ok(t, app.MarkCalledBack(t.Context(), ref))
	}
	f.exec(t, `UPDATE habeas.controller_request SET proof = '\x00'`)
	_, err = app.ControllerOf(t.Context(), ref)
	wantType(t, err, contract.ErrTampered)
}
