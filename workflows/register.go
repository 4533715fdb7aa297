package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Registry takes workflows: a worker, and the replay test.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register tells a registry every workflow of ours, under the names of contract. What lives for
// weeks moves to a new build by itself; what ends within the hour stays with the build it began on.
func Register(r Registry) {
	for name, w := range map[string]any{
		contract.Access.Name:           Access,
		contract.Deletion.Name:         Deletion,
		contract.EraseAfterAccess.Name: EraseAfterAccess,
		contract.HoldRelease.Name:      HoldRelease,
		contract.Roster.Name:           Roster,
		contract.Notice.Name:           Notice,
		contract.AuthorityClock.Name:   AuthorityClock,
		contract.Processor.Name:        Processor,
		contract.RetentionRule.Name:    RetentionRule,
		contract.Correction.Name:       Correction,
		contract.EvidenceWipe.Name:     EvidenceWipe,
		contract.Verification.Name:     Verification,
		contract.Restriction.Name:      Restriction,
		contract.RetentionExtend.Name:  RetentionExtend,
		contract.Complaint.Name:        Complaint,
		contract.Disclosure.Name:       Disclosure,
	} {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	}
	for name, w := range map[string]any{
		contract.Reconcile.Name:  Reconcile,
		contract.Checkpoint.Name: Checkpoint,
		contract.Digest.Name:     Digest,
		contract.Forget.Name:     Forget,
		contract.Retention.Name:  Retention,
	} {
		r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name, VersioningBehavior: workflow.VersioningBehaviorPinned})
	}
}
