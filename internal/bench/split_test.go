package main

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// A line of the ledger owns its hash and its statement; everything else belongs to the innermost
// function that says what it is for.
func TestProfileIsSplit(t *testing.T) {
	t.Parallel()
	const activity = "github.com/habeas-dsr/habeas/activities.(*Activities).Collect"
	stacks := map[string][]string{
		partLedger:     {"crypto/sha256.block", casefilePackage + "(*Store).newLine", casefilePackage + "(*Store).record", activity, "go.temporal.io/sdk/internal.x"},
		partOutbox:     {"github.com/lib/pq.(*conn).recv", casefilePackage + "(*Store).ClaimLetter", activity},
		partEncryption: {"crypto/internal/fips140/aes.encrypt", "filippo.io/age.Encrypt", activity, "go.temporal.io/sdk/internal.x"},
		partDatabase:   {"syscall.Syscall", "github.com/lib/pq.(*conn).recv", "database/sql.(*DB).Query", activity},
		partTemporal:   {"runtime.mallocgc", "google.golang.org/grpc.(*Server).x", "main.main"},
		partCases:      {"runtime.mallocgc", "encoding/json.Marshal", activity, "go.temporal.io/sdk/internal.x"},
		partCollector:  {"runtime.scanobject", "runtime.gcBgMarkWorker"},
		partScheduler:  {"runtime.findRunnable", "runtime.mcall"},
	}
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples"}, {Type: "cpu"}}}
	want := map[string]float64{}
	for _, part := range parts {
		if got := partOf(stacks[part]); got != part {
			t.Errorf("%q is said to be %q", part, got)
		}
		sample := &profile.Sample{Value: []int64{1, int64(2 * time.Second)}}
		for _, name := range stacks[part] {
			sample.Location = append(sample.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		p.Sample = append(p.Sample, sample)
		want[part] = 2
	}
	if diff := cmp.Diff(want, split(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, tc := range [][3]string{
		{"accounts", "SELECT 1", "the company's databases"},
		{"habeas", standing, "the bench's own watching"},
		{"habeas", " commit", "commit"},
		{"habeas", "BEGIN READ WRITE", "begin and the like"},
		{"habeas", "WITH line AS (INSERT INTO ledger_line", "ledger"},
		{"habeas", "SELECT ref FROM case_file", "cases and the rest"},
	} {
		if got := statementPart(tc[0], tc[1]); got != tc[2] {
			t.Errorf("%q on %s is said to be for %q", tc[1], tc[0], got)
		}
	}
}

func TestProcessorTime(t *testing.T) {
	t.Parallel()
	first, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; {
		now, err := processorTime(os.Getpid())
		if err != nil || now < first {
			t.Fatal(now, first, err)
		}
		if now >= first+2*tick {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a minute of work took no processor time")
		}
	}
}
