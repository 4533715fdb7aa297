package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/example"
)

// killed is a sweep that is killed: so many due rows of a table, and the parts that die, one after the
// other, at moments spread over it.
type killed struct {
	*stubborn
	system, rule string
	rows         int64
	parts        []string
	random       *rand.Rand
}

// retentionKilled kills sweeps. With HABEAS_SOAK=1 one of 1,000,000 rows dies twenty times.
func retentionKilled(t *testing.T, c *demo.Company) {
	of := func(t *testing.T, system, rule string, rows int64, seed uint64, atMost time.Duration, parts ...string) *killed {
		return &killed{newStubborn(t, c, example.Cast().Plain, atMost), system, rule, rows, parts, rand.New(rand.NewPCG(seed, 7))}
	}
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			switch seed % 3 {
			case 0:
				of(t, "accounts", "request_logs", 20_000, seed, 8*time.Minute, "worker").run()
			case 1:
				of(t, "accounts", "request_logs", 20_000, seed, 8*time.Minute, "postgres").run()
			default:
				of(t, "billing", "invoices", 20_000, seed, 8*time.Minute, "mariadb").run()
			}
		})
	}
	if os.Getenv("HABEAS_SOAK") == "" {
		return
	}
	t.Run("soak", func(t *testing.T) {
		var parts []string
		for range 10 {
			parts = append(parts, "worker", "postgres")
		}
		of(t, "accounts", "request_logs", 1_000_000, 20, time.Hour, parts...).run()
	})
}

// killing prepares a table: rows that are due, and a trigger that notes each touch of a row and takes
// its time over it. digest is over all rows but the due ones, whole.
var killing = map[string]struct{ fill, digest string }{
	"accounts": {
		fill: `INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
			SELECT 90000000 + n, u.id, now() - interval '2 years' + n * interval '1 second', '192.0.2.1', 'GET', '/', 200, 'x', u.cookie_id
			FROM generate_series(1, %d) AS g (n), LATERAL (SELECT id, cookie_id FROM accounts.users ORDER BY id LIMIT 1) AS u`,
		digest: `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM accounts.request_logs AS t WHERE NOT (` + strings.SplitN(dueSQL["accounts.request_logs"], " WHERE ", 2)[1] + `)`,
	},
	"billing": {
		fill: `INSERT INTO invoices (id, order_id, invoice_no, title, amount, issued_at)
			SELECT 90000000 + s.seq, (SELECT MIN(id) FROM orders), CONCAT('K', s.seq), 'x', 1, UTC_TIMESTAMP() - INTERVAL 11 YEAR + INTERVAL s.seq SECOND FROM seq_1_to_%d AS s`,
		digest: `SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(CRC32(CONCAT_WS('|', id, order_id, invoice_no, title, COALESCE(tax_no, '-'), COALESCE(bank_name, '-'), COALESCE(bank_account, '-'), COALESCE(address, '-'), amount, issued_at))), 0))
			FROM invoices WHERE id NOT IN (` + dueSQL["billing.invoices"] + `)`,
	},
}

var watching = map[string][]string{
	"accounts": {
		`CREATE TABLE IF NOT EXISTS accounts.touched (id bigint NOT NULL)`, `TRUNCATE accounts.touched`,
		`CREATE OR REPLACE FUNCTION accounts.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
			$$ BEGIN INSERT INTO accounts.touched VALUES (OLD.id); PERFORM pg_sleep(0.00005); RETURN OLD; END $$`,
		`CREATE OR REPLACE TRIGGER touch BEFORE UPDATE OR DELETE ON accounts.request_logs FOR EACH ROW EXECUTE FUNCTION accounts.touch()`,
	},
	"billing": {
		`CREATE TABLE IF NOT EXISTS touched (id bigint NOT NULL)`, `TRUNCATE touched`,
		`CREATE OR REPLACE TRIGGER touch_delete BEFORE DELETE ON invoices FOR EACH ROW BEGIN INSERT INTO touched VALUES (OLD.id); DO SLEEP(0.00005); END`,
		`CREATE OR REPLACE TRIGGER touch_update BEFORE UPDATE ON invoices FOR EACH ROW INSERT INTO touched VALUES (OLD.id)`,
	},
}

var unwatched = map[string][]string{
	"accounts": {`DROP TRIGGER touch ON accounts.request_logs`},
	"billing":  {`DROP TRIGGER touch_delete`, `DROP TRIGGER touch_update`},
}

