package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func open(t testing.TB, dsn string) *driver {
	t.Helper()
	sys, err := Open(t.Context(), &datamap.System{Name: "shop", Driver: "postgres", Connections: 2}, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close() })
	return sys.(*driver)
}

// table describes a table in public; the first column is the key.
func (d *driver) table(name string, columns ...string) *datamap.Collection {
	c := &datamap.Collection{System: d.system, Name: name, Schema: "public", Table: name, Key: columns[:1]}
	for _, column := range columns {
		c.Columns = append(c.Columns, &datamap.Column{Name: column, Category: "user", Export: datamap.ExportShow})
	}
	return c
}

func byKey(c *datamap.Collection, key string) systems.Selection {
	return systems.Selection{Collection: c, Any: []systems.Clause{{Columns: c.Key[:1], Keys: systems.OneKey(key)}}}
}

func byIdentity(c *datamap.Collection, column string, ids ...dsr.Identity) systems.Selection {
	return systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{column}, Identities: ids}}}
}

// as gives the DSN for another role of the same database.
func as(t testing.TB, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	return u.String()
}

// role makes a role that may log in and nothing else, for this test's database.
func role(t testing.TB, exec func(string)) string {
	t.Helper()
	name := "r_" + strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()))
	exec("DROP ROLE IF EXISTS " + name + "; CREATE ROLE " + name + " LOGIN")
	t.Cleanup(func() { exec("DROP OWNED BY " + name + "; DROP ROLE " + name) })
	return name
}

func TestReadOnlyAccountSuffices(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	reader := role(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, email text, internal text); INSERT INTO users VALUES (1, 'a@x.example', 's');
		GRANT SELECT (id, email) ON users TO ` + reader + `; ALTER ROLE ` + reader + ` SET default_transaction_read_only = on`)
	d := open(t, as(t, dsn, reader))
	c := d.table("users", "id", "email", "internal")
	c.Columns[2] = &datamap.Column{Name: "internal", Ignore: "not about people"}
	findings, err := d.Check(t.Context(), []*datamap.Collection{c})
	if err != nil || len(findings) > 0 {
		t.Fatalf("%v, %v", findings, err)
	}
	if n, err := d.Count(t.Context(), byKey(c, "1")); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	// More keys than a page need the database to hold them: a temporary table would be refused.
	many := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"id"}, Keys: func(_ context.Context, yield func([][]string) error) error {
		for range systems.PageSize + 1 {
			if err := yield([][]string{{"1"}}); err != nil {
				return err
			}
		}
		return nil
	}}}}
	if n, err := d.Count(t.Context(), many); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestMissingPrivilegeIsNamed(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	reader := role(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, email text); GRANT SELECT (id) ON users TO ` + reader +
		`; CREATE SCHEMA inner_part; CREATE TABLE inner_part.t (id int PRIMARY KEY); GRANT SELECT ON inner_part.t TO ` + reader)
	d := open(t, as(t, dsn, reader))
	_, err := d.Count(t.Context(), byKey(d.table("users", "id", "email"), "1"))
	if !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), "may not read column email of public.users") {
		t.Errorf("got %v", err)
	}
	inner := d.table("t", "id")
	inner.Schema = "inner_part"
	_, err = d.Count(t.Context(), byKey(inner, "1"))
	if !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), "may not use schema inner_part") {
		t.Errorf("got %v", err)
	}
}

