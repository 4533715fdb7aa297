package endtoend

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/line"
)

// How often the worker may go to PostgreSQL, casefile and systems together, for one whole small case. The
// counts do not depend on the machine but for what the schedules' own workflows ask meanwhile: so the bounds
// lie a fifth above what a machine under load showed (758 and 2,031). What grows on purpose is written down
// here.
const (
	accessTrips   = 920
	deletionTrips = 2_450
)

// roundTrips counts what a case costs in round trips to PostgreSQL, through a line that counts.
func roundTrips(t *testing.T, c *demo.Company) {
	counted, err := line.NewCounted(t.Context(), c.Stack.Ports().Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer counted.Close()
	env, err := demo.Through(c.WorkerEnv(), counted.At())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stack.StartProcess("worker", []string{filepath.Join(bin, "habeas-worker")}, env, ""); err != nil {
		t.Fatal(err)
	}
	who := ordinary(t, c, 2)
	least := func(n int, one func(example.Person)) int64 {
		best := int64(0)
		for i := range n {
			before := counted.Trips()
			one(who[i])
			if trips := counted.Trips() - before; best == 0 || trips < best {
				best = trips
			}
		}
		return best
	}
	access := least(2, func(p example.Person) { // the first has connections to make
		s := newStubborn(t, c, p, 4*time.Minute)
		s.whole(func(contract.Ref) {})
	})
	deletion := least(1, func(p example.Person) {
		s := newStubborn(t, c, p, 4*time.Minute)
		ref := s.askDeletion()
		s.agreeOn(ref)
		s.ended(ref, dsr.Fulfilled)
	})
	t.Logf("round trips to PostgreSQL: %d for an access case, %d for a deletion", access, deletion)
	if access == 0 || access > accessTrips {
		t.Errorf("an access case goes %d times to PostgreSQL, at most %d is held", access, accessTrips)
	}
	if deletion == 0 || deletion > deletionTrips {
		t.Errorf("a deletion goes %d times to PostgreSQL, at most %d is held", deletion, deletionTrips)
	}
}
