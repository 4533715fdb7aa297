package survey

import (
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

// documentedGrants are the SQL blocks on accounts in docs/operating.md: PostgreSQL's, MariaDB's.
func documentedGrants(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Accounts in the mapped systems")
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, part := range strings.Split(section, "```sql\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of SQL in the section on accounts", len(blocks))
	}
	return blocks
}

const grantedTables = `
	CREATE TABLE %susers (id int PRIMARY KEY, login varchar(40), email varchar(80));
	CREATE TABLE %sorders (id int PRIMARY KEY, user_id int, doc json);
	INSERT INTO %susers VALUES (1, 'wang', 'wang@x.example');
	INSERT INTO %sorders VALUES (1, 1, '{"a": 1}'), (2, NULL, NULL)`

// The grants of the documentation suffice for an access case and for every tool, and give no more.
func TestDocumentedGrantsSuffice(t *testing.T) {
	t.Parallel()
	blocks := documentedGrants(t)
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		dsn, exec := database(t, "CREATE SCHEMA accounts;"+strings.ReplaceAll(grantedTables, "%s", "accounts."))
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		exec(strings.ReplaceAll(blocks[0], "DATABASE shop", "DATABASE "+strings.TrimPrefix(u.Path, "/")))
		t.Cleanup(func() { exec("DROP OWNED BY habeas_reader; DROP ROLE habeas_reader") })
		u.User = url.UserPassword("habeas_reader", "change-me")
		u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {pgtest.Address(t).CA}}.Encode()
		granted(t, "postgres", u.String(), "accounts")
		db, err := sql.Open("postgres", u.String())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("SET default_transaction_read_only = off; DELETE FROM accounts.users"); err == nil {
			t.Error("the account may delete")
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		place := mytest.New(t)
		db, err := sql.Open("mysql", place.DSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		for _, statements := range []string{strings.ReplaceAll(grantedTables, "%s", ""), strings.ReplaceAll(blocks[1], "`billing`", "`"+place.Name+"`")} {
			if _, err := db.Exec(statements); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			if _, err := db.Exec("DROP USER 'habeas_reader'@'%'"); err != nil {
				t.Error(err)
			}
		})
		address := strings.Replace(place.As("habeas_reader"), "habeas_reader@", "habeas_reader:change-me@", 1) + "?" + url.Values{"tls-ca": {place.CA}}.Encode()
		granted(t, "mariadb", address, place.Name)
		var others int
		if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE LIKE '%habeas_reader%' AND PRIVILEGE_TYPE <> 'SELECT'").Scan(&others); err != nil || others > 0 {
			t.Errorf("%d rights beside reading, %v", others, err)
		}
	})
}

// granted drafts a map with the account, checks it, finds a person, audits, plans and hunts.
func granted(t *testing.T, driver, dsn, schema string) {
	t.Helper()
	ctx := patient(t)
	draft, err := Draft(ctx, DraftOptions{System: "shop", Driver: driver, DSN: dsn, Title: "shop", Schemas: []string{schema}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := load(t, map[string]string{"shop.yaml": string(draft)})
	open := opener(t, m, map[string]string{"shop": dsn})
	findings, err := Check(ctx, m, nil, open, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Drifts() {
			t.Errorf("%s: %s", f.Kind, f.Text)
		}
	}
	sys, err := open(ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"users": {"1"}, "orders": {"1"}}
	if diff := cmp.Diff(want, rowsOf(t, ctx, m, sys, dsr.Identity{Kind: datamap.IdentityEmail, Value: "wang@x.example"})); diff != "" {
		t.Errorf("the person's rows (-want +got):\n%s", diff)
	}
	if _, err := Audit(ctx, m, open, AuditOptions{Rows: 10, Keys: 1}, nil); err != nil {
		t.Errorf("audit: %v", err)
	}
	if _, err := Plan(ctx, m, open, true); err != nil {
		t.Errorf("plan: %v", err)
	}
	trail, err := Hunt(ctx, m.Systems, open, "wang@x.example", time.Minute, nil)
	if err != nil || len(trail.Found) != 1 || len(trail.Unsearched) > 0 {
		t.Errorf("hunt: %+v, %v", trail, err)
	}
}
