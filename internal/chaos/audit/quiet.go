package audit

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A worker at rest: its own goroutines and those of the SDK's pollers are some hundreds, whatever it has
// done before; one left behind for each case or connection shows above that.
const (
	mostGoroutines  = 700
	mostConnections = 60
	// settle is how long a worker may take to come to rest.
	settle = 90 * time.Second
)

// quiet waits until the workers are at rest, and finds what is left of the work: goroutines, connections,
// transactions that stay open, blobs of cases that have ended.
func (a *auditor) quiet(ctx context.Context) error {
	wrong := ""
	for deadline := time.Now().Add(settle); ; {
		var err error
		if wrong, err = a.restless(ctx); err != nil {
			return err
		}
		if wrong == "" || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
	if wrong != "" {
		a.broken(Quiet, "", "%s", wrong)
	}
	return a.blobs()
}

func (a *auditor) restless(ctx context.Context) (string, error) {
	for _, page := range a.h.Metrics {
		n, err := gauge(ctx, page, "go_goroutines")
		if err != nil {
			return "", err
		}
		a.report.Counts["goroutines of the busiest worker"] = max(a.report.Counts["goroutines of the busiest worker"], n)
		if n > mostGoroutines {
			return fmt.Sprintf("a worker at rest has %d goroutines", n), nil
		}
	}
	var all, stuck int
	err := a.db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%' AND now() - state_change > interval '10 seconds')
		FROM pg_stat_activity WHERE usename IN ('habeas_app', 'habeas_eraser')`).Scan(&all, &stuck)
	if err != nil {
		return "", fmt.Errorf("counting connections: %w", err)
	}
	a.report.Counts["connections of the workers"] = all
	if all > mostConnections*max(1, len(a.h.Metrics)) || stuck > 0 {
		return fmt.Sprintf("workers at rest have %d connections, %d of them in a transaction that nobody ends", all, stuck), nil
	}
	return "", nil
}

func gauge(ctx context.Context, page, name string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, fmt.Errorf("reading a worker's metrics: %w", err)
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("reading a worker's metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			return int(n), err
		}
	}
	return 0, fmt.Errorf("a worker's page has no %s", name)
}

// blobs finds what was to be wiped and is not.
func (a *auditor) blobs() error {
	if a.h.Blobs == "" {
		return nil
	}
	refs := a.refs()
	return filepath.WalkDir(a.h.Blobs, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(path, "evidence") {
			return err
		}
		for id, ref := range refs {
			if strings.Contains(path, id) && ref.Kind() == "case" {
				a.broken(Quiet, ref, "has left %s", filepath.Base(path))
			}
		}
		return nil
	})
}
