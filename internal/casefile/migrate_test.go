package casefile

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

const newest = 82

// TestMigrateUpDownUp ends with the same schema after going down and up again.
func TestMigrateUpDownUp(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := sqlx.MustOpen("postgres", url)
	t.Cleanup(func() { _ = db.Close() })
	schema := func() string {
		var lines []string
		ok(t, db.SelectContext(t.Context(), &lines, `
			SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'habeas'
			UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'habeas'::regnamespace
			UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'habeas'
			UNION ALL SELECT 'grant ' || grantee || ' ' || privilege_type || ' ' || table_name FROM information_schema.role_table_grants WHERE table_schema = 'habeas'
			UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
			ORDER BY 1`))
		return strings.Join(lines, "\n")
	}
	from, to, err := Migrate(t.Context(), url)
	if ok(t, err); from != 0 || to != newest {
		t.Fatalf("first: from %d to %d, want 0 to %d", from, to, newest)
	}
	first := schema()
	for version := int64(newest - 1); version >= 0; version-- {
		_, _, err := migrate(t.Context(), url, version)
		ok(t, err)
	}
	if left := schema(); strings.Contains(left, "case_file") || strings.Contains(left, "ledger") {
		t.Errorf("something is left after going down:\n%s", left)
	}
	_, _, err = Migrate(t.Context(), url)
	ok(t, err)
	if again := schema(); again != first {
		t.Errorf("the schema differs after down and up:\n%s\n\nwas\n%s", again, first)
	}
	if from, to, err = Migrate(t.Context(), url); err != nil || from != newest || to != newest {
		t.Errorf("again: from %d to %d, %v; want nothing to do", from, to, err)
	}
}

// TestMigrateTogether lets several programs migrate one database at once.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, _, err := Migrate(t.Context(), url); err != nil {
				t.Error(cause(err))
			}
		})
	}
	wg.Wait()
}

func TestOpenRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open := func(url string) error {
		s, err := Open(t.Context(), url, f.sets, f.time.Now)
		if err == nil {
			_ = s.Close()
		}
		return err
	}
	err := open(pgtest.URL(t))
	if wantType(t, err, contract.ErrBadInput); !strings.Contains(fault.As(err).Hint, "habeas db migrate") {
		t.Errorf("an empty database: %v, hint %q; want one that says habeas db migrate", err, fault.As(err).Hint)
	}
	_, _, err = migrate(t.Context(), f.url, newest-1)
	ok(t, err)
	wantType(t, open(f.url), contract.ErrBadInput)
	_, _, err = Migrate(t.Context(), f.url)
	ok(t, err)
	ok(t, open(f.url))
	f.exec(t, `INSERT INTO habeas.schema_version (version_id, is_applied) VALUES (99, true)`)
	err = open(f.url)
	if wantType(t, err, contract.ErrBadInput); !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer schema: %v", err)
	}
	_, _, err = Migrate(t.Context(), f.url)
	wantType(t, err, contract.ErrBadInput)
}

func TestOpenSaysWhichAddressDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := closed.Addr().String()
	ok(t, closed.Close())
	start := time.Now()
	_, err = Open(t.Context(), "postgres://nobody@"+address+"/habeas?sslmode=disable", f.sets, f.time.Now)
	wantType(t, err, contract.ErrUnavailable)
	if !strings.Contains(err.Error(), address) || time.Since(start) > 10*time.Second {
		t.Errorf("got %v after %v; want the address %s at once", err, time.Since(start), address)
	}
	_, err = Open(t.Context(), "postgres://%zz", f.sets, f.time.Now)
	wantType(t, err, contract.ErrBadInput)
}
