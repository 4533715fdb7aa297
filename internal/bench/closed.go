package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// fewClosed is the archive that a large one is held against.
const fewClosed = 1_000

// deeds is how often each thing is done for one figure: for seconds, where a pause of the machine weighs little.
const deeds = 200

// closedCases opens, lists and shows cases beside a large archive of closed ones and beside a small one.
func closedCases(ctx context.Context, b *bench) ([]Row, error) {
	many := 100_000
	if b.full {
		many = 1_000_000
	}
	var archives [2]*archive
	for i, closed := range []int{fewClosed, many} {
		a, err := b.archive(ctx, closed)
		if err != nil {
			return nil, err
		}
		defer a.close()
		archives[i] = a
	}
	rows := make([]Row, len(archiveDeeds))
	for i, deed := range archiveDeeds {
		rows[i] = Row{
			Name: deed.name, Unit: deed.unit, Goal: Goal{Least: 0.83},
			What:  fmt.Sprintf("%s, one after the other, with %s closed cases in the casefile", deed.what, number(float64(many))),
			Floor: fmt.Sprintf("the same with %s", number(fewClosed)),
		}
	}
	for n := range pairs {
		for i, deed := range archiveDeeds {
			var figures [2]float64
			for _, side := range turn(n) {
				began := time.Now()
				for k := range deeds {
					if err := deed.do(ctx, archives[side], k); err != nil {
						return nil, err
					}
				}
				figures[side] = deeds / time.Since(began).Seconds()
			}
			rows[i].Pairs = append(rows[i].Pairs, Pair{Ours: figures[1], Floor: figures[0]})
			say("%s: %.1f among many, %.1f among few", deed.name, figures[1], figures[0])
		}
	}
	return rows, nil
}

var archiveDeeds = []struct {
	name, unit, what string
	do               func(ctx context.Context, a *archive, k int) error
}{
	{"open among closed", "cases/s", "opening an access case, its workflow started", func(ctx context.Context, a *archive, k int) error {
		_, err := a.h.Open(ctx, a.h.desk, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: a.c.logins[k%len(a.c.logins)]}}})
		return err
	}},
	{"list among closed", "lists/s", "a page of the open cases, one of the closed, and one of the open tasks", func(ctx context.Context, a *archive, _ int) error {
		for _, filter := range []casefile.Filter{{Open: true}, {State: string(dsr.StateClosed)}} {
			if _, err := a.h.desk.Store.ListCases(ctx, filter); err != nil {
				return err
			}
		}
		_, err := a.h.desk.Store.ListTasks(ctx, casefile.TaskFilter{})
		return err
	}},
	{"show among closed", "shows/s", "all that staff see of a closed case", func(ctx context.Context, a *archive, k int) error {
		v, err := a.h.desk.Show(ctx, a.shown[k%len(a.shown)])
		if err == nil && (v.State != dsr.StateClosed || len(v.Tasks) == 0) {
			err = fmt.Errorf("%s is shown without its tasks", v.Ref)
		}
		return err
	}},
}

// archive is a house whose casefile holds closed cases.
type archive struct {
	h     *house
	c     *crowd
	shown []contract.Ref
}

func (a *archive) close() {
	if a.c != nil {
		a.c.close()
	}
	a.h.Close()
}

// archive plays some cases to their end and copies their rows until there are so many.
func (b *bench) archive(ctx context.Context, closed int) (*archive, error) {
	h, err := b.house(ctx, fmt.Sprintf("closed-%d", closed), example.Options{People: 200})
	if err != nil {
		return nil, err
	}
	a := &archive{h: h}
	fail := func(err error) (*archive, error) { a.close(); return nil, err }
	if a.c, err = newCrowd(ctx, h); err != nil {
		return fail(err)
	}
	played, err := a.c.play(ctx, 10)
	if err != nil {
		return fail(err)
	}
	say("copying closed cases until there are %d", closed)
	if a.shown, err = h.copyCases(ctx, played, closed-len(played)); err != nil {
		return fail(err)
	}
	// Nobody works on what is opened: else the cases of one figure would run beside the next.
	if _, err := h.Stack.StopProcess("worker"); err != nil {
		return fail(err)
	}
	return a, nil
}

