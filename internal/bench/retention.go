package main

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/activities"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// handBatch is the batch of the loop written by hand: of 1,000 to 50,000 rows the fastest that keeps locks
// for less than half a second.
const handBatch = 10_000

// sweptNow is the nominal time of the sweep; rows before sweptBefore are due.
var (
	sweptNow    = time.Date(2026, 11, 25, 3, 30, 0, 0, time.UTC)
	sweptBefore = time.Date(2026, 5, 25, 0, 0, 0, 0, time.UTC)
)

// sweeps times the sweep of rows whose time is up, by itself and beside pgbench. The two goals are measured apart
// because they are at odds: a sweep that finds others at work rests for their sake (Sweep.Yield, as the map has it
// when it does not say) and is slow on purpose, so that its rate counts where it is alone, and pgbench's where it
// is not. The loop by hand never rests; what pgbench keeps beside it stands in the notes.
func sweeps(ctx context.Context, b *bench) ([]Row, error) {
	due, total := 200_000, 1_000_000
	if b.full {
		due, total = 1_000_000, 5_000_000
	}
	what := fmt.Sprintf("%s due rows of %s, found by the index of their time: the sweep with casefile, guard of holds, keys and hash of each batch, and the read-back",
		number(float64(due)), number(float64(total)))
	byHand := fmt.Sprintf("a loop in psql that deletes %s rows by ctid in the order of that index and commits, on a copy of the database", number(handBatch))
	alone := Row{Name: "retention", Unit: "rows/s", Goal: Goal{Least: 0.9}, What: what, Floor: byHand}
	busy := Row{Name: "retention-busy", Unit: "rows/s", What: "the same while pgbench runs (its own mix of five statements, 4 clients); ours rests three times as long as each batch took, and has no goal here", Floor: byHand + ", beside pgbench too"}
	left := Row{Name: "retention-pgbench", Unit: "tps", Goal: Goal{Least: 0.8}, What: "pgbench beside our sweep", Floor: "pgbench alone"}
	h, err := b.house(ctx, "retention", example.Options{People: 100})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	r, err := newRival(ctx, h, due)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.template(ctx, total); err != nil {
		return nil, err
	}
	for n := range pairs {
		r.profiles = nil
		quiet, beside, tps, byHandTPS, err := r.pair(ctx, n)
		if err != nil {
			return nil, err
		}
		say("retention: %.0f rows/s, by hand %.0f; beside pgbench %.0f and %.0f; pgbench %.0f of %.0f tps, beside the loop %.0f",
			quiet.Ours, quiet.Floor, beside.Ours, beside.Floor, tps.Ours, tps.Floor, byHandTPS)
		alone.Notes, busy.Notes = append(alone.Notes, r.profiles[0].String()), append(busy.Notes, r.profiles[1].String())
		alone.Pairs, busy.Pairs, left.Pairs = append(alone.Pairs, quiet), append(busy.Pairs, beside), append(left.Pairs, tps)
		left.Notes = append(left.Notes, fmt.Sprintf("beside the loop by hand: %.0f tps, %.2f of alone", byHandTPS, byHandTPS/tps.Floor))
	}
	return []Row{alone, busy, left}, nil
}

// rival makes both sweeps.
type rival struct {
	h     *house
	house *wire.House // as the worker has it
	due   int
	nth   int // runs so far
	// profiles are those of our sweeps, the first of each pair without pgbench.
	profiles []*stopwatch
}

func newRival(ctx context.Context, h *house, due int) (*rival, error) {
	conf, err := config.Load(func(name string) string {
		if name == "HABEAS_DATABASE_URL" {
			return h.Stack.DatabaseURL(stack.RoleApp, stack.CasefileDatabase)
		}
		return h.Env[name]
	})
	if err != nil {
		return nil, err
	}
	opened, err := wire.Open(ctx, conf)
	return &rival{h: h, house: opened, due: due}, err
}

func (r *rival) close() { _ = r.house.Close() }

