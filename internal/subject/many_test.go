package subject

import (
	"context"
	"database/sql"
	"encoding/binary"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// TestOneAmongMany finds one person among 100,000 in the example company (1,000,000 with
// HABEAS_SOAK=1): somebody with 30,000 rows more takes no more statements than anybody else, and
// with the advised indexes nobody's search reads a large table from end to end. The plans are
// those by which the databases really ran each statement (auto_explain, the slow log of MariaDB).
func TestOneAmongMany(t *testing.T) {
	t.Parallel()
	files, err := fs.Sub(cloud.Map, "map")
	if err != nil {
		t.Fatal(err)
	}
	m, err := datamap.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	o := example.Options{People: 100_000, Seed: 3, LogsPerPerson: 1, Heavy: 30_000, Now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	if os.Getenv("HABEAS_SOAK") != "" {
		o.People = 1_000_000
	}
	dsn, maria, dsns := pgtest.URL(t), mytest.New(t), map[string]string{}
	for _, s := range cloud.Systems {
		dsns[s] = dsn
		if slices.Contains(cloud.MariaDB, s) {
			dsns[s] = maria.URL
		}
	}
	if err := example.Load(t.Context(), dsns, o, nil); err != nil {
		t.Fatal(err)
	}
	example.Place(m, dsns)
	advised(t, m, dsns)
	large, largeThere := largeTables(t, dsn), largeInMariaDB(t, maria)
	if len(large) < 3 || len(largeThere) < 3 {
		t.Fatalf("only %v and %v are large", large, largeThere)
	}
	cast, slow := example.Cast(), newSlowLog(t, maria)
	some, plans := search(t, m, dsns, cast.Plain.Login)
	someThere, plansThere := slow.heard()
	many, _ := search(t, m, dsns, cast.Heavy.Login)
	manyThere, _ := slow.heard()
	t.Logf("on MariaDB: %d statements; %d plans read; large are %v", someThere, len(plansThere), largeThere)
	if manyThere > someThere || someThere == 0 || len(plansThere) < someThere/3 {
		t.Errorf("on MariaDB %d statements for one person (%d plans), %d for the other", someThere, len(plansThere), manyThere)
	}
	seen := 0
	for _, plan := range plansThere {
		if name := whole(plan, largeThere); name != "" {
			t.Errorf("a search reads all of %s:\n%s", name, plan)
		}
		if strings.Contains(plan, " AS t") {
			seen++
		}
	}
	if seen < len(largeThere) {
		t.Errorf("only %d plans are of a mapped table", seen)
	}
	t.Logf("%d statements; %d plans read; large are %v", some, len(plans), large)
	if many > some { // fewer there are where a collection holds nothing of theirs
		t.Errorf("%d statements for one person, %d for one with 30,000 rows more", some, many)
	}
	if len(plans) < some/3 {
		t.Errorf("only %d plans were seen for %d statements", len(plans), some)
	}
	scans := regexp.MustCompile(`Seq Scan on (\w+)`)
	for _, plan := range plans {
		for _, scan := range scans.FindAllStringSubmatch(plan, -1) {
			if slices.Contains(large, scan[1]) {
				t.Errorf("a search reads all of %s:\n%s", scan[1], plan)
			}
		}
	}
}

// advised makes the indexes that Check advises, and wants no more advice then.
func advised(t *testing.T, m *datamap.Map, dsns map[string]string) {
	t.Helper()
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue
		}
		db, settle := opened(t, dsns[s.Name])
		sys, err := systems.Open(t.Context(), s, dsns[s.Name])
		if err != nil {
			t.Fatal(err)
		}
		defer sys.Close()
		findings, err := sys.Check(t.Context(), s.Collections)
		if err != nil || systems.Mismatch(findings) != nil {
			t.Fatalf("%v %v", err, systems.Mismatch(findings))
		}
		for _, f := range findings {
			t.Logf("advised: %s", f.Hint)
			if _, err := db.Exec(strings.ReplaceAll(f.Hint, " CONCURRENTLY", "")); err != nil {
				t.Fatal(err)
			}
		}
		if findings, err = sys.Check(t.Context(), s.Collections); err != nil || len(findings) > 0 {
			t.Errorf("with the advised indexes: %v, %v", findings, err)
		}
		if _, err := db.Exec(settle); err != nil {
			t.Fatal(err)
		}
	}
}

