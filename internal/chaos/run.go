package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/chaos/audit"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// run carries the cases through the faults and has the auditor look; errBroken when a promise is.
func run(ctx context.Context, o options, out io.Writer) error {
	began := time.Now()
	fmt.Fprintf(out, "habeas chaos, seed %d: %d cases at once, faults for %s\n", o.seed, o.cases, o.lasts)
	deal := deck(o.cases, o.kinds)
	h, err := setUp(ctx, o, max(400, 6*len(deal)*o.rounds()))
	keep := true
	if h != nil {
		defer func() { h.close(keep) }()
	}
	if err != nil {
		return err
	}
	r := &trial{o: o, h: h, out: out}
	if err := r.prepare(ctx, deal); err != nil {
		return err
	}
	report, err := r.play(ctx)
	if err != nil {
		return err
	}
	report.Took = time.Since(began).Round(time.Second).String()
	keep = o.keep || len(report.Broken) > 0
	if keep {
		report.Folder = h.dir
	}
	return report.tell(out, o)
}

// trial is one run.
type trial struct {
	o      options
	h      *house
	out    io.Writer
	plays  [][]*play // by round
	before audit.Before
	faults []fault
	cannot []string
	driver *driver
	mess   *saboteur
}

// prepare deals the cases to people and reads every row as it is.
func (r *trial) prepare(ctx context.Context, deal []kind) error {
	random := rand.New(rand.NewPCG(r.o.seed, 1)) //nolint:gosec // what happens follows from the seed
	who, err := people(ctx, r.h.dsns, random, len(deal)*r.o.rounds())
	if err != nil {
		return err
	}
	sweeps := slices.ContainsFunc(deal, func(k kind) bool { return k.name == sweepKind })
	if sweeps {
		if err := example.Age(ctx, r.h.dsns, swept...); err != nil {
			return err
		}
		r.before.Swept = swept
	}
	for range r.o.rounds() {
		var round []*play
		for _, k := range deal {
			n := len(r.plays)*len(deal) + len(round)
			p := &play{n: n, kind: k, who: who[n], p: r.h.Person(who[n]), hesitated: map[string]bool{}}
			if k.fate == audit.Corrected {
				p.wish = audit.Wish{Category: "user.contact.phone_number", Old: p.who.Mobile, New: newMobile(n)}
			}
			round = append(round, p)
		}
		random.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		r.plays = append(r.plays, round)
	}
	if r.before.Rows, err = audit.Snapshot(ctx, filepath.Join(r.h.Dir, "map"), r.h.dsns); err != nil {
		return err
	}
	r.faults, r.cannot = possible(r.h.own, r.h.blobs, r.o.only)
	for _, why := range r.cannot {
		fmt.Fprintf(r.out, "left out: %s\n", why)
	}
	r.driver = &driver{c: r.h.Company, d: r.h.desk, dir: filepath.Join(r.h.dir, "packages"), dsns: r.h.dsns, mail: r.h.Stack.Catcher(),
		pause: r.o.lasts / time.Duration(16*r.o.rounds()), notices: map[contract.Ref]bool{}, seen: map[string]int{}, steps: map[string]string{}}
	r.mess = &saboteur{c: r.h.Company, mail: r.h.Stack.Catcher(), bin: r.h.bin, blobs: r.h.blobs, lines: r.h.lines, workers: r.h.workers,
		scale: min(20*time.Second, r.o.lasts/50), random: rand.New(rand.NewPCG(r.o.seed, 2)), //nolint:gosec // as above
		busy: map[string]*sync.Mutex{}, counts: map[string]int{}, say: say}
	for _, f := range faults {
		r.mess.busy[f.what] = &sync.Mutex{}
	}
	if slices.ContainsFunc(r.faults, func(f fault) bool { return f.name == workersKilled }) {
		r.driver.strike = r.mess.now
	}
	return nil
}

