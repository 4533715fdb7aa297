package postgres

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// logs makes a log table in which one person has all n rows.
func logs(t testing.TB, n int) (string, *driver, systems.Selection) {
	t.Helper()
	dsn, exec := fresh(t)
	exec(`CREATE TABLE logs (id bigint PRIMARY KEY, account_id bigint NOT NULL, at timestamptz NOT NULL, action text NOT NULL,
			ip inet, user_agent text, detail jsonb, note text);
		INSERT INTO logs SELECT g, 7, '2026-01-01'::timestamptz + g * interval '1 second', (ARRAY['login', 'logout', 'view order', 'download'])[g%4+1],
			'192.0.2.0'::inet + g%250, 'Mozilla/5.0 (X11; Linux x86_64) "quoted" Gecko/20100101 Firefox/115.0',
			jsonb_build_object('path', '/orders/' || g, 'ok', g%2 = 0), CASE WHEN g%3 = 0 THEN '备注, 第 ' || g || ' 条' END
		FROM generate_series(1, ` + strconv.Itoa(n) + `) g; CREATE INDEX ON logs (account_id)`)
	exec("VACUUM ANALYZE logs")
	d := open(t, dsn)
	c := d.table("logs", "id", "account_id", "at", "action", "ip", "user_agent", "detail", "note")
	c.Links = []*datamap.Link{{From: c, Columns: []string{"account_id"}, To: c, ToColumns: []string{"id"}}}
	return dsn, d, systems.Selection{Collection: c, Any: []systems.Clause{{Columns: []string{"account_id"}, Keys: systems.OneKey("7")}}}
}

// BenchmarkStream holds both passes against psql's COPY of the same rows, in rows a second.
func BenchmarkStream(b *testing.B) {
	n := 1_000_000
	if s := os.Getenv("BENCH_ROWS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	dsn, d, sel := logs(b, n)
	rate := func(b *testing.B) { b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s") }
	psql := func(copy string) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(psqlPath(b), "-X", "-q", "-c", copy, dsn)
				cmd.Stdout = io.Discard
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
			rate(b)
		}
	}
	passes := func(json, csv bool) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := d.within(b.Context(), streamTimeout, func(s *session) error {
					q, err := s.query(b.Context(), sel)
					if err != nil {
						return err
					}
					cells, err := q.shape.cells()
					if err == nil && json {
						_, err = q.pass(b.Context(), q.jsonStatement(cells), jsonFrame, io.Discard)
					}
					if err == nil && csv {
						_, err = q.pass(b.Context(), q.csvStatement(cells), csvFrame, io.Discard)
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
			rate(b)
		}
	}
	b.Run("json/psql", psql("COPY (SELECT row_to_json(r) FROM (SELECT * FROM logs WHERE account_id = 7) r) TO STDOUT"))
	b.Run("json/ours", passes(true, false))
	b.Run("csv/psql", psql("COPY (SELECT * FROM logs WHERE account_id = 7) TO STDOUT (FORMAT csv, HEADER)"))
	b.Run("csv/ours", passes(false, true))
	b.Run("both/ours", passes(true, true))
}

func psqlPath(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(found) == 0 {
		t.Fatal("no psql")
	}
	return found[len(found)-1]
}

// A person with 50 times the rows costs no more memory. The heap is sampled while rows flow.
func TestStreamMemoryIsConstant(t *testing.T) { //nolint:paralleltest // other tests would be in the figure
	peak := func(rows int) uint64 {
		_, d, sel := logs(t, rows)
		var top atomic.Uint64
		done := make(chan struct{})
		go func() {
			defer close(done)
			var m runtime.MemStats
			for top.Load() != ^uint64(0) {
				runtime.GC()
				runtime.ReadMemStats(&m)
				if now := top.Load(); now != ^uint64(0) && m.HeapAlloc > now {
					top.CompareAndSwap(now, m.HeapAlloc)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		var j countingWriter
		n, err := d.Stream(t.Context(), sel, &j, io.Discard)
		if err != nil || n != int64(rows) || j.lines != int64(rows)+2 {
			t.Fatalf("%d rows, %d lines, %v", n, j.lines, err)
		}
		got := top.Swap(^uint64(0))
		<-done
		return got
	}
	small, big := peak(2_000), peak(100_000)
	if big > small+4<<20 {
		t.Errorf("live heap %d KiB with 2,000 rows, %d KiB with 100,000", small>>10, big>>10)
	}
}

type countingWriter struct{ lines int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.lines += int64(bytes.Count(p, []byte("\n")))
	return len(p), nil
}
