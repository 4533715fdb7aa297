package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Deletion carries one deletion from the telephone call to the certificate: an opens it, the person
// proves who they are, bo reviews the frozen plan, cao approves it as the second person, and what
// the read-back finds in other people's words is left there with a reason.
func (c *Company) Deletion(ctx context.Context, d *desk.Desk, p *Person) (desk.CaseView, error) {
	var view desk.CaseView
	if err := p.ForgetUnread(ctx); err != nil {
		return view, err
	}
	ref, err := d.OpenCase(ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent, OpenedBy: "an", Lang: p.Language,
		Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}})
	if err != nil {
		return view, err
	}
	c.o.Say("case %s is open; a code goes to a channel that the directory knows", ref.ID())
	code, err := c.code(ctx, d, p, ref, dsr.CodeVerify)
	if err != nil {
		return view, err
	}
	if err := p.Verify(ctx, ref.ID(), code); err != nil {
		return view, err
	}
	if err := c.agree(ctx, d, ref); err != nil {
		return view, err
	}
	if err := c.untilErased(ctx, d, ref); err != nil {
		return view, err
	}
	return d.Show(ctx, ref)
}

// agree has the plan that waits shown, reviewed and approved.
func (c *Company) agree(ctx context.Context, d *desk.Desk, ref contract.Ref) error {
	task, err := WaitTask(ctx, d, ref, dsr.TaskPlan)
	if err != nil {
		return err
	}
	shown, err := d.Task(ctx, task.ID)
	if err != nil {
		return err
	}
	for _, e := range shown.Shown.Entries {
		c.o.Say("  plan %-24s %-10s %d rows", strings.TrimSuffix(e.System+"."+e.Collection, "."), e.Action, e.Rows)
	}
	c.o.Say("the plan is frozen; bo reviews it, cao approves its hash")
	if err := c.sign(ctx, d, task, "bo"); err != nil {
		return err
	}
	if task, err = WaitTask(ctx, d, ref, dsr.TaskErase); err != nil {
		return err
	}
	return c.sign(ctx, d, task, "cao")
}

// untilErased waits for the end. What comes on the way is the folder on paper, and perhaps a question
// about somebody else's words.
func (c *Company) untilErased(ctx context.Context, d *desk.Desk, ref contract.Ref) error {
	return until(ctx, func() (bool, error) {
		k, err := d.Store.Case(ctx, ref)
		if err != nil || k.State == dsr.StateClosed {
			return err == nil, err
		}
		tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen})
		if err != nil || len(tasks) == 0 {
			return false, err
		}
		if tasks[0].Kind == dsr.TaskByHand {
			c.o.Say("no query reaches the paper: an shreds the folder and attaches the shredding log")
			return false, c.ByHand(ctx, d, tasks[0])
		}
		if tasks[0].Kind != dsr.TaskLeft {
			return false, fmt.Errorf("case %s waits for %s, which the demo does not expect", ref.ID(), tasks[0].Kind)
		}
		c.o.Say("the read-back finds the person in somebody else's message; bo leaves it there, and the certificate says so")
		_, err = d.Decide(ctx, tasks[0].ID, dsr.Partial, "it is somebody else's message", c.Staff["bo"])
		return false, err
	})
}
