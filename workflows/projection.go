package workflows

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// projection keeps the lists of the casefile up with a workflow. A casefile that does not answer stops
// nothing: what is shown then comes later, by a step that is tried until it is there. Until it is, nothing
// else is written, so that an older state never comes after a newer one.
type projection struct {
	of     contract.Activity[contract.Progress, contract.Nothing]
	latest contract.Progress
	behind bool
}

const projecting = "show the state in the casefile"

// put shows how far it is. An error is the end of the workflow, never the casefile's.
func (p *projection) put(ctx workflow.Context, now contract.Progress) error {
	p.latest = now
	if p.behind {
		return nil
	}
	_, err := p.of.RunLocal(local(ctx, projecting), now)
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	p.behind = true
	workflow.GoNamed(ctx, "catch up", p.catchUp)
	return nil
}

func (p *projection) catchUp(ctx workflow.Context) {
	for {
		shown := p.latest
		_, err := p.of.Run(core(ctx, projecting), shown)
		if err != nil || same(shown, p.latest) {
			p.behind = false
			return
		}
	}
}

func same(a, b contract.Progress) bool {
	return a.Ref == b.Ref && a.State == b.State && a.WaitingOn == b.WaitingOn && slices.Equal(a.OpenSystems, b.OpenSystems)
}
