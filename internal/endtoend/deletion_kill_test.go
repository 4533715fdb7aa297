package endtoend

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// blow is one kill while a deletion is carried out: what dies, how many lines the ledger has had since the
// deletion was begun, how much later than the last of them, and how long it stays away.
type blow struct {
	what         string
	lines        int
	later, stays time.Duration
}

// executing is how many lines the ledger gets from the begin of a deletion on while it is carried out and read
// back in three systems: the begin itself, and two of each system. Moments are drawn among them.
const executing = 6

// blows draws two kills: one of the worker and one of a server of databases, PostgreSQL and MariaDB in
// turn, in either order.
func blows(random *rand.Rand, seed uint64) []blow {
	list := []blow{{what: "worker"}, {what: []string{"postgres", "mariadb"}[seed%2]}}
	for i := range list {
		list[i].lines = 1 + random.IntN(executing)
		list[i].later = time.Duration(random.IntN(120)) * time.Millisecond
		list[i].stays = time.Duration(random.IntN(1500)) * time.Millisecond
	}
	slices.SortStableFunc(list, func(a, b blow) int { return a.lines - b.lines })
	return list
}

// strike kills as drawn, once the deletion has begun.
func (s *stubborn) strike(ref contract.Ref, list []blow) {
	for _, b := range list {
		for {
			lines, err := s.d.Store.Ledger(s.ctx, ref)
			if s.ctx.Err() != nil {
				return
			}
			begun := -1
			for i, line := range lines {
				if line.Event == "plan.begun" {
					begun = i
				}
			}
			if err == nil && begun >= 0 && len(lines)-begun >= b.lines {
				time.Sleep(b.later)
				s.t.Logf("strikes the %s %v after line %d of %d: %s", b.what, b.later, len(lines)-begun, b.lines, lines[len(lines)-1].Event)
				break
			}
			time.Sleep(3 * time.Millisecond)
		}
		if b.what == "worker" {
			killWorker(s, b.stays)
		} else {
			killPart(s, b.what)
		}
	}
}

// deleteKilled kills the worker and a server of databases at seeded moments of the execution: the end is that
// of an undisturbed run. Every row is what the map makes of it, the deletion was begun, certified and closed
// once, and no letter is lost or comes twice without the ledger saying so.
func deleteKilled(t *testing.T, c *demo.Company, who example.Person, seed uint64) {
	s := newStubborn(t, c, who, 8*time.Minute)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run it again with HABEAS_SEED=%d; the worker's log ends:\n%s", seed, tail(c, "worker"))
		}
	})
	list := blows(rand.New(rand.NewPCG(seed, 11)), seed)
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.strike(ref, list)
	}()
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	struck(t, done)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	if got := s.certified(ref); got.Outcome != string(dsr.Fulfilled) || len(got.Systems) < 4 {
		t.Errorf("the certificate: %s of %d systems", got.Outcome, len(got.Systems))
	}
	events := s.events(ref)
	for _, once := range []string{"plan.begun", "certificate.signed", "case.closed"} {
		if n := count(events, once); n != 1 {
			t.Errorf("the ledger has %d lines %s", n, once)
		}
	}
	letters, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	s.lettersArrived(ref, letters, "deletion_ack", "deletion_approved", "deletion_done")
	s.ledgerHolds()
}
