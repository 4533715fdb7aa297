package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{2}, Spread{2, 2, 2}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}},
	} {
		if diff := cmp.Diff(tc.want, spreadOf(tc.in)); diff != "" {
			t.Errorf("spreadOf(%v) (-want +got):\n%s", tc.in, diff)
		}
	}
}

// The ratio is the median of the pairs' ratios, not the ratio of the medians.
func TestRowFinishes(t *testing.T) {
	t.Parallel()
	r := Row{Goal: Goal{Least: 0.8}, Pairs: []Pair{{Ours: 8, Floor: 10}, {Ours: 30, Floor: 20}, {Ours: 7, Floor: 10}}}.finish()
	if r.Ratio != (Spread{Median: 0.8, Least: 0.7, Most: 1.5}) || !r.Met || r.Ours.Median != 8 || r.Base.Median != 10 {
		t.Errorf("got %+v", r)
	}
	if missed := (Row{Goal: Goal{Least: 0.9, Most: 1.1}, Pairs: []Pair{{Ours: 12, Floor: 10}}}).finish(); missed.Met {
		t.Errorf("1.2 is between 0.9 and 1.1")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := Report{Rows: []Row{
		Row{Name: "export", Unit: "rows/s", What: "a", Floor: "b", Goal: Goal{Least: 0.8}, Pairs: []Pair{{Ours: 123_456, Floor: 200_000}}}.finish(),
		figure("events", "c", "count", 170),
	}}
	var out bytes.Buffer
	r.table(&out)
	for _, want := range []string{"| export | rows/s | 123,456 | 200,000 | 0.62 (0.62 to 0.62) | >= 0.80 | MISSED |", "export: a; against b.", "| events | count  | 170 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	path := filepath.Join(t.TempDir(), "bench.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Rows []struct {
			Name  string
			Goal  map[string]float64
			Ratio map[string]float64
		}
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Rows) != 2 || read.Rows[0].Name != "export" || read.Rows[0].Goal["least"] != 0.8 || read.Rows[0].Ratio["median"] != 0.61728 {
		t.Errorf("bench.json reads as %+v", read)
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()
	if all, err := chosen(""); err != nil || len(all) != len(measurements) {
		t.Errorf("%d rows, %v", len(all), err)
	}
	if some, err := chosen("start,export"); err != nil || len(some) != 2 || some[0].name != "start" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := chosen("exports"); err == nil || !strings.Contains(err.Error(), "BENCH takes cases, export, ") {
		t.Errorf("a row that does not exist: %v", err)
	}
}
