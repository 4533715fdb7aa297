package stack

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// TestTwoStacks runs a second stack beside a first, on given ports, and has the first survive the
// second's end. Then a command that was killed before it wrote its state is made up for.
func TestTwoStacks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a := Options{Dir: folder(t), MariaDB: []string{"one"}}
	b := Options{Dir: folder(t), MariaDB: []string{"one"}, Ports: Ports{SMTP: free(t), TemporalUI: free(t)}, CodecEndpoint: "http://127.0.0.1:1/codec"}
	first, second := up(t, a), up(t, b)
	if second.Ports().SMTP != b.Ports.SMTP || second.Ports().TemporalUI != b.Ports.TemporalUI {
		t.Errorf("given ports were not taken: %+v", second.Ports())
	}
	sendMail(t, first, "a@mail.example")
	if list, err := second.Catcher().List(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("the second stack has the first one's mail: %+v, %v", list, err)
	}
	if _, err := openMariaDB(t, first.LoadDSNs()["one"]).Exec("CREATE TABLE of_the_first (n int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := openMariaDB(t, second.LoadDSNs()["one"]).Exec("SELECT n FROM of_the_first"); err == nil {
		t.Error("the second stack has the first one's MariaDB")
	}
	before, _ := first.Process("temporal")
	maria, _ := first.Process("mariadb")
	again := up(t, a)
	if after, _ := again.Process("temporal"); after.PID != before.PID {
		t.Error("up on a running stack started Temporal anew")
	}
	if _, err := Down(ctx, b); err != nil {
		t.Fatal(err)
	}
	if r, err := Status(ctx, a); err != nil || !r.Up {
		t.Errorf("the first stack after the second's end: %+v, %v", r, err)
	}
	// Forget what runs, as a command killed in the middle would.
	state, err := readState(first.Dir())
	if err != nil {
		t.Fatal(err)
	}
	state.Processes = nil
	if err := state.write(first.Dir()); err != nil {
		t.Fatal(err)
	}
	again = up(t, a)
	if after, _ := again.Process("temporal"); after.PID != before.PID {
		t.Error("a running Temporal was not found again")
	}
	if after, _ := again.Process("mariadb"); after.PID != maria.PID {
		t.Error("a running MariaDB was not found again")
	}
	state.Processes = nil
	if err := state.write(first.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(ctx, a); err != nil {
		t.Fatal(err)
	}
	if left := running(t, a.Dir, state.ID); len(left) != 0 {
		t.Errorf("left running: %q", left)
	}
}

func free(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := folder(t)
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := Options{Dir: dir, Ports: Ports{Postgres: busy.Addr().(*net.TCPAddr).Port}}
	if _, err := Up(ctx, taken); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err := Up(ctx, Options{Dir: dir, Systems: []string{"habeas"}}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a system called habeas: %v", err)
	}
	if _, err := Up(ctx, Options{Dir: dir, MariaDB: []string{"mysql"}}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a system called mysql: %v", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := Up(ctx, Options{Dir: dir}); !fault.Is(err, contract.ErrConflict) {
		t.Errorf("two at once: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("no stack: %v", err)
	}
	if r, err := Status(ctx, Options{Dir: filepath.Join(dir, "none")}); err != nil || r.Up {
		t.Errorf("status of no stack: %+v, %v", r, err)
	}
	if ended, err := Down(ctx, Options{Dir: filepath.Join(dir, "none")}); err != nil || ended != nil {
		t.Errorf("down without a stack: %+v, %v", ended, err)
	}
}
