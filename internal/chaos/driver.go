package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// look is how often somebody looks whether a case wants something of them.
const look = 700 * time.Millisecond

// driver is staff and persons of all cases. What was not confirmed they do again, as people would.
type driver struct {
	c       *demo.Company
	d       *desk.Desk
	dir     string            // for packages
	dsns    map[string]string // of the systems, for their owner
	mail    *catcher.Client
	pause   time.Duration
	strike  func(context.Context, string) error // has the saboteur strike now, of a case that wants it
	opening sync.Mutex                          // one notice is opened at a time
	notices map[contract.Ref]bool
	done    atomic.Int64
	mu      sync.Mutex
	seen    map[string]int    // tasks that staff have answered, by kind
	steps   map[string]string // by case: what is waited on, for the report of a run that hangs
}

// errForeign is a task that nobody foresees.
var errForeign = errors.New("a task that nobody foresees")

// all carries every play to its end; the first that cannot be ends all.
func (v *driver) all(ctx context.Context, plays []*play, seed uint64) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range plays {
		random := rand.New(rand.NewPCG(seed, uint64(1000+p.n))) //nolint:gosec // what happens follows from the seed
		group.Go(func() error {
			if err := v.one(ctx, p, random); err != nil {
				return fmt.Errorf("%s (%s): %w", p.kind.name, p.ref, err)
			}
			v.done.Add(1)
			v.mu.Lock()
			defer v.mu.Unlock()
			delete(v.steps, p.ref.String())
			return nil
		})
	}
	return group.Wait()
}

func (v *driver) one(ctx context.Context, p *play, random *rand.Rand) error {
	switch p.kind.name {
	case noticeKind:
		return v.notice(ctx, p, random)
	case sweepKind:
		return v.sweep(ctx, p, random)
	}
	if err := v.open(ctx, p); err != nil {
		return err
	}
	var last error
	for {
		k, err := v.d.Store.Case(ctx, p.ref)
		if err == nil && k.State == dsr.StateClosed {
			return nil
		}
		if err == nil {
			v.step(p, string(k.State)+", waits on "+k.WaitingOn)
			err = v.act(ctx, p, k, random)
		}
		if errors.Is(err, errForeign) {
			return err
		}
		if err != nil {
			last = err // what people see while something is down: they try again
		}
		if !rest(ctx, look+time.Duration(random.Int64N(int64(look)))) {
			return fmt.Errorf("it did not end in time: %s; the last error: %w", v.stepOf(p), errors.Join(last, ctx.Err()))
		}
	}
}

func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (v *driver) step(p *play, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.steps[p.ref.String()] = what
}

// waiting tells what those wait for that have not ended, when there are few.
func (v *driver) waiting() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.steps) > 4 {
		return ""
	}
	var list []string
	for ref, step := range v.steps {
		list = append(list, ref+" is "+step)
	}
	slices.Sort(list)
	return "; " + strings.Join(list, "; ")
}

func (v *driver) stepOf(p *play) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.steps[p.ref.String()]
}

// hesitate lets somebody take their time, once for each thing that they do.
func (v *driver) hesitate(ctx context.Context, p *play, over string, random *rand.Rand) {
	if p.hesitated[over] {
		return
	}
	p.hesitated[over] = true
	if v.pause > 0 {
		rest(ctx, time.Duration(random.Int64N(int64(2*v.pause))))
	}
}

// open opens the case. A case that was written although nobody heard so is found by its note, so that it is
// not opened twice.
func (v *driver) open(ctx context.Context, p *play) error {
	var last error
	for first := true; ; first = false {
		if !first {
			if ref, err := v.written(ctx, p); err == nil && ref != "" {
				p.ref = ref
				return nil
			} else if err != nil {
				if !rest(ctx, time.Second) {
					return errors.Join(last, ctx.Err())
				}
				continue
			}
		}
		var err error
		if p.kind.name == optOutKind {
			p.ref, err = v.d.OptOut(ctx, dsr.Identity{Kind: "email", Value: p.who.Email}, dsr.ScopeMarketing, p.who.Language)
		} else {
			p.ref, err = v.d.OpenCase(ctx, p.opening())
		}
		if p.ref != "" { // with an error: written, and started within a minute
			return nil
		}
		last = err
		if !rest(ctx, time.Second) {
			return errors.Join(last, ctx.Err())
		}
	}
}

