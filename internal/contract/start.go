package contract

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// StartOf is how the workflow of a reference is started, by whoever opens it and by the
// reconciler alike: under the reference as its id, once.
func StartOf(ref Ref) (options client.StartWorkflowOptions, workflow string, input any) {
	options = client.StartWorkflowOptions{
		ID: string(ref), TaskQueue: QueueCore,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
	if ref.Kind() == KindRoster {
		options.StaticSummary = "enrol a member of staff"
		return options, Roster.Name, RosterInput{Ref: ref}
	}
	if ref.Kind() == KindNotice {
		options.StaticSummary = "notice " + ref.ID()
		return options, Notice.Name, NoticeInput{Ref: ref}
	}
	options.StaticSummary = "access request " + ref.ID()
	return options, Access.Name, CaseInput{Ref: ref}
}