// opened is a connection, and the statement by which the database looks at its tables.
func opened(t *testing.T, dsn string) (db *sql.DB, settle string) {
	t.Helper()
	driver, settle := "postgres", "VACUUM ANALYZE"
	if mariadb.IsURL(dsn) {
		var err error
		if dsn, err = mariadb.FromURL(dsn); err != nil {
			t.Fatal(err)
		}
		driver, settle = "mysql", "ANALYZE TABLE orders, order_items, invoices"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, settle
}

func largeTables(t *testing.T, dsn string) []string {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 2 << 20 AND relnamespace::regnamespace::text !~ '^pg_' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// search makes a whole search for the person, rows included, and gives the number of statements
// and the plans of those that have one.
func search(t *testing.T, m *datamap.Map, dsns map[string]string, login string) (int, []string) {
	t.Helper()
	tap := newTap(t, dsns["accounts"])
	open := map[string]systems.System{}
	for _, s := range m.Systems {
		if s.Outside != nil {
			continue
		}
		dsn := tap.dsn
		if mariadb.IsURL(dsns[s.Name]) {
			dsn = dsns[s.Name]
		}
		sys, err := systems.Open(t.Context(), s, dsn)
		if err != nil {
			t.Fatal(err)
		}
		open[s.Name] = sys
	}
	opener := func(name string) (systems.System, error) { return open[name], nil }
	accounts, err := FindAccount(t.Context(), m, opener, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: login}})
	if err != nil || len(accounts) != 1 {
		t.Fatalf("%s: %d accounts, %v", login, len(accounts), err)
	}
	s := Search{Map: m, Account: accounts[0], Keys: newMemory(), Open: opener}
	rows := int64(0)
	for _, step := range s.Steps() {
		if _, err := s.Discover(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	for _, sys := range m.Systems {
		for _, c := range sys.Collections {
			n, err := s.Collect(t.Context(), c, io.Discard, io.Discard)
			if err != nil {
				t.Fatalf("%s: %v", c.ID(), err)
			}
			rows += n
		}
	}
	for _, sys := range open {
		sys.Close()
	}
	statements, plans := tap.heard()
	t.Logf("%s: %d rows", login, rows)
	return statements, plans
}

// tap stands between the drivers and the server, counts statements and keeps the plans that
// auto_explain sends as notices.
type tap struct {
	dsn        string
	mu         sync.Mutex
	statements int
	plans      []string
	open       sync.WaitGroup
}

func newTap(t *testing.T, dsn string) *tap {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	q := u.Query()
	q.Set("sslmode", "disable")
	q.Set("options", "-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 -c client_min_messages=log")
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	p := &tap{dsn: u.String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", server)
			if err != nil {
				client.Close()
				return
			}
			p.open.Add(2)
			go p.pass(client, upstream, true)
			go p.pass(upstream, client, false)
		}
	}()
	return p
}

// pass moves messages one way: a kind of one byte (none in the client's first), a length, a body.
func (p *tap) pass(from, to net.Conn, asking bool) {
	defer p.open.Done()
	defer to.Close()
	for first := asking; ; first = false {
		head := make([]byte, 5)
		if first {
			head = head[:4]
		}
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if !first {
			p.hear(head[0], body, asking)
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}

func (p *tap) hear(kind byte, body []byte, asking bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case asking && (kind == 'P' || kind == 'Q'):
		p.statements++
	case !asking && kind == 'N':
		for field := range strings.SplitSeq(string(body), "\x00") {
			if text, ok := strings.CutPrefix(field, "M"); ok && strings.Contains(text, "plan:") {
				p.plans = append(p.plans, text)
			}
		}
	}
}

// heard waits until every connection is closed.
func (p *tap) heard() (int, []string) {
	p.open.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statements, p.plans
}
