package mysql

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// opened is a driver under test and the schema of its tables.
type opened struct {
	*driver
	schema string
}

func open(t testing.TB, url, schema string) opened {
	t.Helper()
	sys, err := Open(t.Context(), &datamap.System{Name: "shop", Driver: "mariadb", Connections: 2}, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Close() })
	return opened{sys.(*driver), schema}
}

// table describes a table; the first column is the key.
func (d opened) table(name string, columns ...string) *datamap.Collection {
	c := &datamap.Collection{System: d.system, Name: name, Schema: d.schema, Table: name, Key: columns[:1]}
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

func (d opened) count(t testing.TB, sel systems.Selection) int64 {
	t.Helper()
	n, err := d.Count(t.Context(), sel)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// account makes an account that may log in and nothing else.
func account(t testing.TB, exec func(string)) string {
	t.Helper()
	name := "u_" + strings.ToLower(strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()))
	exec("DROP USER IF EXISTS " + name + "@'127.0.0.1'; CREATE USER " + name + "@'127.0.0.1'")
	t.Cleanup(func() { exec("DROP USER " + name + "@'127.0.0.1'") })
	return name
}

func TestReadOnlyAccountSuffices(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	reader := account(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, email text, doc json, internal text); INSERT INTO users VALUES (1, 'a@x.example', '{"a":1}', 's');
		GRANT SELECT (id, email, doc) ON users TO ` + reader + `@'127.0.0.1'`)
	d := open(t, db.As(reader), db.Name)
	c := d.table("users", "id", "email", "doc", "internal")
	c.Columns[3] = &datamap.Column{Name: "internal", Ignore: "not about people"}
	findings, err := d.Check(t.Context(), []*datamap.Collection{c})
	if err != nil || len(findings) > 0 {
		t.Fatalf("%v, %v", findings, err)
	}
	// More keys than a page need the server to hold them: a temporary table would be refused.
	many := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"id"}, Keys: func(_ context.Context, yield func([][]string) error) error {
		for range systems.PageSize + 1 {
			if err := yield([][]string{{"1"}}); err != nil {
				return err
			}
		}
		return nil
	}}}}
	if n := d.count(t, many); n != 1 {
		t.Errorf("%d rows", n)
	}
	// With single columns the definition of the table is hidden, and with it that doc is JSON: it
	// comes as text, unless the map looks inside.
	want := func(doc string) {
		t.Helper()
		var j, v bytes.Buffer
		if _, err := d.Stream(t.Context(), many, &j, &v); err != nil || !strings.Contains(j.String(), doc) {
			t.Errorf("%s, %v", j.String(), err)
		}
	}
	want(`"doc":"{\"a\":1}"`)
	c.Columns[2].Paths = []datamap.Path{{Name: "b", Keys: []string{"b"}, Export: datamap.ExportHeld}}
	want(`"doc":{"a": 1}`)
	c.Columns[2].Paths = nil
	exec("GRANT SELECT ON users TO " + reader + "@'127.0.0.1'")
	want(`"doc":{"a":1}`)
}

func TestMissingPrivilegeIsNamed(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	reader := account(t, exec)
	exec(`CREATE TABLE users (id int PRIMARY KEY, email text); GRANT SELECT (id) ON users TO ` + reader + `@'127.0.0.1';
		CREATE TABLE hidden (id int PRIMARY KEY);
		CREATE TABLE written (id int PRIMARY KEY); GRANT INSERT ON written TO ` + reader + `@'127.0.0.1';
		CREATE SQL SECURITY INVOKER VIEW behind AS SELECT id FROM hidden; GRANT SELECT ON behind TO ` + reader + `@'127.0.0.1'`)
	d := open(t, db.As(reader), db.Name)
	for what, c := range map[string]*datamap.Collection{
		"may not read column email of " + db.Name + ".users": d.table("users", "id", "email"),
		"no table " + db.Name + ".hidden":                    d.table("hidden", "id"),
		"may not read column id of " + db.Name + ".written":  d.table("written", "id"),
		"may not read all of it":                             d.table("behind", "id"),
	} {
		_, err := d.Count(t.Context(), byKey(c, "1"))
		if !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := account2(t, exec)
	_, err := open(t, db.As(other), db.Name).Count(t.Context(), byKey(d.table("users", "id"), "1"))
	if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "does not let the account into") {
		t.Errorf("an account without any right: %v", err)
	}
	_, err = open(t, db.As("nobody_at_all"), db.Name).Count(t.Context(), byKey(d.table("users", "id"), "1"))
	if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "refuses the login") {
		t.Errorf("no account: %v", err)
	}
}

func account2(t testing.TB, exec func(string)) string {
	t.Helper()
	exec("DROP USER IF EXISTS u_second@'127.0.0.1'; CREATE USER u_second@'127.0.0.1'")
	t.Cleanup(func() { exec("DROP USER u_second@'127.0.0.1'") })
	return "u_second"
}

// The session says whom it serves, has its limits, cannot write, and leaves nothing behind.
func TestSession(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY)`)
	d := open(t, db.URL, db.Name)
	d.db.SetMaxOpenConns(1)
	ctx := systems.WithRef(t.Context(), "case/7QK2M-9XH4T")
	err := d.within(ctx, time.Minute, func(s *session) error {
		var got [8]string
		err := s.conn.QueryRowContext(ctx, s.note+`SELECT @@max_statement_time, @@lock_wait_timeout, @@idle_readonly_transaction_timeout, @@net_write_timeout,
			@@tx_isolation, @@in_transaction, @@time_zone, (SELECT info FROM information_schema.PROCESSLIST WHERE id = CONNECTION_ID())`).
			Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6], &got[7])
		want := [8]string{"60", "10", "600", "600", "REPEATABLE-READ", "1", "+00:00"}
		if !strings.HasPrefix(got[7], "/* habeas case/7QK2M-9XH4T */ SELECT") {
			t.Errorf("the process list shows %q", got[7])
		}
		got[7] = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if _, failed := s.conn.ExecContext(ctx, "INSERT INTO one VALUES (1)"); failed == nil {
			t.Error("a session could write")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// One connection, so what the count left in its variables would still be there.
	d.count(t, byIdentity(d.table("one", "id"), "id", dsr.Identity{Kind: "account", Value: "secret"}))
	var left sql.NullString
	if err := d.db.QueryRow("SELECT CONCAT_WS(',', @habeas_0, @habeas_1)").Scan(&left); err != nil || left.String != "" {
		t.Errorf("values stay in the session: %q, %v", left.String, err)
	}
	if got := comment("habeas */ DROP"); got != "/* habeas _/ DROP */ " {
		t.Errorf("a comment that ends early: %q", got)
	}
}

// One selection is one snapshot, though its keys come from elsewhere and take their time.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)`)
	d := open(t, db.URL, db.Name)
	sel := systems.Selection{Collection: d.table("one", "id"), Any: []systems.Clause{{Columns: []string{"id"},
		Keys: func(_ context.Context, yield func([][]string) error) error {
			exec("INSERT INTO one VALUES (2); DELETE FROM one WHERE id = 1")
			return yield([][]string{{"1"}, {"2"}})
		}}}}
	var j, v bytes.Buffer
	n, err := d.Stream(t.Context(), sel, &j, &v)
	if err != nil || n != 1 || j.String() != "[\n{\"id\":1}\n]\n" || v.String() != "\ufeffid\r\n1\r\n" {
		t.Errorf("%d rows, %v:\n%s", n, err, j.String())
	}
}

