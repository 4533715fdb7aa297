package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// atOnce is how many cases are in work at any time.
const atOnce = 50

// cases times whole access cases, opened and answered by people who never hesitate.
func cases(ctx context.Context, b *bench) ([]Row, error) {
	count := 100
	if b.full {
		count = 400
	}
	row := Row{
		Name: "cases", Unit: "cases/s", Goal: Goal{Least: 0.8},
		What: fmt.Sprintf("%d whole access cases, %d at a time, from opening to closed, on the real worker; staff sign and the person types codes at once, through the desk", count, atOnce),
	}
	h, err := b.house(ctx, "cases", example.Options{People: 1_000})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	c, err := newCrowd(ctx, h)
	if err != nil {
		return nil, err
	}
	defer c.close()
	first, err := c.play(ctx, 1) // also warms both sides up
	if err != nil {
		return nil, err
	}
	s, err := shapeOf(ctx, h.desk.Temporal, first[0])
	if err != nil {
		return nil, err
	}
	row.Floor = fmt.Sprintf("a workflow of %s that do nothing, one after the other as the case has them, on the same server", s)
	f, err := newFloor(h, s)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if _, err := f.play(ctx, 1); err != nil {
		return nil, err
	}
	for n := range pairs {
		var p Pair
		for _, i := range turn(n) {
			began := time.Now()
			if i == 0 {
				_, err = f.play(ctx, count)
				p.Floor = float64(count) / time.Since(began).Seconds()
			} else {
				_, err = c.play(ctx, count)
				p.Ours = float64(count) / time.Since(began).Seconds()
			}
			if err != nil {
				return nil, err
			}
		}
		say("cases: %.1f a second, floor %.1f", p.Ours, p.Floor)
		row.Pairs = append(row.Pairs, p)
	}
	return []Row{row}, nil
}

// crowd plays staff and persons of many cases. One reader watches the casefile for all of them, so
// that their waiting costs next to nothing.
type crowd struct {
	h      *house
	db     *sql.DB
	logins []string
	next   int
}

func newCrowd(ctx context.Context, h *house) (*crowd, error) {
	c := &crowd{h: h}
	accounts, err := sql.Open("postgres", h.Stack.DatabaseURL(stack.RoleReader, "accounts"))
	if err != nil {
		return nil, fmt.Errorf("opening the accounts: %w", err)
	}
	defer func() { _ = accounts.Close() }()
	// Not the cast: their cases are special.
	rows, err := accounts.QueryContext(ctx, `SELECT login_name FROM accounts.users WHERE email IS NOT NULL ORDER BY id OFFSET 20`)
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var login string
		if err := rows.Scan(&login); err != nil {
			return nil, fmt.Errorf("listing accounts: %w", err)
		}
		c.logins = append(c.logins, login)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	if c.db, err = sql.Open("postgres", h.Stack.DatabaseURL(stack.RoleApp, stack.CasefileDatabase)); err != nil {
		return nil, fmt.Errorf("opening the casefile: %w", err)
	}
	return c, nil
}

func (c *crowd) close() { _ = c.db.Close() }

// play carries n cases from opening to closed, atOnce at a time, and gives their references.
func (c *crowd) play(ctx context.Context, n int) ([]contract.Ref, error) {
	refs := make([]contract.Ref, n)
	w := &watch{db: c.db, waiting: map[contract.Ref]chan moment{}}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	group.Go(func() error { return w.run(watching) })
	players, pctx := errgroup.WithContext(ctx)
	players.SetLimit(atOnce)
	for i := range n {
		login := c.logins[c.next%len(c.logins)]
		c.next++
		players.Go(func() (err error) {
			refs[i], err = c.one(pctx, w, login)
			return err
		})
	}
	err := players.Wait()
	stop()
	if watched := group.Wait(); err == nil {
		err = watched
	}
	return refs, err
}

// one plays one case.
func (c *crowd) one(ctx context.Context, w *watch, login string) (contract.Ref, error) {
	d := c.h.desk
	ref, err := c.h.Open(ctx, d, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: login}}})
	if err != nil {
		return "", err
	}
	moments := w.add(ref)
	defer w.remove(ref)
	asked := false // for the download code: once
	for {
		select {
		case <-ctx.Done():
			return ref, ctx.Err()
		case m := <-moments:
			if m.state == string(dsr.StateClosed) {
				return ref, nil
			}
			if m.waiting == "person:download" && !asked {
				asked = true
				d.RequestCode(ctx, ref.ID(), dsr.CodeDownload)
			}
			if err := c.act(ctx, ref, m); err != nil {
				return ref, fmt.Errorf("%s, which waited on %s: %w", ref, m.waiting, err)
			}
		}
	}
}

// act does at once what the case waits for. It is told of each code and task once.
func (c *crowd) act(ctx context.Context, ref contract.Ref, m moment) error {
	d := c.h.desk
	if m.item == "" {
		return nil
	}
	switch m.waiting {
	case "person:code":
		code, err := c.code(ctx, m.item)
		if err != nil {
			return err
		}
		_, _, err = d.VerifyCode(ctx, ref.ID(), code)
		return err
	case "task:" + string(dsr.TaskReview):
		if _, err := d.Choose(ctx, m.item, map[string]string{"all": dsr.ChoiceMask}, "bo"); err != nil {
			return err
		}
		_, err := d.Decide(ctx, m.item, dsr.Approve, "", c.h.Staff["bo"])
		return err
	case "task:" + string(dsr.TaskRelease):
		_, err := d.Decide(ctx, m.item, dsr.Approve, "", c.h.Staff["cao"])
		return err
	case "person:download":
		return c.fetch(ctx, ref, m.item)
	}
	return fmt.Errorf("nobody plays that here")
}

// fetch types the download code and reads the package to its end.
func (c *crowd) fetch(ctx context.Context, ref contract.Ref, challenge string) error {
	d := c.h.desk
	code, err := c.code(ctx, challenge)
	if err != nil {
		return err
	}
	if ok, err := d.TryCode(ctx, ref.ID(), dsr.CodeDownload, code); err != nil || !ok {
		return fmt.Errorf("the download code is not taken: %w", err)
	}
	p, err := d.OpenPackage(ctx, ref.ID())
	if err != nil {
		return err
	}
	defer func() { _ = p.Body.Close() }()
	if n, err := io.Copy(io.Discard, p.Body); err != nil || n != p.Size {
		return fmt.Errorf("the package has %d bytes instead of %d: %w", n, p.Size, err)
	}
	return p.Done(ctx)
}

// code computes what stands in the letter: reading letters is not what is timed.
func (c *crowd) code(ctx context.Context, challenge string) (string, error) {
	ch, err := c.h.desk.Store.Challenge(ctx, challenge)
	if err != nil {
		return "", err
	}
	return c.h.desk.Store.CodeOf(ctx, ch)
}
