package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// seeds are those of the run: three, ten with HABEAS_SOAK=1, or the one in HABEAS_SEED.
func seeds(t *testing.T) []uint64 {
	t.Helper()
	return seedsOf(t, 10)
}

// seedsOf is seeds with so many under HABEAS_SOAK=1.
func seedsOf(t *testing.T, soak int) []uint64 {
	t.Helper()
	if one := os.Getenv("HABEAS_SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatalf("HABEAS_SEED: %v", err)
		}
		return []uint64{seed}
	}
	list := []uint64{1, 2, 3}
	if os.Getenv("HABEAS_SOAK") != "" {
		for len(list) < soak {
			list = append(list, rand.Uint64N(1_000_000))
		}
	}
	return list
}

// Kill anything at any moment: the case ends once, rightly. One company lives through all of it.
func TestKill(t *testing.T) {
	t.Parallel()
	c := company(t, nil)
	cast := example.Cast()
	people := []example.Person{cast.Plain, cast.English, cast.SharedMobileA, cast.SharedMobileB, cast.CaseTwinA, cast.CaseTwinB, cast.NoEmail, cast.Heavy}

	s := newStubborn(t, c, cast.Plain, 3*time.Minute)
	began := time.Now()
	ref, zip := s.whole(func(contract.Ref) {})
	s.endedOnce(ref, zip)
	events := s.events(ref)
	if slices.Contains(events, "letter.repeated") {
		t.Errorf("a letter was repeated although nothing was killed: %v", events)
	}
	moments := len(events)
	t.Logf("undisturbed it took %v and wrote %d lines into the ledger", time.Since(began).Round(time.Millisecond), moments)

	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("worker/seed-%d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 4))
			s := newStubborn(t, c, people[random.IntN(len(people))], 6*time.Minute)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("run it again with HABEAS_SEED=%d; the worker's log ends:\n%s", seed, tail(c, "worker"))
				}
			})
			plan := disturbance{moments: draw(random, 1+random.IntN(2), moments), pause: time.Duration(random.IntN(40)) * time.Millisecond}
			done := make(chan struct{})
			ref, zip := s.whole(func(ref contract.Ref) {
				go func() {
					defer close(done)
					plan.run(s, ref, func() { killWorker(s, time.Duration(random.IntN(1500))*time.Millisecond) })
				}()
			})
			struck(t, done)
			s.endedOnce(ref, zip)
		})
	}

	t.Run("worker while a letter is on its way", func(t *testing.T) { killInsideData(t, c, cast.Plain, cast.SharedMobileA) })

	for _, name := range []string{"postgres", "mariadb", "temporal"} {
		t.Run(name, func(t *testing.T) {
			seed := seeds(t)[0]
			random := rand.New(rand.NewPCG(seed, uint64(name[0])))
			s := newStubborn(t, c, cast.English, 6*time.Minute)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("run it again with HABEAS_SEED=%d; the worker's log ends:\n%s", seed, tail(c, "worker"))
				}
			})
			plan := disturbance{moments: draw(random, 2, moments), pause: time.Duration(random.IntN(40)) * time.Millisecond}
			done := make(chan struct{})
			ref, zip := s.whole(func(ref contract.Ref) {
				go func() { defer close(done); plan.run(s, ref, func() { killPart(s, name) }) }()
			})
			struck(t, done)
			s.endedOnce(ref, zip)
		})
	}

	t.Run("portal", func(t *testing.T) { killPortal(t, c, cast.CaseTwinA) })

	t.Run("round trips", func(t *testing.T) { roundTrips(t, c) })
}

// struck wants every moment of a disturbance to have come: a run in which nothing was killed shows nothing.
func struck(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute): // a moment that this run did not have
		t.Error("it was not killed as often as meant")
	}
}

// disturbance strikes when the ledger of a case has so many lines, and a little later.
type disturbance struct {
	moments []int
	pause   time.Duration
}

// draw picks n of the moments of a case, in order. The last line is its end: too late.
func draw(random *rand.Rand, n, of int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = 2 + random.IntN(of-2)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (p disturbance) run(s *stubborn, ref contract.Ref, strike func()) {
	for _, moment := range p.moments {
		for {
			lines, err := s.d.Store.Ledger(s.ctx, ref)
			if s.ctx.Err() != nil {
				return
			}
			if err == nil && len(lines) >= moment {
				time.Sleep(p.pause)
				s.t.Logf("strikes at line %d: %s", len(lines), lines[len(lines)-1].Event)
				break
			}
			time.Sleep(3 * time.Millisecond)
		}
		strike()
	}
}

func kill(s *stubborn, name string) {
	p, ok := s.c.Stack.Process(name)
	if !ok {
		s.t.Errorf("no process %s", name)
		return
	}
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		s.t.Errorf("killing the %s: %v", name, err)
	}
	for p.Alive() {
		time.Sleep(5 * time.Millisecond)
	}
}