// Odd defaults of a server must not change what text means, nor how many rows come.
func TestServerDefaultsDoNotMatter(t *testing.T) { //nolint:paralleltest // it changes the server under everybody
	db, exec := fresh(t)
	exec(`CREATE TABLE t (id int PRIMARY KEY, z timestamp NULL, v varchar(9), c char(4)); SET time_zone = '+00:00';
		INSERT INTO t VALUES (1, '2026-02-03 00:00:00', 'a\b', 'x'), (2, NULL, NULL, NULL), (3, NULL, NULL, NULL)`)
	exec(`SET GLOBAL time_zone = '+08:00', GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,PIPES_AS_CONCAT',
		GLOBAL sql_select_limit = 1, GLOBAL max_join_size = 1, GLOBAL sql_big_selects = 0, GLOBAL tx_isolation = 'READ-UNCOMMITTED', GLOBAL autocommit = 0`)
	defer exec(`SET GLOBAL time_zone = '+00:00', GLOBAL sql_mode = DEFAULT, GLOBAL sql_select_limit = DEFAULT, GLOBAL max_join_size = DEFAULT,
		GLOBAL sql_big_selects = 1, GLOBAL tx_isolation = DEFAULT, GLOBAL autocommit = 1`)
	d := open(t, db.URL, db.Name)
	c := d.table("t", "id", "z", "v", "c")
	var j, v bytes.Buffer
	if _, err := d.Stream(t.Context(), byKey(c, "1"), &j, &v); err != nil {
		t.Fatal(err)
	}
	want := "[\n" + `{"id":1,"z":"2026-02-03T00:00:00+00:00","v":"a\\b","c":"x"}` + "\n]\n"
	if diff := cmp.Diff(want, j.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"id"}, Keys: func(_ context.Context, yield func([][]string) error) error {
		return yield([][]string{{"1"}, {"2"}, {"3"}})
	}}}}
	j.Reset()
	if n, err := d.Stream(t.Context(), all, &j, &v); err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A server that goes away in the middle is ErrUnavailable, and the same System works when it is back.
