package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// view is what operators and lists see of a case. It is shown, never decided upon.
type view struct {
	ref     contract.Ref
	facts   contract.CaseFacts
	state   dsr.State
	systems []string // still to answer, sorted
	shown   shown
	lists   projection
}

type shown struct{ state, waiting, systems string }

// enter moves the case to a state and shows it.
func (v *view) enter(ctx workflow.Context, s dsr.State, waiting string) error {
	v.state = s
	return v.show(ctx, waiting)
}

// show writes search attributes, the details of the Temporal UI and the casefile's projection,
// when something changed.
func (v *view) show(ctx workflow.Context, waiting string) error {
	if waiting == "" && len(v.systems) > 0 {
		waiting = "system:" + v.systems[0]
	}
	now := shown{string(v.state), waiting, strings.Join(v.systems, " ")}
	if now == v.shown {
		return nil
	}
	v.shown = now
	attrs := []temporal.SearchAttributeUpdate{
		contract.AttrState.ValueSet(string(v.state)),
		contract.AttrWaitingOn.ValueSet(waiting),
		contract.AttrOpenSystems.ValueSet(v.systems),
	}
	if len(v.systems) == 0 {
		attrs[2] = contract.AttrOpenSystems.ValueUnset()
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attrs...); err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, v.details(waiting))
	v.lists.of = contract.Project
	return v.lists.put(ctx, contract.Progress{Ref: v.ref, State: string(v.state), WaitingOn: waiting, OpenSystems: slices.Clone(v.systems)})
}

// details are at most ten lines of Markdown for the Temporal UI: names of ours only.
func (v *view) details(waiting string) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("**%s** %s\n\n", v.ref.ID(), v.state))
	if waiting != "" {
		b.WriteString(fmt.Sprintf("- waits on: %s\n", waiting))
	}
	if len(v.systems) > 0 {
		b.WriteString(fmt.Sprintf("- systems still to answer: %s\n", strings.Join(v.systems, ", ")))
	}
	if !v.facts.DueAt.IsZero() {
		b.WriteString(fmt.Sprintf("- due: %s (%s)\n", v.facts.DueAt.UTC().Format("2006-01-02 15:04 MST"), strings.Join(v.facts.Laws, ", ")))
	}
	b.WriteString(fmt.Sprintf("- staff: `habeas case show %s`\n", v.ref.ID()))
	return b.String()
}

// answered takes a system off the list of those still to answer.
func (v *view) answered(system string) {
	v.systems = slices.DeleteFunc(v.systems, func(s string) bool { return s == system })
}
