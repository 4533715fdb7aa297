package activities

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/certificate"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Certify writes and signs the certificate of the last plan that was begun. What is neither done and
// read back nor signed to be left has no certificate.
func (a *Activities) Certify(ctx context.Context, in contract.PlanInput) (contract.CertifyResult, error) {
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return contract.CertifyResult{}, err
	}
	done, err := a.carriedOut(ctx, in.Ref)
	if err != nil {
		return contract.CertifyResult{}, err
	}
	if done.plan.N != in.Plan || len(done.open) > 0 {
		return contract.CertifyResult{}, fault.Newf(contract.ErrNotApproved, "plan %d of %s is not done in every system", in.Plan, in.Ref)
	}
	outcome := dsr.Fulfilled
	if len(done.left)+len(done.unproven) > 0 {
		outcome = dsr.PartlyDone
		if len(done.unproven) > 0 {
			if err := a.leftBehind(ctx, in.Ref); err != nil {
				return contract.CertifyResult{}, err
			}
		}
	}
	statement := certificate.Certificate{
		Version: certificate.Version, Installation: a.Keys.Installation(), Company: a.Map.Company.Name, Case: in.Ref.ID(),
		Laws: c.Laws, Ground: string(c.Ground), Outcome: string(outcome), Received: c.ReceivedAt, Agreed: *done.plan.AgreedAt,
		Begun: *done.plan.BegunAt, Ended: done.last, PlanHash: hex.EncodeToString(done.plan.Hash), MapHash: done.body.MapHash,
		Approvals: []string{done.plan.ReviewTask, done.plan.ApprovalTask},
	}
	for _, before := range done.earlier {
		statement.EarlierPlans = append(statement.EarlierPlans, hex.EncodeToString(before.plan.Hash))
	}
	for _, system := range done.order() {
		statement.Systems = append(statement.Systems, a.certifySystem(done, system))
	}
	file, err := certificate.Sign(statement, a.Keys.PublicKey(), a.Keys.Sign)
	if err != nil {
		return contract.CertifyResult{}, err
	}
	if err := a.rememberErased(ctx, in.Ref, done.last); err != nil {
		return contract.CertifyResult{}, err
	}
	kept, err := a.Store.PutCertificate(ctx, in.Ref, in.Plan, file)
	return contract.CertifyResult{Hash: kept.Hash}, err
}

func (a *Activities) certifySystem(c carried, system string) certificate.System {
	out := certificate.System{State: certificate.Done}
	switch {
	case slices.Contains(c.left, system):
		out.State = certificate.LeftOut
	case slices.Contains(c.unproven, system):
		out.State = certificate.Unproven
	}
	if sys := a.Map.System(system); sys != nil {
		out.Name, out.Region, out.Recipient = sys.Title, sys.Region, sys.Recipient
		if sys.Backups > 0 {
			out.BackupsUntil = c.last.Add(sys.Backups).Truncate(24 * time.Hour)
		}
	}
	if work, ok := c.hands[system]; ok && slices.Contains(c.asked(), system) {
		out.Proof = &certificate.Proof{By: datamap.DriverManual, Outcome: work.answer.Outcome, Rows: work.answer.Rows, At: *work.task.DoneAt, Task: work.task.ID, Evidence: work.answer.Evidence}
	}
	if answer, ok := c.answers[system]; ok {
		out.Proof = &certificate.Proof{By: datamap.DriverOpenDSR, Outcome: answer.status, At: answer.at, Request: answer.request, Domain: answer.domain, Signature: answer.signature}
	}
	for _, k := range c.classes(system) {
		out.Classes = append(out.Classes, certificate.Class{
			Name: a.title(system, k.entry.Collection), Action: k.entry.Action, Planned: k.entry.Rows, Law: k.entry.Law, Until: k.entry.Until, Reason: k.entry.Reason,
			Deleted: k.done.Deleted, Changed: k.done.Changed, Arrived: k.done.Arrived,
		})
	}
	for _, l := range c.remains[system] {
		out.Remains = append(out.Remains, certificate.Remain{Name: a.title(system, l.Collection), Rows: l.Rows, Reason: l.Reason})
	}
	return out
}

// title is the public name of a collection.
func (a *Activities) title(system, collection string) datamap.Text {
	if sys := a.Map.System(system); sys != nil {
		if c := sys.Collection(collection); c != nil {
			return within(sys, c)
		}
	}
	return datamap.Text{ZH: system + "." + collection, EN: system + "." + collection}
}
