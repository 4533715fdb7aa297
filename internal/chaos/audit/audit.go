package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Case is one case that was carried through the faults, and what is promised of it.
type Case struct {
	Ref      contract.Ref   `json:"ref"`
	Kind     string         `json:"kind"` // for people: the driver's word
	Login    string         `json:"login,omitempty"`
	Fate     string         `json:"fate"`     // of the person's rows
	Outcomes []string       `json:"outcomes"` // one of these
	Events   map[string]int `json:"events"`   // how often these stand in its ledger
	Letters  []string       `json:"letters"`  // templates of which a letter arrived
	Package  string         `json:"package,omitempty"`
	Wish     Wish           `json:"-"`
}

// House says where to look.
type House struct {
	Casefile string            // address of the casefile's database, for its owner
	Systems  map[string]string // addresses of the systems, for their owner
	Map      string            // folder of the data map
	Mail     string            // folder of the catcher; empty: letters went elsewhere
	Logs     []string          // files and folders that hold logs and Temporal's store
	Blobs    string            // folder of the blob store; empty: elsewhere
	Metrics  []string          // pages of the workers that run
	Verify   []string          // the command that verifies the ledger
	Env      []string          // its environment
	Values   map[string]string // personal values that stand nowhere, by a name that may be told
	Control  []string          // values that the logs hold for certain: what shows that the search finds
}

// Before is what was there before the first case was opened.
type Before struct {
	Rows  Rows
	Swept []string // systems in which retention ran
}

// Broken is a promise that was not kept.
type Broken struct {
	Promise string       `json:"promise"`
	Ref     contract.Ref `json:"ref,omitempty"`
	What    string       `json:"what"`
}

func (b Broken) String() string {
	if b.Ref == "" {
		return b.Promise + ": " + b.What
	}
	return fmt.Sprintf("%s: %s %s", b.Promise, b.Ref, b.What)
}

// The promises, as a report lists them.
const (
	Ended    = "every case ended, as foreseen and once"
	RowsHeld = "the right rows are gone or changed, all others are as they were"
	Packages = "one package each, whole, and wiped here"
	Letters  = "every letter arrived, and came twice only where the ledger says it was undecided"
	Ledger   = "every ledger verifies"
	Private  = "no personal value in Temporal's store or any log"
	Quiet    = "no goroutine, connection or blob is left"
)

// Promises lists them all.
var Promises = []string{Ended, RowsHeld, Packages, Letters, Ledger, Private, Quiet}

// Report is what was looked at, and what is broken.
type Report struct {
	Counts map[string]int `json:"counts"` // what was looked at
	Broken []Broken       `json:"broken"`
}

// auditor is one look.
type auditor struct {
	h      House
	db     *sql.DB
	cases  []Case
	before Before
	at     time.Time
	report Report
	lines  map[contract.Ref][]line
}

func (a *auditor) broken(promise string, ref contract.Ref, format string, args ...any) {
	a.report.Broken = append(a.report.Broken, Broken{promise, ref, fmt.Sprintf(format, args...)})
}

// Look holds what lies there against what is promised. An error says that it could not be looked at.
func Look(ctx context.Context, h House, cases []Case, before Before) (Report, error) {
	db, err := open(h.Casefile)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = db.Close() }()
	a := &auditor{h: h, db: db, cases: cases, before: before, at: time.Now(), report: Report{Counts: map[string]int{}}}
	if err := a.readLedger(ctx); err != nil {
		return a.report, fmt.Errorf("reading the ledger: %w", err)
	}
	for _, look := range []func(context.Context) error{a.chains, a.verified, a.ends, a.rows, a.packages, a.letters, a.private, a.quiet} {
		if err := look(ctx); err != nil {
			return a.report, err
		}
	}
	return a.report, nil
}

// ends holds each case's end against what was foreseen.
func (a *auditor) ends(ctx context.Context) error {
	for _, c := range a.cases {
		if c.Ref.Kind() == contract.KindCase {
			var state, outcome string
			err := a.db.QueryRowContext(ctx, `SELECT state, outcome FROM habeas.case_file WHERE ref = $1`, c.Ref).Scan(&state, &outcome)
			if err != nil {
				return fmt.Errorf("reading a case: %w", err)
			}
			if state != "closed" || !slices.Contains(c.Outcomes, outcome) {
				a.broken(Ended, c.Ref, "(%s) is %s with the outcome %q, want closed and one of %q", c.Kind, state, outcome, c.Outcomes)
			}
		}
		a.report.Counts["cases"]++
		events := map[string]int{}
		for _, l := range a.lines[c.Ref] {
			events[l.event]++
		}
		for event, want := range c.Events {
			if n := events[event]; n != want {
				a.broken(Ended, c.Ref, "(%s) has %d lines %s in its ledger, want %d", c.Kind, n, event, want)
			}
		}
	}
	// A case that nobody of the driver's knows has not ended, or ended where nobody looked.
	var open int
	if err := a.db.QueryRowContext(ctx, `SELECT count(*) FROM habeas.case_file WHERE state <> 'closed'`).Scan(&open); err != nil {
		return fmt.Errorf("counting open cases: %w", err)
	}
	if open > 0 {
		a.broken(Ended, "", "%d cases are still open", open)
	}
	var tasks int
	if err := a.db.QueryRowContext(ctx, `SELECT count(*) FROM habeas.task WHERE state = 'open'`).Scan(&tasks); err != nil {
		return fmt.Errorf("counting open tasks: %w", err)
	}
	if tasks > 0 {
		a.broken(Ended, "", "%d tasks are still open", tasks)
	}
	return nil
}

// rows holds every row of every system against the oracle. Values are not told: a collection, a key and a
// column are.
func (a *auditor) rows(ctx context.Context) error {
	collections, err := readMap(a.h.Map)
	if err != nil {
		return err
	}
	after, err := Snapshot(ctx, a.h.Map, a.h.Systems)
	if err != nil {
		return err
	}
	o := &oracle{collections: collections, before: a.before.Rows, now: a.at, swept: map[string]bool{}}
	for _, system := range a.before.Swept {
		o.swept[system] = true
	}
	owner := map[string]map[string]*Case{}
	for i, c := range a.cases {
		if c.Login == "" {
			continue
		}
		mine, _, err := o.mine(c.Login)
		if err != nil {
			return err
		}
		for id, keys := range mine {
			if owner[id] == nil {
				owner[id] = map[string]*Case{}
			}
			for key := range keys {
				owner[id][key] = &a.cases[i]
			}
		}
	}
	for id, rows := range a.before.Rows {
		for key, was := range rows {
			fate, wish, of := Kept, Wish{}, owner[id][key]
			var ref contract.Ref
			if of != nil {
				fate, wish, ref = of.Fate, of.Wish, of.Ref
				a.report.Counts["rows of those who asked"]++
			} else {
				a.report.Counts["rows of others"]++
			}
			wrong, err := o.verdict(collections[id], was, after[id][key], fate, wish, of != nil)
			if err != nil {
				return err
			}
			if wrong != "" {
				a.broken(RowsHeld, ref, "(%s) %s %s %s", fate, id, key, wrong)
			}
		}
	}
	for id, rows := range after {
		for key := range rows {
			if _, was := a.before.Rows[id][key]; !was {
				a.broken(RowsHeld, "", "%s %s came on the way, and is still there", id, key)
			}
		}
	}
	return nil
}
