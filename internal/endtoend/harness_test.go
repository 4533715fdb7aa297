package endtoend

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// bin is the folder with the binaries under test, built once.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "habeas-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL runs as another user and passes through
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = filepath.Join(dir, "bin")
	for name, pkg := range map[string]string{"habeas": "starter", "habeas-worker": "worker"} {
		build := exec.Command("go", "build", "-o", filepath.Join(bin, name), "./"+pkg)
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", name, err, out)
			return 1
		}
	}
	// These tests wait for others' programs more than they compute: three at once keep two cores busy.
	flag.Parse()
	if set := flag.Lookup("test.parallel"); set.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = set.Value.Set("3")
	}
	code := m.Run()
	stopShared()
	if err := everyLetterSeen(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return code
}

// company sets a company up on a stack of its own; the stack is stopped when the test ends.
func company(t testing.TB, env map[string]string) *demo.Company {
	t.Helper()
	return companyWith(t, env, nil)
}

// companyWith is company with more files in its data map.
func companyWith(t testing.TB, env, more map[string]string) *demo.Company {
	t.Helper()
	return companyOf(t, usualPeople, env, more)
}

// usualPeople is how many account holders a company has where nothing else is said.
const usualPeople = 200

// companyOf is companyWith with so many account holders.
func companyOf(t testing.TB, people int, env, more map[string]string) *demo.Company {
	t.Helper()
	dir, err := os.MkdirTemp("", "habeas-stack-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, dir) })
	c := prepare(t, dir, people, env, more)
	t.Cleanup(func() { noteLetters(c) })
	return c
}

func prepare(t testing.TB, dir string, people int, env, more map[string]string) *demo.Company {
	t.Helper()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"HABEAS_CODES_PER_HOUR": "20"}
	maps.Copy(all, env)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c, err := demo.Prepare(ctx, demo.Options{Dir: dir, BinDir: bin, Example: example.Options{People: people, Seed: 7}, Env: all, Map: more, Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stop(t testing.TB, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := stack.Down(ctx, stack.Options{Dir: dir}); err != nil {
		t.Errorf("stopping the stack: %v", err)
	}
	if !t.Failed() {
		_ = os.RemoveAll(dir)
	} else {
		t.Logf("the stack's files are left in %s", dir)
	}
}

var shared struct {
	sync.Once
	dir     string
	company *demo.Company
}

// common is one company for all tests that do not disturb it: kill nothing there, and look only at
// your own cases.
func common(t testing.TB) *demo.Company {
	t.Helper()
	shared.Do(func() {
		dir, err := os.MkdirTemp("", "habeas-stack-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		shared.company = prepare(t, dir, usualPeople, nil, nil)
	})
	if shared.company == nil {
		t.Fatal("the common company could not be set up; see the first test that failed")
	}
	return shared.company
}

func stopShared() {
	if shared.dir == "" {
		return
	}
	if shared.company != nil {
		noteLetters(shared.company)
	}
	_, _ = stack.Down(context.Background(), stack.Options{Dir: shared.dir})
	_ = os.RemoveAll(shared.dir)
}

// deskOf opens the desk and gives a context that ends well before the test's time is over.
func deskOf(t testing.TB, c *demo.Company) (context.Context, *desk.Desk) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	d, done, err := c.Desk(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return ctx, d
}

// freeAddress is an address on loopback on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