// template makes the database that is copied for each measurement: rows as a log has them, and the tables
// of pgbench.
func (r *rival) template(ctx context.Context, total int) error {
	if err := r.h.onSystem(ctx, "postgres", "CREATE DATABASE bench_retention"); err != nil {
		return err
	}
	url := r.h.Stack.DatabaseURL(cluster.Superuser, "bench_retention")
	if err := r.tool(ctx, "pgbench", "-q", "-i", "-s", "10", url).Run(); err != nil {
		return fmt.Errorf("pgbench -i: %w", err)
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{
		"CREATE TABLE events (id bigint PRIMARY KEY, person bigint NOT NULL, at timestamptz NOT NULL, path text NOT NULL, agent text NOT NULL)",
		fmt.Sprintf(`INSERT INTO events SELECT n, 1 + n %% 999, timestamptz '%s' - interval '1 second' * (%d - n), '/console/' || n %% 97, md5(n::text) FROM generate_series(1, %d) AS n`,
			sweptBefore.Format(time.RFC3339), r.due+1, total),
		"CREATE INDEX events_at ON events (at)", "VACUUM ANALYZE",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("filling bench_retention: %w", err)
		}
	}
	return nil
}

func (r *rival) tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	bin, err := cluster.Binaries()
	if err != nil {
		bin = "" // then the tool is looked for on the path
	}
	return exec.CommandContext(ctx, filepath.Join(bin, name), args...)
}

