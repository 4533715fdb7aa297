package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
)

// errNoPeers is what a worker says that was not told who it is to others.
func errNoPeers() error {
	return fault.New(contract.ErrMapMismatch, "a processor is in the data map, and HABEAS_OPENDSR is not set on this worker", nil)
}

// asking is one request to a processor, with all that stands behind it.
type asking struct {
	client opendsr.Client
	to     opendsr.Processor
	sys    *datamap.System
	plan   casefile.Plan
	body   subject.Plan
}

// mayAsk verifies what stands behind a request to a processor: who is asking, the plan's hash and every
// signature, and that this processor, at this address, is what was signed.
func (a *Activities) mayAsk(ctx context.Context, in contract.ProcessorInput) (asking, error) {
	var out asking
	if a.Peers == nil {
		return out, errNoPeers()
	}
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	var err error
	if out.plan, err = a.Store.CheckPlan(ctx, in.Ref, in.Plan, a.Pins); err != nil {
		return out, err
	}
	left, err := a.partial(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if slices.Contains(left, in.System) {
		return out, fault.Newf(contract.ErrNotApproved, "%s: a signed decision leaves %s out", in.Ref, in.System)
	}
	if out.body, err = a.sealedPlan(ctx, in.Ref, in.Plan); err != nil {
		return out, err
	}
	i := slices.IndexFunc(out.body.Asked, func(s subject.Asked) bool { return s.System == in.System && s.Driver == datamap.DriverOpenDSR })
	if i < 0 {
		return out, fault.Newf(contract.ErrNotApproved, "plan %d of %s asks nothing of %s", in.Plan, in.Ref, in.System)
	}
	signed := out.body.Asked[i]
	out.sys = a.Map.System(in.System)
	if out.sys == nil || out.sys.Outside == nil || out.sys.Outside.URL != signed.URL || out.sys.Outside.Domain != signed.Domain ||
		!slices.Equal(out.sys.Outside.Tells, signed.Tells) || out.sys.Region != signed.Region {
		return out, fault.Newf(contract.ErrMapMismatch, "the data map says something else of %s than was signed in plan %d", in.System, in.Plan)
	}
	out.client = opendsr.Client{Peers: a.Peers, Now: a.Now}
	out.to = opendsr.Processor{System: in.System, URL: signed.URL, Domain: signed.Domain}
	return out, nil
}

// AskProcessor sends the request to a processor, under the lock under which no hold can be placed. It may
// run again: the number of the request stands in the casefile before it is sent, so that it is the same
// request for the processor.
func (a *Activities) AskProcessor(ctx context.Context, in contract.ProcessorInput) (contract.ProcessorAnswer, error) {
	var out contract.ProcessorAnswer
	ask, err := a.mayAsk(ctx, in)
	if err != nil {
		return out, err
	}
	row, err := a.Store.BeginProcessorRequest(ctx, in.Ref, in.System, in.Try, opendsr.NewID())
	if err != nil || row.EndedAt != nil {
		return contract.ProcessorAnswer{Status: row.Status}, err
	}
	if row.TakenAt != nil {
		return contract.ProcessorAnswer{Status: opendsr.Pending, Expected: *row.ExpectedAt}, nil
	}
	request, err := a.requestTo(ctx, in.Ref, ask.sys, row)
	if err != nil {
		return out, err
	}
	target, err := a.target(ctx, in.Ref, in.Plan, ask.body, in.System)
	if err != nil {
		return out, err
	}
	var receipt opendsr.Receipt
	err = a.Store.Guarded(ctx, in.Ref, target, a.Pins, func(ctx context.Context) (err error) {
		receipt, err = ask.client.Ask(ctx, ask.to, request)
		return err
	})
	if err != nil {
		return out, err
	}
	return contract.ProcessorAnswer{Status: opendsr.Pending, Expected: receipt.Expected}, a.Store.TakeProcessorRequest(ctx, row, receipt.Expected)
}

func (a *Activities) requestTo(ctx context.Context, ref contract.Ref, sys *datamap.System, row casefile.ProcessorRequest) (opendsr.Request, error) {
	person, err := a.told(ctx, ref, sys)
	if err != nil {
		return opendsr.Request{}, err
	}
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return opendsr.Request{}, err
	}
	r := opendsr.Request{Regulation: opendsr.Regulation(c.Laws[0]), ID: row.RequestID, Type: opendsr.Erasure, Submitted: row.AskedAt.UTC(), APIVersion: opendsr.Version,
		Extensions: map[string]map[string]string{"opendsr." + a.Peers.Domain: {"regime": c.Laws[0]}}}
	if a.Peers.URL != "" {
		r.CallbackURL = []string{a.Peers.URL + opendsr.Root + "/callbacks"}
	}
	for _, id := range person {
		r.Identities = append(r.Identities, opendsr.Identity{Type: opendsr.TypeOf(id.Kind), Format: "raw", Value: id.Value})
	}
	return r, nil
}