// written finds the case with the play's note.
func (v *driver) written(ctx context.Context, p *play) (contract.Ref, error) {
	for after := ""; ; {
		list, err := v.d.Store.ListCases(ctx, casefile.Filter{Open: true, Limit: 1000, After: after})
		if err != nil {
			return "", err
		}
		for _, k := range list {
			request, err := v.d.Store.Request(ctx, k.Ref)
			if err != nil {
				return "", err
			}
			if request.Note == p.marker() {
				return k.Ref, nil
			}
			after = string(k.Ref)
		}
		if len(list) < 1000 {
			return "", nil
		}
	}
}

// act does what the case waits for, as far as it comes.
func (v *driver) act(ctx context.Context, p *play, k casefile.Case, random *rand.Rand) error {
	tasks, err := v.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: p.ref, State: casefile.TaskOpen})
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if err := v.answer(ctx, p, task, random); err != nil {
			return err
		}
	}
	switch k.WaitingOn {
	case "person:code":
		v.hesitate(ctx, p, "code "+string(k.State), random)
		return v.prove(ctx, p, k.State)
	case "person:download":
		v.hesitate(ctx, p, "download", random)
		return v.fetch(ctx, p)
	case "staff:end":
		v.hesitate(ctx, p, "end", random)
		return v.d.EndRestriction(ctx, p.ref, "an", "It was looked into.")
	}
	return nil
}

// prove reads the code in the person's mail and types it into the portal; that to a new number is told to
// staff, who type it.
func (v *driver) prove(ctx context.Context, p *play, state dsr.State) error {
	purpose := dsr.CodeVerify
	if state == dsr.StateConfirming {
		purpose = dsr.CodeNewMobile
	}
	if _, err := v.d.Store.MetChallenge(ctx, p.ref, purpose); err == nil {
		p.code, p.tries = "", 0
		return nil
	}
	if p.code == "" {
		if err := v.readCode(ctx, p, purpose); err != nil {
			return errors.Join(err, v.askAgain(ctx, p, purpose))
		}
	}
	if p.tries++; p.tries > 5 { // it is not taken: another is asked for
		p.code, p.tries = "", 0
		if purpose == dsr.CodeVerify {
			return p.p.AskCode(ctx, p.ref.ID(), purpose)
		}
		return nil
	}
	if purpose == dsr.CodeNewMobile { // it is told on the telephone
		_, _, err := v.d.VerifyCode(ctx, p.ref.ID(), p.code)
		return err
	}
	return p.p.Verify(ctx, p.ref.ID(), p.code)
}

// askAgain asks for another code after the person has looked for one in vain for long.
func (v *driver) askAgain(ctx context.Context, p *play, purpose string) error {
	const inVain = 12
	if p.looked++; p.looked < inVain || purpose != dsr.CodeVerify {
		return nil
	}
	p.looked = 0
	return p.p.AskCode(ctx, p.ref.ID(), purpose)
}

func (v *driver) readCode(ctx context.Context, p *play, purpose string) error {
	short, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	if purpose == dsr.CodeNewMobile {
		messages, err := v.mail.SMS(short, "+86"+p.wish.New)
		for _, m := range messages {
			if code := demo.CodeIn(m.Text); code != "" && p.code == "" {
				p.code = code
			}
		}
		if err == nil && p.code == "" {
			err = errors.New("no code has come to the new number yet")
		}
		return err
	}
	var err error
	p.code, err = p.p.Code(short)
	return err
}

// fetch asks for a download code and fetches the package whole; one that broke begins again with a new code.
func (v *driver) fetch(ctx context.Context, p *play) error {
	if err := p.p.ForgetUnread(ctx); err != nil {
		return err
	}
	if err := p.p.AskCode(ctx, p.ref.ID(), dsr.CodeDownload); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	code, err := p.p.Code(short)
	if err != nil {
		return err
	}
	path := v.dir + "/" + p.ref.ID() + ".zip"
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing a package: %w", err)
	}
	if err := errors.Join(p.p.Fetch(ctx, p.ref.ID(), code, file), file.Close()); err != nil {
		rest(ctx, 10*time.Second) // the portal gives twenty codes an hour
		return err
	}
	p.zip = path
	return nil
}