// pair measures both sweeps by themselves, both beside pgbench, and pgbench by itself; each on a copy.
func (r *rival) pair(ctx context.Context, n int) (quiet, beside, tps Pair, byHandTPS float64, err error) {
	rate := func(took time.Duration) float64 { return float64(r.due) / took.Seconds() }
	sides := []func(context.Context, string) (time.Duration, error){r.byHand, r.bySweep}
	for _, i := range turn(n) {
		took, err := r.onCopy(ctx, sides[i])
		if err != nil {
			return quiet, beside, tps, 0, err
		}
		*[]*float64{&quiet.Floor, &quiet.Ours}[i] = rate(took)
	}
	longest := time.Duration(0)
	for _, i := range turn(n) {
		var did float64
		took, err := r.onCopy(ctx, func(ctx context.Context, database string) (took time.Duration, err error) {
			did, err = r.withPgbench(ctx, database, func() error { took, err = sides[i](ctx, database); return err })
			return took, err
		})
		if err != nil {
			return quiet, beside, tps, 0, err
		}
		longest = max(longest, took)
		*[]*float64{&beside.Floor, &beside.Ours}[i] = rate(took)
		*[]*float64{&byHandTPS, &tps.Ours}[i] = did
	}
	_, err = r.onCopy(ctx, func(ctx context.Context, database string) (_ time.Duration, err error) {
		tps.Floor, err = r.withPgbench(ctx, database, func() error { return pause(ctx, longest) })
		return 0, err
	})
	return quiet, beside, tps, byHandTPS, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// onCopy runs one measurement on a copy of the template.
func (r *rival) onCopy(ctx context.Context, run func(context.Context, string) (time.Duration, error)) (time.Duration, error) {
	r.nth++
	name := fmt.Sprintf("bench_retention_%d", r.nth)
	if err := r.h.onSystem(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE bench_retention"); err != nil {
		return 0, err
	}
	if err := r.h.onSystem(ctx, "postgres", "CHECKPOINT"); err != nil {
		return 0, err
	}
	took, err := run(ctx, name)
	if err != nil {
		return 0, err
	}
	return took, r.h.onSystem(ctx, "postgres", "DROP DATABASE "+name+" (FORCE)")
}

// warm is how long pgbench runs before it counts.
const warm = 2 * time.Second

// withPgbench runs something beside pgbench, and gives the transactions a second that pgbench made
// meanwhile: each leaves a row in its history.
func (r *rival) withPgbench(ctx context.Context, database string, work func() error) (float64, error) {
	url := r.h.Stack.DatabaseURL(cluster.Superuser, database)
	db, err := sql.Open("postgres", url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	made := func() (n float64, err error) {
		err = db.QueryRowContext(ctx, "SELECT count(*) FROM pgbench_history").Scan(&n)
		return n, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	cmd := r.tool(running, "pgbench", "-n", "-c", "4", "-j", "1", "-T", "3600", url)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("pgbench: %w", err)
	}
	defer func() { stop(); _ = cmd.Wait() }() // it is ended, and says so
	if err := pause(ctx, warm); err != nil {
		return 0, err
	}
	before, err := made()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	after, err := made()
	return (after - before) / took.Seconds(), err
}

// byHand is the floor: what somebody would write who knows the table.
func (r *rival) byHand(ctx context.Context, database string) (time.Duration, error) {
	loop := fmt.Sprintf(`DO $$ DECLARE gone bigint; BEGIN LOOP
		DELETE FROM events WHERE ctid = ANY (ARRAY(SELECT ctid FROM events WHERE at < '%s' ORDER BY at LIMIT %d));
		GET DIAGNOSTICS gone = ROW_COUNT; COMMIT; EXIT WHEN gone = 0; END LOOP; END $$`, sweptBefore.Format(time.RFC3339), handBatch)
	cmd := r.tool(ctx, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", r.h.Stack.DatabaseURL(cluster.Superuser, database))
	cmd.Stdin = strings.NewReader(loop)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("psql: %w: %s", err, out)
	}
	return time.Since(began), r.gone(ctx, database)
}

// bySweep is ours. The dry run and the signatures come before the clock starts, as the floor knows what
// is due.
func (r *rival) bySweep(ctx context.Context, database string) (time.Duration, error) {
	system := sweptSystem()
	opened, err := systems.Open(ctx, system, r.h.Stack.DatabaseURL(cluster.Superuser, database))
	if err != nil {
		return 0, err
	}
	defer func() { _ = opened.Close() }()
	sweeper, err := systems.SweeperOf(system, opened)
	if err != nil {
		return 0, err
	}
	rule := retention.Rules(system)[0]
	store := r.house.Store
	run, err := store.OpenRun(ctx, casefile.NewRun{System: system.Name, Rule: rule.Name(), Action: rule.Action, Nominal: sweptNow.Add(-time.Duration(r.nth) * time.Second),
		Version: rule.Version(), MapHash: "bench"})
	if err != nil {
		return 0, err
	}
	if err := store.PutMeasure(ctx, run.Ref, casefile.Measure{Due: int64(r.due), Total: int64(r.due), Report: []byte("{}")}); err != nil {
		return 0, err
	}
	times := &stopwatch{}
	r.profiles = append(r.profiles, times)
	sweep := retention.Sweep{Rule: rule, Now: sweptNow, Yield: datamap.DefaultSweep.Yield, System: timedSweeper{sweeper, times}, Log: timedLog{activities.NewSweepLog(store, run.Ref), times},
		Guard: func(ctx context.Context, batch func(context.Context) error) error {
			defer times.time("guarded batch", time.Now())
			return store.GuardedSweep(ctx, run, rule.Collection.Name, r.house.Pins, batch)
		}}
	began := time.Now()
	at, err := sweep.Run(ctx)
	if err != nil {
		return 0, err
	}
	left, err := sweep.Prove(ctx)
	took := time.Since(began)
	if err != nil || at.Done != int64(r.due) || left.Due != 0 {
		return 0, fmt.Errorf("%d rows of %d went, %d are left: %w", at.Done, r.due, left.Due, err)
	}
	if err := store.EndRun(ctx, run.Ref, casefile.RunDone, casefile.Remains{}); err != nil {
		return 0, err
	}
	return took, r.gone(ctx, database)
}

// gone makes sure that a sweep did what it was to do.
func (r *rival) gone(ctx context.Context, database string) error {
	db, err := sql.Open("postgres", r.h.Stack.DatabaseURL(cluster.Superuser, database))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var first int
	if err := db.QueryRowContext(ctx, "SELECT min(id) FROM events").Scan(&first); err != nil || first != r.due+1 {
		return fmt.Errorf("the first row that is left is %d, not %d: %w", first, r.due+1, err)
	}
	return nil
}

// sweptSystem describes the benchmark's table and its rule.
func sweptSystem() *datamap.System {
	s := &datamap.System{Name: "bench", Driver: "postgres", Connections: 4}
	c := &datamap.Collection{System: s, Name: "events", Schema: "public", Table: "events", Key: []string{"id"},
		Expiry: &datamap.Expiry{After: datamap.Span{Months: 6}, Since: "at", Action: datamap.ExpiryDelete, Zone: "UTC", Usual: 100}}
	for _, column := range []string{"id", "person", "at", "path", "agent"} {
		c.Columns = append(c.Columns, &datamap.Column{Name: column, Category: "user", Export: datamap.ExportShow})
	}
	s.Collections = append(s.Collections, c)
	return s
}
