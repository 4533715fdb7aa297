package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// The parts of the worker's work that a profile is split into.
const (
	partEncryption = "encryption"
	partLedger     = "ledger"
	partOutbox     = "outbox and letters"
	partDatabase   = "database driver"
	partTemporal   = "Temporal SDK and gRPC"
	partCollector  = "garbage collection"
	partScheduler  = "Go scheduler and network poller"
	partCases      = "finding, packing and the rest of ours"
)

var parts = []string{partEncryption, partLedger, partOutbox, partDatabase, partTemporal, partCases, partCollector, partScheduler}

const casefilePackage = "github.com/habeas-dsr/habeas/internal/casefile."

// whole are the parts that own all below them: a line of the ledger is its hash and its statement.
var whole = []struct{ part, prefix string }{
	{partLedger, casefilePackage + "(*Store).record"},
	{partLedger, casefilePackage + "(*Store).begin"},
	{partLedger, casefilePackage + "(*Store).newLine"},
	{partLedger, casefilePackage + "(*Store).headMAC"},
	{partOutbox, casefilePackage + "(*Store).ClaimLetter"},
	{partOutbox, casefilePackage + "(*Store).endLetter"},
	{partOutbox, "github.com/habeas-dsr/habeas/internal/letters."},
}

// nearest are the parts that a sample belongs to by its innermost function that has one.
var nearest = []struct{ part, prefix string }{
	{partEncryption, "filippo.io/age"},
	{partEncryption, "github.com/tink-crypto/"},
	{partEncryption, "github.com/habeas-dsr/habeas/internal/seal."},
	{partEncryption, "crypto/"},
	{partEncryption, "golang.org/x/crypto/"},
	{partDatabase, "github.com/lib/pq."},
	{partDatabase, "github.com/go-sql-driver/mysql."},
	{partDatabase, "database/sql."},
	{partDatabase, "github.com/jmoiron/sqlx."},
	{partTemporal, "go.temporal.io/"},
	{partTemporal, "google.golang.org/"},
	{partTemporal, "golang.org/x/net/http2"},
	{partTemporal, "github.com/habeas-dsr/habeas/workflows."},
	{partCases, "github.com/habeas-dsr/habeas/"},
	{partCases, "github.com/klauspost/compress/"},
	{partCollector, "runtime.gcBgMarkWorker"},
	{partCollector, "runtime.bgsweep"},
	{partCollector, "runtime.bgscavenge"},
}

// partOf says what a sample was for; stack holds the names of the functions, the innermost first.
func partOf(stack []string) string {
	for _, w := range whole {
		for _, name := range stack {
			if strings.HasPrefix(name, w.prefix) {
				return w.part
			}
		}
	}
	for _, name := range stack {
		for _, n := range nearest {
			if strings.HasPrefix(name, n.prefix) {
				return n.part
			}
		}
	}
	return partScheduler
}

// split adds up the CPU seconds of a profile by part.
func split(p *profile.Profile) map[string]float64 {
	out := map[string]float64{}
	at := len(p.SampleType) - 1 // the last value of a CPU profile is nanoseconds
	for _, sample := range p.Sample {
		var stack []string
		for _, location := range sample.Location {
			for _, line := range location.Line {
				if line.Function != nil {
					stack = append(stack, line.Function.Name)
				}
			}
		}
		out[partOf(stack)] += float64(sample.Value[at]) / float64(time.Second)
	}
	return out
}

// cpuProfile takes a CPU profile of the worker while it works.
func (h *house) cpuProfile(ctx context.Context, long time.Duration) (*profile.Profile, error) {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", h.Env["HABEAS_METRICS_LISTEN"], int(long.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for a profile: %w", err)
	}
	resp, err := (&http.Client{Timeout: long + 20*time.Second}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for a profile: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the worker gave no profile (status %d): %w", resp.StatusCode, err)
	}
	p, err := profile.ParseData(raw)
	if err != nil {
		return nil, fmt.Errorf("reading a profile: %w", err)
	}
	return p, nil
}
