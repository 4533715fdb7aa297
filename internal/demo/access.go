package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Answer is what a person got.
type Answer struct {
	Ref     contract.Ref
	Package string // path of the ZIP
	Case    desk.CaseView
}

// Access carries one access case from the telephone call to the download: an opens it, the person
// reads the code out of their letter, bo reviews, cao releases, the person downloads.
func (c *Company) Access(ctx context.Context, d *desk.Desk, p *Person, o desk.Opening) (Answer, error) {
	var a Answer
	if err := p.ForgetUnread(ctx); err != nil {
		return a, err
	}
	var err error
	if a.Ref, err = c.Open(ctx, d, o); err != nil {
		return a, err
	}
	c.o.Say("case %s is open; a code goes to a channel that the directory knows", a.Ref.ID())
	code, err := c.code(ctx, d, p, a.Ref, dsr.CodeVerify)
	if err != nil {
		return a, err
	}
	c.o.Say("the person reads the code in the letter and types it on the portal")
	if err := p.Verify(ctx, a.Ref.ID(), code); err != nil {
		return a, err
	}
	if err := c.Review(ctx, d, a.Ref, dsr.ChoiceMask); err != nil {
		return a, err
	}
	if err := c.Release(ctx, d, a.Ref); err != nil {
		return a, err
	}
	if err := WaitState(ctx, d, a.Ref, dsr.StateReady); err != nil {
		return a, err
	}
	if a.Package, err = c.download(ctx, d, p, a.Ref); err != nil {
		return a, err
	}
	if err := WaitState(ctx, d, a.Ref, dsr.StateClosed); err != nil {
		return a, err
	}
	c.o.Say("the package was fetched whole, wiped here, and the case is closed")
	a.Case, err = d.Show(ctx, a.Ref)
	return a, err
}

// Open opens an access case as an.
func (c *Company) Open(ctx context.Context, d *desk.Desk, o desk.Opening) (contract.Ref, error) {
	o.Kind, o.OpenedBy = dsr.Access, "an"
	return d.OpenCase(ctx, o)
}

// Review waits for the review and has bo approve it, with one choice for every column that may
// speak of somebody else.
func (c *Company) Review(ctx context.Context, d *desk.Desk, ref contract.Ref, choice string) error {
	task, err := WaitTask(ctx, d, ref, dsr.TaskReview)
	if err != nil {
		return err
	}
	t, err := d.Choose(ctx, task.ID, map[string]string{"all": choice}, "bo")
	if err != nil {
		return err
	}
	for _, f := range t.Shown.Collections {
		c.o.Say("  found %-24s %d rows", f.System+"."+f.Collection, f.Rows)
	}
	c.o.Say("bo has looked; what may speak of others is set to %q; signing the review", choice)
	return c.sign(ctx, d, task, "bo")
}

// Release waits for the release and has cao approve it: a second person, over the manifest's hash.
func (c *Company) Release(ctx context.Context, d *desk.Desk, ref contract.Ref) error {
	task, err := WaitTask(ctx, d, ref, dsr.TaskRelease)
	if err != nil {
		return err
	}
	c.o.Say("the package is put together and sealed; cao signs its release")
	return c.sign(ctx, d, task, "cao")
}

// sign signs, and says it again while no worker answers: it is one decision however often it is said.
func (c *Company) sign(ctx context.Context, d *desk.Desk, task casefile.Task, who string) error {
	return until(ctx, func() (bool, error) {
		_, err := d.Decide(ctx, task.ID, dsr.Approve, "", c.Staff[who])
		if now, readErr := d.Store.Task(ctx, task.ID); readErr == nil && now.State == "done" {
			return true, nil
		}
		return err == nil, err
	})
}

func (c *Company) download(ctx context.Context, d *desk.Desk, p *Person, ref contract.Ref) (string, error) {
	path := filepath.Join(c.Stack.Dir(), "habeas-"+ref.ID()+".zip")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing the package: %w", err)
	}
	c.o.Say("the person asks for a download code, and fetches the package with it")
	return path, errors.Join(c.fetch(ctx, d, p, ref, file), file.Close())
}

func (c *Company) fetch(ctx context.Context, d *desk.Desk, p *Person, ref contract.Ref, to io.Writer) error {
	if err := p.AskCode(ctx, ref.ID(), dsr.CodeDownload); err != nil {
		return err
	}
	code, err := c.code(ctx, d, p, ref, dsr.CodeDownload)
	if err != nil {
		return err
	}
	return p.Fetch(ctx, ref.ID(), code, to)
}
