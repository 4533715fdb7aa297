package postgres

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/stack/scratch"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// A hot standby answers everything that a case and the tools ask: nothing is written on the way,
// not even a temporary table.
func TestStandbyAnswers(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE users (id int PRIMARY KEY, login text, email text, boss int); CREATE INDEX ON users (boss);
		INSERT INTO users VALUES (1, 'wang', 'Wang@x.example', NULL), (2, 'li', NULL, 1), (3, 'zhao', 'wang@x.example', 1)`)
	d := open(t, standby(t, dsn))
	c := d.table("users", "id", "login", "email", "boss")
	c.Match = []datamap.Match{{Column: "email", Identity: "email"}}
	c.Directory = &datamap.Directory{Account: "login", Channels: []datamap.Channel{{Kind: "email", Column: "email"}}}
	var there bool
	for deadline := time.Now().Add(30 * time.Second); !there; time.Sleep(50 * time.Millisecond) { // until it has replayed what we wrote
		if err := d.db.Get(&there, "SELECT pg_is_in_recovery() AND to_regclass('users') IS NOT NULL"); (err != nil || !there) && time.Now().After(deadline) {
			t.Fatalf("the standby has not caught up: %v", err)
		}
	}
	if findings, err := d.Check(t.Context(), []*datamap.Collection{c}); err != nil || len(findings) > 0 {
		t.Errorf("check: %v, %v", findings, err)
	}
	if rows, err := d.Lookup(t.Context(), c, []dsr.Identity{{Kind: "email", Value: "wang@x.example"}}, 9); err != nil || len(rows) != 2 {
		t.Errorf("lookup: %d rows, %v", len(rows), err)
	}
	sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"boss"}, Keys: systems.OneKey("1")}}}
	if n, err := d.Count(t.Context(), sel); err != nil || n != 2 {
		t.Errorf("count: %d, %v", n, err)
	}
	var j, v bytes.Buffer
	if n, err := d.Stream(t.Context(), sel, &j, &v); err != nil || n != 2 {
		t.Errorf("stream: %d, %v", n, err)
	}
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hits, err := d.Search(t.Context(), cat.Table("public", "users"), systems.Needle{Texts: []string{"wang@x.example"}}, time.Minute)
	if err != nil || len(hits) != 1 || hits[0].Rows != 2 {
		t.Errorf("search: %+v, %v", hits, err)
	}
	if shown, err := d.Explain(t.Context(), sel, true); err != nil || shown.Plan == "" {
		t.Errorf("explain: %v", err)
	}
}

// standby makes a hot standby of the tests' cluster and gives the same database there.
func standby(t *testing.T, dsn string) string {
	t.Helper()
	primary := pgtest.Address(t)
	bin, err := cluster.Binaries()
	if err != nil {
		t.Fatal(err)
	}
	as, err := cluster.Credential()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := scratch.NewFolder("habeas-standby-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Remove() })
	home := filepath.Join(folder.Path, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if as != nil {
		if err := os.Chown(home, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(home, "data")
	backup := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_basebackup"), "-h", primary.Host, "-p", strconv.Itoa(primary.Port), "-U", primary.User,
		"-D", data, "-X", "stream", "-c", "fast", "-R", "--no-sync")
	backup.Dir, backup.Env, backup.SysProcAttr = "/", cluster.Environ(), &syscall.SysProcAttr{Credential: as}
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("copying the cluster: %v: %s", err, out)
	}
	port, err := scratch.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	server := cluster.Cluster{Bin: bin, Dir: data, Port: port, Settings: map[string]string{"hot_standby": "on", "fsync": "off", "shared_buffers": "32MB", "max_connections": "200"}}
	process, err := scratch.Start(scratch.Spec{Argv: server.Argv(), Env: cluster.Environ(), Dir: "/", As: as, Log: filepath.Join(folder.Path, "log"), LastWill: syscall.SIGQUIT})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop(syscall.SIGQUIT, 20*time.Second) })
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = fmt.Sprintf("%s:%d", primary.Host, port)
	return u.String()
}