// Row-level security must never shorten an answer: neither on the table nor behind a view.
func TestRowSecurityIsRefused(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	reader := role(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, owner text); INSERT INTO users VALUES (1, 'x'), (2, 'y');
		ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON users USING (owner = 'x');
		GRANT SELECT ON users TO ` + reader + `;
		CREATE VIEW mine WITH (security_invoker = on) AS SELECT * FROM users; GRANT SELECT ON mine TO ` + reader)
	d := open(t, as(t, dsn, reader))
	for _, name := range []string{"users", "mine"} {
		_, err := d.Count(t.Context(), byKey(d.table(name, "id", "owner"), "2"))
		if !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), "row-level security") {
			t.Errorf("%s: %v", name, err)
		}
	}
	findings, err := d.Check(t.Context(), []*datamap.Collection{d.table("users", "id", "owner")})
	if err != nil || len(findings) != 1 || findings[0].Kind != systems.RowSecurity {
		t.Errorf("%v, %v", findings, err)
	}
	owner := open(t, dsn)
	if n, err := owner.Count(t.Context(), byKey(owner.table("users", "id", "owner"), "2")); err != nil || n != 1 {
		t.Errorf("who sees every row is not stopped: %d, %v", n, err)
	}
}

// The session says whom it serves, has its limits, and cannot write.
func TestSession(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY)`)
	d := open(t, dsn)
	ctx := systems.WithRef(t.Context(), "case/7QK2M-9XH4T")
	err := d.within(ctx, time.Minute, func(s *session) error {
		var got []string
		err := s.tx.SelectContext(ctx, &got, `SELECT current_setting(s) FROM unnest(ARRAY['application_name', 'statement_timeout',
			'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_isolation', 'transaction_read_only']) AS s`)
		want := []string{"habeas case/7QK2M-9XH4T", "1min", "10s", "10min", "repeatable read", "on"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if _, failed := s.tx.ExecContext(ctx, "INSERT INTO one VALUES (1)"); failed == nil {
			t.Error("a session could write")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Odd defaults of a role or database must not change what text means.
func TestRoleDefaultsDoNotMatter(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	reader := role(t, exec)
	exec(`CREATE TABLE t (id int PRIMARY KEY, d date, z timestamptz, f float8, b bytea, v text);
		INSERT INTO t VALUES (1, '2026-02-03', '2026-02-03 00:00:00+08', 0.1::float8 + 0.2::float8, '\x00ff', 'a\b');
		GRANT SELECT ON t TO ` + reader + `; ALTER ROLE ` + reader + ` SET DateStyle = 'German, DMY';
		ALTER ROLE ` + reader + ` SET TimeZone = 'Asia/Shanghai'; ALTER ROLE ` + reader + ` SET extra_float_digits = -5;
		ALTER ROLE ` + reader + ` SET bytea_output = 'escape'; ALTER ROLE ` + reader + ` SET standard_conforming_strings = off`)
	d := open(t, as(t, dsn, reader))
	var j, v bytes.Buffer
	if _, err := d.Stream(t.Context(), byKey(d.table("t", "id", "d", "z", "f", "b", "v"), "1"), &j, &v); err != nil {
		t.Fatal(err)
	}
	want := "[\n" + `{"id":1,"d":"2026-02-03","z":"2026-02-02T16:00:00+00:00","f":0.30000000000000004,"b":"AP8=","v":"a\\b"}` + "\n]\n"
	if diff := cmp.Diff(want, j.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want = "\ufeffid,d,z,f,b,v\r\n" + `1,2026-02-03,2026-02-02 16:00:00+00,0.30000000000000004,"AP8=","a\b"` + "\r\n"
	if diff := cmp.Diff(want, v.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDSNIsNeverShown(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), &datamap.System{Name: "shop", Driver: "postgres"}, "postgres://u:hush hush@host:notaport/\x7f")
	if !fault.Is(err, contract.ErrBadInput) || strings.Contains(err.Error()+fault.As(err).Hint, "hush") {
		t.Errorf("got %v", err)
	}
	if cause := fault.As(err).Cause(); cause != nil {
		t.Errorf("the cause may hold the password: %T", cause)
	}
}

// A server that goes away in the middle is ErrUnavailable, and the same System works when it is back.
func TestServerGoesAway(t *testing.T) { //nolint:paralleltest // it takes the server from everybody
	dsn, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)`)
	d := open(t, dsn)
	sel := byKey(d.table("one", "id"), "1")
	if _, err := d.Count(t.Context(), sel); err != nil {
		t.Fatal(err)
	}
	resume := pgtest.Stop(t, false)
	for range 3 {
		if _, err := d.Count(t.Context(), sel); !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("down: %v", err)
		}
	}
	resume()
	if n, err := d.Count(t.Context(), sel); err != nil || n != 1 {
		t.Errorf("back: %d, %v", n, err)
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	broken := systems.Selection{Collection: sel.Collection, Any: []systems.Clause{{Columns: []string{"id"}, Keys: func(context.Context, func([][]string) error) error {
		_, err := db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'habeas'")
		return err
	}}, {Columns: []string{"id"}, Keys: func(_ context.Context, yield func([][]string) error) error {
		return yield([][]string{{"1"}})
	}}}}
	if _, err := d.Count(t.Context(), broken); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("terminated: %v", err)
	}
}