func TestServerGoesAway(t *testing.T) { //nolint:paralleltest // it takes the server from everybody
	db, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)`)
	time.Sleep(1100 * time.Millisecond) // the log reaches the disk once a second here
	d := open(t, db.URL, db.Name)
	sel := byKey(d.table("one", "id"), "1")
	d.count(t, sel)
	resume := mytest.Stop(t, false)
	for range 3 {
		if _, err := d.Count(t.Context(), sel); !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("down: %v", err)
		}
	}
	resume()
	if n := d.count(t, sel); n != 1 {
		t.Errorf("back: %d", n)
	}
	killed := func(how string) systems.Selection {
		return systems.Selection{Collection: sel.Collection, Any: []systems.Clause{{Columns: []string{"id"}, Keys: func(ctx context.Context, yield func([][]string) error) error {
			other, err := sql.Open("mysql", db.DSN)
			if err != nil {
				return err
			}
			defer other.Close()
			var id string
			// The server calls a session asleep a moment after it answered it.
			for err = sql.ErrNoRows; errors.Is(err, sql.ErrNoRows) && ctx.Err() == nil; {
				err = other.QueryRowContext(ctx, "SELECT id FROM information_schema.PROCESSLIST WHERE db = ? AND id <> CONNECTION_ID() AND command = 'Sleep' ORDER BY time_ms LIMIT 1", db.Name).Scan(&id)
			}
			if err == nil {
				_, err = other.ExecContext(ctx, how+" "+id)
			}
			if err != nil {
				return err
			}
			return yield([][]string{{"1"}})
		}}}}
	}
	if _, err := d.Count(t.Context(), killed("KILL")); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("terminated: %v", err)
	}
	if n := d.count(t, sel); n != 1 {
		t.Errorf("after that: %d", n)
	}
}

// A statement that takes too long ends, and says so.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)`)
	d := open(t, db.URL, db.Name)
	err := d.within(t.Context(), time.Second, func(s *session) error {
		_, err := s.conn.ExecContext(t.Context(), "SELECT SLEEP(20)")
		return s.classify(t.Context(), nil, err)
	})
	if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "within the time limit") {
		t.Errorf("%v", err)
	}
	gone, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = d.within(gone, time.Minute, func(s *session) error {
		_, err := s.conn.ExecContext(gone, "SELECT SLEEP(20)")
		return s.classify(gone, nil, err)
	})
	if err == nil || fault.As(err).Type != contract.ErrUnavailable {
		t.Errorf("given up: %v", err)
	}
	if n := d.count(t, byKey(d.table("one", "id"), "1")); n != 1 {
		t.Errorf("after that: %d", n)
	}
}

// An altered table behind a lock does not hold us up for long.
func TestLockTimeoutIsSet(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	exec(`CREATE TABLE one (id int PRIMARY KEY)`)
	d := open(t, db.URL, db.Name)
	err := d.within(t.Context(), time.Minute, func(s *session) error {
		if _, err := s.conn.ExecContext(t.Context(), "SET lock_wait_timeout = 1"); err != nil {
			return err
		}
		conn, err := sql.Open("mysql", db.DSN)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetMaxOpenConns(1)
		if _, err := conn.Exec("LOCK TABLES one WRITE"); err != nil {
			return err
		}
		_, err = s.conn.ExecContext(t.Context(), "SELECT * FROM "+quote(db.Name)+".one")
		return s.classify(t.Context(), nil, err)
	})
	if !fault.Is(err, contract.ErrBusy) {
		t.Errorf("%v", err)
	}
}