// play opens the cases of each round at once, has the saboteur strike meanwhile, and then looks.
func (r *trial) play(ctx context.Context) (summary, error) {
	var failed error
	for n, round := range r.plays {
		say("round %d of %d: %d cases are opened at once", n+1, len(r.plays), len(round))
		if failed = r.round(ctx, round); failed != nil {
			break
		}
	}
	s := r.summary()
	if err := mendWorkers(ctx, r.mess); err != nil {
		return s, err
	}
	if failed != nil {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		s.Broken = append(s.Broken, audit.Broken{Promise: audit.Ended, What: failed.Error()})
	}
	say("the faults are over and the cases have ended; the auditor looks")
	look, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	report, err := audit.Look(look, r.house(), r.cases(), r.before)
	s.Seen = report.Counts
	s.Broken = append(s.Broken, report.Broken...)
	return s, err
}

func (r *trial) round(ctx context.Context, plays []*play) error {
	lasts := r.o.lasts / time.Duration(len(r.plays))
	ctx, cancel := context.WithTimeout(ctx, lasts+patience)
	defer cancel()
	messing, enough := context.WithTimeout(ctx, lasts)
	defer enough()
	var messed error
	over := make(chan struct{})
	go func() {
		defer close(over)
		messed = r.mess.mess(messing, r.faults, max(2500*time.Millisecond, lasts/45))
	}()
	watched := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	go func() { defer close(watched); r.watch(watching) }()
	err := r.driver.all(ctx, plays, r.o.seed)
	enough()
	<-over
	stop()
	<-watched
	return errors.Join(err, messed)
}

// watch tells how far it is.
func (r *trial) watch(ctx context.Context) {
	all := len(r.plays) * len(r.plays[0])
	const width = 30
	for rest(ctx, 10*time.Second) {
		ended := int(r.driver.done.Load())
		bar := make([]byte, width)
		for i := range bar {
			bar[i] = '.'
			if i < ended*width/all {
				bar[i] = '#'
			}
		}
		say("[%s] %d of %d cases have ended, %d faults%s", bar, ended, all, r.mess.total(), r.driver.waiting())
	}
}

func (r *trial) cases() []audit.Case {
	var list []audit.Case
	for _, round := range r.plays {
		for _, p := range round {
			if p.ref != "" {
				list = append(list, p.audited())
			}
		}
	}
	return list
}

// house tells the auditor where to look.
func (r *trial) house() audit.House {
	h := audit.House{Systems: r.h.dsns, Map: filepath.Join(r.h.Dir, "map"), Values: map[string]string{}, Blobs: r.h.blobs,
		Casefile: r.h.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase), Verify: []string{filepath.Join(r.h.bin, "habeas"), "ledger", "verify"},
		Logs: []string{filepath.Join(r.h.Stack.Dir(), "log"), filepath.Join(r.h.Stack.Dir(), "temporal")}}
	if own := r.h.own["HABEAS_DATABASE_URL"]; own != "" {
		h.Casefile = own
	}
	if r.h.own["HABEAS_SMTP_URL"]+r.h.own["HABEAS_SMS_URL"] == "" {
		h.Mail = filepath.Join(r.h.Stack.Dir(), "catcher")
	}
	for _, w := range r.h.workers {
		h.Metrics = append(h.Metrics, "http://"+w.metrics+"/metrics")
	}
	for name, value := range r.h.Env {
		h.Env = append(h.Env, name+"="+value)
	}
	for _, round := range r.plays {
		for _, p := range round {
			for name, value := range map[string]string{"login": p.who.Login, "mobile": p.who.Mobile, "e-mail": p.who.Email, "name": p.who.Name,
				"ID number": p.who.IDNumber, "new mobile": p.wish.New} {
				if value != "" {
					h.Values[fmt.Sprintf("%s of person %d", name, p.n)] = value
				}
			}
			if p.ref != "" && len(h.Control) < 5 {
				h.Control = append(h.Control, p.ref.ID())
			}
		}
	}
	return h
}
