package demo

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// Lawful is a case that ended otherwise than the person asked, or takes longer.
type Lawful struct {
	Ref  contract.Ref
	Says string
}

// Lawful plays what the law gives a company: a case refused whole, one of which a part is refused, and
// one that gets more time and stays open. Each motion has bo as its author and cao as second person.
func (c *Company) Lawful(ctx context.Context, d *desk.Desk) ([]Lawful, error) {
	cast := example.Cast()
	var all []Lawful
	for _, play := range []struct {
		who   example.Person
		says  string
		moves desk.Moving
		on    func(context.Context, *desk.Desk, *Person, contract.Ref, func() error) error
	}{
		{cast.English, "refused, for it is excessive (GDPR Art. 12(5))",
			desk.Moving{Kind: dsr.MotionRefuse, Code: "excessive", Words: "The same copy was given five times this week."}, c.refused},
		{cast.AlsoContact, "partly refused, for the rights of others (GDPR Art. 15(4))",
			desk.Moving{Kind: dsr.MotionRefuse, Code: "others_rights", Words: "They speak of other callers.", Items: []string{"support.messages"}}, c.partlyRefused},
		{cast.Heavy, "extended by two months (GDPR Art. 12(3)), and waits for the person's code",
			desk.Moving{Kind: dsr.MotionExtend, Code: "complexity", Words: "Years of logs have to be read."}, c.extended},
	} {
		p := c.Person(play.who)
		if err := p.ForgetUnread(ctx); err != nil {
			return nil, err
		}
		ref, err := c.Open(ctx, d, desk.Opening{Laws: []string{"eu-gdpr"}, Lang: play.who.Language,
			Identities: []dsr.Identity{{Kind: "account", Value: play.who.Login}}})
		if err != nil {
			return nil, err
		}
		play.moves.By = "bo"
		move := func() error { return c.move(ctx, d, ref, play.moves) }
		if err := play.on(ctx, d, p, ref, move); err != nil {
			return nil, err
		}
		c.o.Say("case %s is %s", ref.ID(), play.says)
		all = append(all, Lawful{ref, play.says})
	}
	return all, nil
}

// move makes a motion as bo, and has bo and cao sign it.
func (c *Company) move(ctx context.Context, d *desk.Desk, ref contract.Ref, m desk.Moving) error {
	out, err := d.Move(ctx, ref, m)
	if err != nil {
		return err
	}
	task, err := d.Store.Task(ctx, out.Task)
	if err != nil {
		return err
	}
	for _, who := range []string{"bo", "cao"} {
		if _, err := d.Decide(ctx, task.ID, dsr.Approve, "", c.Staff[who]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Company) refused(ctx context.Context, d *desk.Desk, _ *Person, ref contract.Ref, move func() error) error {
	if err := WaitState(ctx, d, ref, dsr.StateVerifying); err != nil {
		return err
	}
	if err := move(); err != nil {
		return err
	}
	return WaitState(ctx, d, ref, dsr.StateClosed)
}

func (c *Company) partlyRefused(ctx context.Context, d *desk.Desk, p *Person, ref contract.Ref, move func() error) error {
	code, err := c.code(ctx, d, p, ref, dsr.CodeVerify)
	if err != nil {
		return err
	}
	if err := p.Verify(ctx, ref.ID(), code); err != nil {
		return err
	}
	before, err := WaitTask(ctx, d, ref, dsr.TaskReview)
	if err != nil {
		return err
	}
	if err := move(); err != nil {
		return err
	}
	// The first review is closed: what it shows is no longer what will be given.
	if err := until(ctx, func() (bool, error) {
		now, err := d.Store.Task(ctx, before.ID)
		return err == nil && now.State != "open", err
	}); err != nil {
		return err
	}
	if err := c.Review(ctx, d, ref, dsr.ChoiceMask); err != nil {
		return err
	}
	if err := c.Release(ctx, d, ref); err != nil {
		return err
	}
	if err := WaitState(ctx, d, ref, dsr.StateReady); err != nil {
		return err
	}
	if _, err := c.download(ctx, d, p, ref); err != nil {
		return err
	}
	return WaitState(ctx, d, ref, dsr.StateClosed)
}

func (c *Company) extended(ctx context.Context, d *desk.Desk, _ *Person, ref contract.Ref, move func() error) error {
	before, err := d.Store.Case(ctx, ref)
	if err != nil {
		return err
	}
	if err := WaitState(ctx, d, ref, dsr.StateVerifying); err != nil {
		return err
	}
	if err := move(); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		now, err := d.Store.Case(ctx, ref)
		return err == nil && now.DueAt.After(before.DueAt), err
	})
}
