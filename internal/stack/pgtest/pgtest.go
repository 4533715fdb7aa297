package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// current is the one cluster of this process.
var current struct {
	sync.Mutex
	inMain bool
	server *server
	err    error // of the first start; every later call reports the same
}

// Main runs the tests and then stops the cluster, if one was started. Call it from TestMain.
func Main(m *testing.M) {
	current.Lock()
	current.inMain = true
	current.Unlock()
	m.Run() // TestMain's caller takes the exit code from m
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: stopping PostgreSQL:", err)
		os.Exit(1)
	}
}

func stop() error {
	current.Lock()
	defer current.Unlock()
	if current.server == nil {
		return nil
	}
	err := current.server.close()
	current.server = nil
	return err
}

// Server is where the cluster of this process listens.
type Server struct {
	Host string
	Port int
	User string // superuser, without a password
	CA   string // file with the authority behind the server's certificate, for sslmode=verify-full
}

// URL connects to one of the server's databases as its superuser.
func (s Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(s.User), Host: s.Host + ":" + strconv.Itoa(s.Port),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Address returns where the cluster listens, starting it first if need be.
func Address(t testing.TB) Server {
	t.Helper()
	return need(t).address()
}

// URL creates an empty database and returns its URL, such as
// postgres://postgres@127.0.0.1:40123/t_5f0c…?sslmode=disable. The database is dropped, with
// whoever is still connected, when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	addr := need(t).address()
	name := randomName()
	if err := run(addr, "CREATE DATABASE "+pq.QuoteIdentifier(name)); err != nil {
		t.Fatalf("creating a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := run(addr, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return addr.URL(name)
}

// Restart stops the cluster and starts it again on the same port with the same data: cleanly, or
// with kill by SIGKILL, after which PostgreSQL recovers. Every test of this process shares the
// cluster, so a test that calls it must not be parallel to others.
func Restart(t testing.TB, kill bool) {
	t.Helper()
	if err := need(t).restart(kill); err != nil {
		t.Fatalf("restarting PostgreSQL: %v", err)
	}
}

// Stop takes the cluster away until the returned function is called, for tests of what happens
// meanwhile. As with Restart, such a test must not be parallel to others. Resuming twice is
// harmless, and the test's end resumes as well.
func Stop(t testing.TB, kill bool) (resume func()) {
	t.Helper()
	s := need(t)
	if err := s.halt(kill); err != nil {
		t.Fatalf("stopping PostgreSQL: %v", err)
	}
	resume = sync.OnceFunc(func() {
		if err := s.start(); err != nil {
			t.Errorf("starting PostgreSQL again: %v", err)
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
		t.Fatal("pgtest needs: func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	if current.server == nil && current.err == nil {
		current.server, current.err = launch()
	}
	if current.err != nil {
		t.Fatalf("no PostgreSQL for tests: %v", current.err)
	}
	return current.server
}

// run executes one statement on the database postgres over a connection of its own.
func run(addr Server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("postgres", addr.URL(cluster.Superuser))
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	return "t_" + hex.EncodeToString(b[:])
}
