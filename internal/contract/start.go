package contract

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// starts is which workflow carries a kind of case out, and what operators read over it. The kind
// does not stand in the reference: whoever starts a case reads it from the casefile.
var starts = map[string]struct{ workflow, summary string }{
	"access":      {Access.Name, "access request"},
	"deletion":    {Deletion.Name, "deletion request"},
	"correction":  {Correction.Name, "correction request"},
	"restriction": {Restriction.Name, "restriction"},
	"portability": {Access.Name, "portability request"},

	"complaint": {Complaint.Name, "complaint"},

	"erase-after-access": {EraseAfterAccess.Name, "request for a copy and then deletion"},
}

// StartOf is how the workflow of a reference is started, by whoever opens it and by the
// reconciler alike: under the reference as its id, once. kind is the case's kind; a reference that
// is no case has none.
func StartOf(ref Ref, kind string) (options client.StartWorkflowOptions, workflow string, input any, err error) {
	options = client.StartWorkflowOptions{
		ID: string(ref), TaskQueue: QueueCore,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
	if ref.Kind() == KindRoster {
		options.StaticSummary = "enrol a member of staff"
		return options, Roster.Name, RosterInput{Ref: ref}, nil
	}
	if ref.Kind() == KindNotice {
		options.StaticSummary = "notice " + ref.ID()
		return options, Notice.Name, NoticeInput{Ref: ref}, nil
	}
	if ref.Kind() == KindDisclosure {
		options.StaticSummary = "an entry of the register of disclosures"
		return options, Disclosure.Name, DisclosureInput{Ref: ref}, nil
	}
	if ref.Kind() == KindHold { // asked for again when two people said no before
		options.StaticSummary = "release of a legal hold"
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		return options, HoldRelease.Name, HoldInput{Ref: ref}, nil
	}
	start, known := starts[kind]
	if ref.Kind() != KindCase || !known {
		return options, "", nil, fmt.Errorf("no workflow carries out %s, a %q", ref, kind)
	}
	options.StaticSummary = start.summary + " " + ref.ID()
	return options, start.workflow, CaseInput{Ref: ref}, nil
}
