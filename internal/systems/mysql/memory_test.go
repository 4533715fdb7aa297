package mysql

import (
	"context"
	"runtime"
	"testing"

	"github.com/habeas-dsr/habeas/internal/systems"
)

// A person with a hundred times the rows costs no more memory: the driver reads from the socket as
// rows are asked for. It runs alone, as the heap is everybody's.
func TestMemoryOfAStream(t *testing.T) { //nolint:paralleltest // see above
	db, exec := fresh(t)
	exec(`CREATE TABLE logs (id int PRIMARY KEY, owner int, path varchar(300), KEY (owner));
		INSERT INTO logs SELECT seq, IF(seq <= 3000, 1, 2), REPEAT('x', 200) FROM seq_1_to_303000`)
	d := open(t, db.URL, db.Name)
	c := d.table("logs", "id", "owner", "path")
	peak := func(owner string, rows int64) uint64 {
		sel := systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"owner"},
			Keys: func(_ context.Context, yield func([][]string) error) error { return yield([][]string{{owner}}) }}}}
		runtime.GC()
		var json, csv scale
		n, err := d.Stream(t.Context(), sel, &json, &csv)
		if err != nil || n != rows {
			t.Fatalf("%d rows, %v", n, err)
		}
		return max(json.peak, csv.peak)
	}
	few, many := peak("1", 3_000), peak("2", 300_000)
	t.Logf("the heap held %.1f MiB at most with 3,000 rows, %.1f MiB with 300,000", float64(few)/(1<<20), float64(many)/(1<<20))
	if slack := uint64(8 << 20); many > few+few/10+slack {
		t.Errorf("%d bytes for 300,000 rows, %d for 3,000", many, few)
	}
}

// scale weighs the heap whenever something is written.
type scale struct{ peak uint64 }

func (s *scale) Write(p []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.peak = max(s.peak, m.HeapAlloc)
	return len(p), nil
}