// run sweeps under the kills. It ends as a sweep that nobody disturbed: exactly the due rows are gone,
// each was touched once, every other row stands as it stood, and the counts are right.
func (k *killed) run() {
	k.t.Helper()
	k.exec(watching[k.system]...)
	defer k.exec(unwatched[k.system]...)
	k.exec(fmt.Sprintf(killing[k.system].fill, k.rows))
	at := nominal()
	due := k.one(`SELECT COUNT(*) FROM (`+dueSQL[k.system+"."+k.rule]+`) AS d`, k.arg(at))
	others := k.one(killing[k.system].digest, k.arg(at))
	if due != fmt.Sprint(k.rows) {
		k.t.Fatalf("%s rows are due", due)
	}
	k.startRun(contract.RetentionInput{System: k.system, Nominal: at, By: "bo"})
	struck := make(chan int)
	go func() { struck <- k.strikes(at) }()
	k.until("signing the run", func(ctx context.Context) (bool, error) {
		err := k.c.SignRuns(ctx, k.d, k.system)
		return err == nil, err
	})
	if n := <-struck; n != len(k.parts) {
		k.t.Errorf("%d of %d kills came within the sweep", n, len(k.parts))
	}
	run := k.runsEnded(k.system, at)[k.system+"."+k.rule]
	if run.State != casefile.RunDone || run.Done != k.rows || run.LeftOther+run.LeftHeld+run.LeftReferred != 0 {
		k.t.Errorf("%s: %d done of %d, %d left", run.State, run.Done, run.Due, run.LeftOther)
	}
	touched := map[string]string{"accounts": "accounts.touched", "billing": "touched"}[k.system]
	if got := k.one(`SELECT CONCAT(COUNT(*), ' ', COUNT(DISTINCT id)) FROM ` + touched); got != fmt.Sprintf("%d %d", k.rows, k.rows) {
		k.t.Errorf("touches, and rows that were touched: %s, of %d", got, k.rows)
	}
	if after := k.one(killing[k.system].digest, k.arg(at)); after != others {
		k.t.Errorf("rows that were not due: %s before, %s after", others, after)
	}
	if left := k.one(`SELECT COUNT(*) FROM (`+dueSQL[k.system+"."+k.rule]+`) AS d`, k.arg(at)); left != "0" {
		k.t.Errorf("%s due rows are left", left)
	}
}

// strikes kills each part once so many rows are counted, and a little later, and says how many died
// before the sweep was over.
func (k *killed) strikes(at time.Time) int {
	for n, part := range k.parts {
		share := k.rows / int64(len(k.parts)+1)
		moment := int64(n)*share + 1 + k.random.Int64N(share/2)
		for {
			if k.ctx.Err() != nil {
				return n
			}
			runs, err := k.d.Store.ListRuns(k.ctx, casefile.RunFilter{System: k.system, Limit: 10})
			i := slices.IndexFunc(runs, func(r casefile.Run) bool { return r.Rule == k.rule && r.Nominal.Equal(at) })
			if err == nil && i >= 0 && runs[i].EndedAt != nil {
				return n
			}
			if err == nil && i >= 0 && runs[i].Done >= moment {
				k.t.Logf("the %s is killed after %d rows in %d batches", part, runs[i].Done, runs[i].Batches)
				break
			}
			time.Sleep(3 * time.Millisecond)
		}
		time.Sleep(time.Duration(k.random.IntN(30)) * time.Millisecond)
		if part == "worker" {
			killWorker(k.stubborn, time.Duration(k.random.IntN(500))*time.Millisecond)
		} else {
			killPart(k.stubborn, part)
		}
	}
	return len(k.parts)
}

func (k *killed) exec(statements ...string) {
	k.t.Helper()
	db := k.database(k.system)
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		if _, err := db.ExecContext(k.ctx, statement); err != nil {
			k.t.Fatalf("%v: %.100s", err, statement)
		}
	}
}

// arg is a time as the system's driver takes it.
func (k *killed) arg(at time.Time) any {
	if k.system == "billing" {
		return at.UTC().Format("2006-01-02 15:04:05")
	}
	return at
}

// one asks for one value.
func (k *killed) one(query string, args ...any) string {
	k.t.Helper()
	db := k.database(k.system)
	defer func() { _ = db.Close() }()
	var out string
	if err := db.QueryRowContext(k.ctx, query, args...).Scan(&out); err != nil {
		k.t.Fatalf("%v: %.100s", err, query)
	}
	return out
}
