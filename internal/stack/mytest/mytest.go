package mytest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// current is the one server of this process.
var current struct {
	sync.Mutex
	inMain bool
	server *server
	err    error // of the first start; every later call reports the same
}

// Main runs the tests and then stops the server, if one was started. Call it from TestMain.
func Main(m *testing.M) {
	stop := Prepare()
	m.Run() // TestMain's caller takes the exit code from m
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "mytest: stopping MariaDB:", err)
		os.Exit(1)
	}
}

// Prepare is for a TestMain that needs other servers as well: New may be called from here on, and
// stop must be when the tests have run.
func Prepare() (stop func() error) {
	current.Lock()
	defer current.Unlock()
	current.inMain = true
	return func() error {
		current.Lock()
		defer current.Unlock()
		if current.server == nil {
			return nil
		}
		err := current.server.close()
		current.server = nil
		return err
	}
}

// Database is a fresh empty database. Its character set is utf8mb4, and texts are compared
// loosely (utf8mb4_general_ci), as they are by default.
type Database struct {
	Name string
	URL  string // as HABEAS_DSN_… names it: mysql://root@127.0.0.1:40123/t_5f0c…
	// DSN is for go-sql-driver: several statements at once, names in double quotes, backslashes plain.
	DSN  string
	Port int
	CA   string // file with the authority behind the server's certificate
}

// As is the URL of the database for another account without a password.
func (d Database) As(user string) string { return mariadb.URL(d.Port, user, "", d.Name) }

// New creates an empty database. It is dropped when the test ends.
func New(t testing.TB) Database {
	t.Helper()
	server := need(t)
	port := server.db.Port
	d := Database{Name: randomName(), Port: port, CA: server.db.Settings["ssl-cert"]}
	d.URL, d.DSN = mariadb.URL(port, mariadb.Superuser, "", d.Name), mariadb.DSN(port, mariadb.Superuser, "", d.Name)
	if err := run(port, "CREATE DATABASE "+mariadb.Quote(d.Name)+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"); err != nil {
		t.Fatalf("creating a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := run(port, "DROP DATABASE IF EXISTS "+mariadb.Quote(d.Name)); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return d
}

// URL is New for tests that need nothing else of it.
func URL(t testing.TB) string {
	t.Helper()
	return New(t).URL
}

// Restart stops the server and starts it again on the same port with the same data: cleanly, or
// with kill by SIGKILL, after which MariaDB recovers. Every test of this process shares the
// server, so a test that calls it must not be parallel to others.
func Restart(t testing.TB, kill bool) {
	t.Helper()
	s := need(t)
	s.halt(kill)
	if err := s.start(); err != nil {
		t.Fatalf("restarting MariaDB: %v", err)
	}
}

// Stop takes the server away until the returned function is called, for tests of what happens
// meanwhile. As with Restart, such a test must not be parallel to others. Resuming twice is
// harmless, and the test's end resumes as well.
func Stop(t testing.TB, kill bool) (resume func()) {
	t.Helper()
	s := need(t)
	s.halt(kill)
	resume = sync.OnceFunc(func() {
		if err := s.start(); err != nil {
			t.Errorf("starting MariaDB again: %v", err)
		}
	})
	t.Cleanup(resume)
	return resume
}

func need(t testing.TB) *server {
	t.Helper()
	current.Lock()
	defer current.Unlock()
	if !current.inMain {
		t.Fatal("mytest needs: func TestMain(m *testing.M) { mytest.Main(m) }")
	}
	if current.server == nil && current.err == nil {
		current.server, current.err = launch()
	}
	if current.err != nil {
		t.Fatalf("no MariaDB for tests: %v", current.err)
	}
	return current.server
}

// run executes one statement over a connection of its own.
func run(port int, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return mariadb.Do(ctx, mariadb.DSN(port, mariadb.Superuser, "", ""), func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return "t_" + hex.EncodeToString(b[:])
}