// killWorker kills the worker and starts it again after a while.
func killWorker(s *stubborn, after time.Duration) {
	kill(s, "worker")
	time.Sleep(after)
	if err := s.c.StartWorker(s.ctx); err != nil {
		s.t.Errorf("starting the worker again: %v", err)
	}
}

// killInsideData kills the worker between the letter's last byte and the mail server's answer, which
// nobody can decide: the letter comes twice under one Message-ID, and the ledger says so. A letter of
// another case that had its answer before the kill comes once.
func killInsideData(t *testing.T, c *demo.Company, before, who example.Person) {
	calm := newStubborn(t, c, before, 6*time.Minute)
	other := calm.open()
	calm.until("having the code", func(ctx context.Context) (bool, error) {
		letters, err := calm.d.Store.Letters(ctx, other)
		return len(letters) == 2 && letters[1].State == casefile.LetterSent, err
	})

	s := newStubborn(t, c, who, 6*time.Minute)
	if err := c.Stack.Catcher().Arm(s.ctx, catcher.Fault{DelayMS: 4000, Match: who.Email, Count: 1}); err != nil {
		t.Fatal(err)
	}
	ref := s.open()
	s.until("the letter's last byte", func(ctx context.Context) (bool, error) {
		armed, err := c.Stack.Catcher().Armed(ctx)
		return err == nil && len(armed) == 0, err
	})
	killWorker(s, 0)
	for _, k := range []*stubborn{s, calm} {
		r := map[*stubborn]contract.Ref{s: ref, calm: other}[k]
		k.verify(r)
		k.sign(r, dsr.TaskReview, "bo", dsr.Approve, "")
		k.sign(r, dsr.TaskRelease, "cao", dsr.Approve, "")
		zip := k.download(r)
		k.state(r, dsr.StateClosed)
		k.endedOnce(r, zip)
	}
	if twice := s.arrivals(ref)["ack"]; twice != 2 {
		t.Errorf("the letter that was on its way arrived %d times", twice)
	}
	if events := s.events(ref); count(events, "letter.repeated") != 1 {
		t.Errorf("the ledger admits it thus: %v", events)
	}
	if once := calm.arrivals(other)["ack"]; once != 1 || slices.Contains(calm.events(other), "letter.repeated") {
		t.Errorf("the letter that had its answer arrived %d times; %v", once, calm.events(other))
	}
}

// killPart kills a part of the stack and has it come up again where it was.
func killPart(s *stubborn, name string) {
	kill(s, name)
	time.Sleep(time.Second)
	for {
		up, err := stack.Up(s.ctx, stack.Options{Dir: s.c.Stack.Dir(), BinSelf: bin + "/habeas"})
		if err == nil {
			s.c.Stack = up
			return
		}
		if s.ctx.Err() != nil || !patient(err) {
			s.t.Errorf("bringing %s up again: %v", name, err)
			return
		}
	}
}

// killPortal kills the portal while a package is on its way: the person has not got it, so it stays
// and a second code fetches it.
func killPortal(t *testing.T, c *demo.Company, who example.Person) {
	s := newStubborn(t, c, who, 3*time.Minute)
	ref := s.open()
	s.verify(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.state(ref, dsr.StateReady)

	code := s.code(ref, dsr.CodeDownload, true)
	conn := halfDownload(t, c, ref, code)
	defer func() { _ = conn.Close() }()
	kill(s, "portal")
	if err := c.StartPortal(s.ctx); err != nil {
		t.Fatal(err)
	}
	p, err := s.d.Store.Package(s.ctx, ref)
	if err != nil || p.FetchedAt != nil || p.WipedAt != nil {
		t.Fatalf("after half a download: %+v, %v", p, err)
	}
	if err := s.p.Fetch(s.ctx, ref.ID(), code, discard{}); err == nil {
		t.Error("the first code worked twice")
	}
	zip := s.download(ref)
	s.state(ref, dsr.StateClosed)
	s.endedOnce(ref, zip)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// halfDownload begins a download and stops reading after its first bytes.
func halfDownload(t *testing.T, c *demo.Company, ref contract.Ref, code string) net.Conn {
	t.Helper()
	portal := strings.TrimPrefix(c.Env["HABEAS_PORTAL_URL"], "http://")
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 9, 9)}}
	conn, err := dialer.DialContext(context.Background(), "tcp", portal)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"id": {ref.ID()}, "code": {code}}.Encode()
	fmt.Fprintf(conn, "POST /case/download HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nSec-Fetch-Site: same-origin\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", portal, portal, len(form), form)
	head := make([]byte, 64)
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(head); err != nil || !strings.Contains(string(head), fmt.Sprint(http.StatusOK)) {
		t.Fatalf("the download did not begin: %q, %v", head, err)
	}
	return conn
}