// copied are the tables of a case with what a copy has in place of a column. Chains of the ledger are
// cut behind their third line: what they add is size.
var copied = []struct {
	table string
	but   map[string]string
	where string
}{
	{table: "data_key"},
	{table: "case_file"},
	{table: "case_law"},
	{table: "candidate"},
	{table: "blind_index", but: map[string]string{"value": "sha256(t.value || int8send(f.n))"}},
	{table: "challenge", but: map[string]string{"id": "t.id || '-' || f.n"}},
	{table: "task", but: map[string]string{"id": "t.id || '-' || f.n"}},
	{table: "letter", but: map[string]string{"key": "t.key || '-' || f.n"}},
	{table: "package"},
	{table: "ledger_head"},
	{table: "ledger_line", where: "t.seq <= 3"},
}

// copyCases writes n copies of closed cases under references of their own, and gives some of those.
// Their seals belong to the originals: nobody opens them here.
func (h *house) copyCases(ctx context.Context, from []contract.Ref, n int) ([]contract.Ref, error) {
	db, err := sql.Open("postgres", h.Stack.DatabaseURL(cluster.Superuser, stack.CasefileDatabase))
	if err != nil {
		return nil, fmt.Errorf("opening the casefile: %w", err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1) // what follows holds for one session
	names := make([]string, len(from))
	for i, ref := range from {
		names[i] = string(ref)
	}
	// An odd factor maps the numbers below 2^40 onto each other: ten digits that look drawn.
	for _, statement := range []string{
		`SET session_replication_role = replica`, // the copies' parents are copied with them
		fmt.Sprintf(`CREATE TEMP TABLE f AS SELECT n, ('{%s}'::text[])[1 + n %% %d] AS source,
			'case/' || overlay(upper(lpad(to_hex(n * 743211547 %% 1099511627776), 10, '0')) placing '-' from 6 for 0) AS ref
			FROM generate_series(1::bigint, %d) AS n`, strings.Join(names, ","), len(names), n),
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("numbering the copies: %w", err)
		}
	}
	for _, c := range copied {
		if err := copyTable(ctx, db, c.table, c.but, c.where); err != nil {
			return nil, fmt.Errorf("copying %s: %w", c.table, err)
		}
	}
	if _, err := db.ExecContext(ctx, `VACUUM ANALYZE`); err != nil {
		return nil, fmt.Errorf("settling the copies: %w", err)
	}
	return refsOf(ctx, db)
}

func copyTable(ctx context.Context, db *sql.DB, table string, but map[string]string, where string) error {
	var columns []string
	if err := db.QueryRowContext(ctx, `SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = ('habeas.' || $1)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, table).Scan(pq.Array(&columns)); err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, name := range columns {
		switch values[i] = "t." + name; {
		case name == "ref":
			values[i] = "f.ref"
		case but[name] != "":
			values[i] = but[name]
		}
	}
	statement := fmt.Sprintf(`INSERT INTO habeas.%s (%s) SELECT %s FROM f JOIN habeas.%s t ON t.ref = f.source`,
		table, strings.Join(columns, ", "), strings.Join(values, ", "), table)
	if where != "" {
		statement += " WHERE " + where
	}
	_, err := db.ExecContext(ctx, statement)
	return err
}

func refsOf(ctx context.Context, db *sql.DB) ([]contract.Ref, error) {
	rows, err := db.QueryContext(ctx, `SELECT ref FROM f ORDER BY n * 7919 % 1000003 LIMIT $1`, deeds)
	if err != nil {
		return nil, fmt.Errorf("choosing copies: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var refs []contract.Ref
	for rows.Next() {
		var ref contract.Ref
		if err := rows.Scan(&ref); err != nil {
			return nil, fmt.Errorf("choosing copies: %w", err)
		}
		refs = append(refs, ref)
	}
	return refs, rows.Err()
}