// PollProcessor asks a processor how far it is, and keeps the signed answer once that is the last.
func (a *Activities) PollProcessor(ctx context.Context, in contract.ProcessorInput) (contract.ProcessorAnswer, error) {
	var out contract.ProcessorAnswer
	ask, err := a.mayAsk(ctx, in)
	if err != nil {
		return out, err
	}
	row, err := a.Store.ProcessorRequest(ctx, in.Ref, in.System, in.Try)
	if err != nil || row.EndedAt != nil {
		return contract.ProcessorAnswer{Status: row.Status}, err
	}
	status, proof, err := ask.client.Status(ctx, ask.to, row.RequestID)
	if err != nil {
		return out, err
	}
	out = contract.ProcessorAnswer{Status: status.Status, Expected: status.Expected}
	switch status.Status {
	case opendsr.Pending, opendsr.InProgress:
		return out, nil
	case opendsr.Completed, opendsr.Cancelled:
	default:
		return out, fault.Newf(contract.ErrRefused, "%s says a status that the protocol does not know", in.System)
	}
	raw, err := json.Marshal(proof)
	if err != nil {
		return out, fmt.Errorf("writing a proof: %w", err)
	}
	return out, a.Store.EndProcessorRequest(ctx, row, status.Status, raw)
}

// processorAnswer is what a processor has answered last, rightly signed.
type answered struct {
	request, domain, status, signature string
	at                                 time.Time
}

// processors gives the processors of a plan that say, signed, that they are done. Each signature is
// verified, with the domain that the signed plan names.
func (a *Activities) processors(ctx context.Context, ref contract.Ref, plan subject.Plan) (map[string]answered, error) {
	rows, err := a.Store.ProcessorRequests(ctx, ref)
	if err != nil {
		return nil, err
	}
	done := map[string]answered{}
	for _, row := range rows {
		i := slices.IndexFunc(plan.Asked, func(s subject.Asked) bool { return s.System == row.System })
		if row.Proof == nil || row.Status != opendsr.Completed || i < 0 {
			continue
		}
		if a.Peers == nil {
			return nil, errNoPeers()
		}
		var proof opendsr.Proof
		if err := json.Unmarshal([]byte(*row.Proof), &proof); err != nil {
			return nil, fault.New(contract.ErrTampered, "the proof of "+row.System+" cannot be read", err)
		}
		status, err := a.Peers.ReadProof(proof, plan.Asked[i].Domain)
		if err != nil {
			return nil, err
		}
		if status.ID != row.RequestID || status.Status != opendsr.Completed {
			return nil, fault.Newf(contract.ErrTampered, "the proof of %s is of another request", row.System)
		}
		done[row.System] = answered{request: row.RequestID, domain: plan.Asked[i].Domain, status: status.Status, signature: proof.Signature, at: proof.At}
	}
	return done, nil
}

// vouched verifies that another company, whose processor we are, has asked for this case: its signature
// stands in for the person's proof. contract.ErrNotFound when none has.
func (a *Activities) vouched(ctx context.Context, ref contract.Ref) error {
	asked, err := a.Store.ControllerOf(ctx, ref)
	if err != nil {
		return err
	}
	if a.Peers == nil {
		return errNoPeers()
	}
	_, cert, err := a.Peers.Controller(asked.Controller, asked.Proof.At)
	if err == nil {
		err = opendsr.VerifyDigest(cert, asked.Proof.Digest, asked.Proof.Signature)
	}
	if fault.Is(err, contract.ErrBadSignature) {
		return fault.Newf(contract.ErrNotApproved, "%s: the signature of its controller does not hold", ref)
	}
	return err
}

// CallBack tells the controller that the case it asked for has ended. A case that has not, has nothing to
// tell.
func (a *Activities) CallBack(ctx context.Context, in contract.CloseInput) (contract.Nothing, error) {
	asked, err := a.Store.ControllerOf(ctx, in.Ref)
	if fault.Is(err, contract.ErrNotFound) { // somebody who was restored: nobody waits to hear
		return contract.Nothing{}, nil
	}
	if err != nil || asked.CalledAt != nil {
		return contract.Nothing{}, err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	if c.State != dsr.StateClosed {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "%s is not closed: there is nothing to call back about", in.Ref)
	}
	if a.Peers == nil {
		return contract.Nothing{}, errNoPeers()
	}
	controller, _, err := a.Peers.Controller(asked.Controller, a.Now())
	if err != nil {
		return contract.Nothing{}, err
	}
	client := opendsr.Client{Peers: a.Peers, Now: a.Now}
	for _, address := range asked.Callbacks {
		if err := client.CallBack(ctx, controller, address, a.Peers.StatusOf(asked.RequestID, asked.Controller, asked.ExpectedAt, c.State, c.Outcome)); err != nil {
			return contract.Nothing{}, err
		}
	}
	return contract.Nothing{}, a.Store.MarkCalledBack(ctx, in.Ref)
}
