package desk

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ControllerOrder is the signed request of a company whose processor we are. The signature has been
// verified; whoever acts on the case verifies it again.
type ControllerOrder struct {
	Controller string // domain
	RequestID  string
	Identities []dsr.Identity
	Body       []byte // as it was signed; only its keyed hash is kept
	Proof      casefile.SignedRequest
	Callbacks  []string
	Wishes     []dsr.Wish    // of a request to correct; none: it is one to delete
	Within     time.Duration // how long we say that it takes
}

// OpenForController opens a deletion or a correction case for a controller. The same request again is the same case;
// the same number with another body a contract.ErrConflict.
func (d *Desk) OpenForController(ctx context.Context, o ControllerOrder) (casefile.ControllerRequest, error) {
	hash := d.Store.BodyHash(o.Controller, o.Body)
	known := func() (casefile.ControllerRequest, error) {
		had, err := d.Store.ControllerRequest(ctx, o.Controller, o.RequestID)
		if err == nil && subtle.ConstantTimeCompare(had.BodyHash, hash) != 1 {
			err = fault.New(contract.ErrConflict, "another request has this number already", nil)
		}
		return had, err
	}
	if had, err := known(); !fault.Is(err, contract.ErrNotFound) {
		return had, err
	}
	// A processor acts because its controller says so (PIPL Art. 21, GDPR Art. 28(3)(g)).
	kind, ground := dsr.Deletion, dsr.GroundDuty
	if len(o.Wishes) > 0 {
		kind, ground = dsr.Correction, ""
	}
	_, err := d.OpenCase(ctx, Opening{
		Kind: kind, Ground: ground, Wishes: o.Wishes, Identities: o.Identities, Channel: "opendsr", Requester: dsr.RequesterController,
		OpenedBy: "controller " + o.Controller,
		controller: &casefile.ControllerRequest{Controller: o.Controller, RequestID: o.RequestID, BodyHash: hash, Proof: o.Proof,
			Callbacks: o.Callbacks, ExpectedAt: d.Now().Add(o.Within)},
	})
	if err != nil && !fault.Is(err, contract.ErrConflict) && !fault.Is(err, contract.ErrUnavailable) {
		return casefile.ControllerRequest{}, err
	}
	// Where the workflow did not start the case is there all the same, and starts within a minute.
	had, readErr := known()
	if fault.Is(readErr, contract.ErrNotFound) && err != nil {
		return had, err
	}
	return had, readErr
}

// HeardFromProcessor wakes whoever waits for a processor's answer to the request of that number. What the
// answer is they ask themselves: a callback is believed in nothing.
func (d *Desk) HeardFromProcessor(ctx context.Context, id string) (system string, wake func(context.Context) error, err error) {
	p, err := d.Store.ProcessorOf(ctx, id)
	if err != nil {
		return "", nil, err
	}
	return p.System, func(ctx context.Context) error {
		return d.temporalError(d.Temporal.SignalWorkflow(ctx, contract.ProcessorID(p.Ref, p.System), "", contract.ProcessorSpoke.Name, contract.ProcessorSpokeInput{}))
	}, nil
}

// ControllerCase is a controller's request with its case.
func (d *Desk) ControllerCase(ctx context.Context, controller, id string) (casefile.ControllerRequest, casefile.Case, error) {
	asked, err := d.Store.ControllerRequest(ctx, controller, id)
	if err != nil {
		return asked, casefile.Case{}, err
	}
	c, err := d.Store.Case(ctx, asked.Ref)
	return asked, c, err
}
