package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// moment is a case as the casefile shows it to lists, and the code or task that it waits for.
type moment struct{ state, waiting, item string }

// watch reads where the cases stand, all in one statement, and tells each player what changed.
type watch struct {
	db      *sql.DB
	mu      sync.Mutex
	waiting map[contract.Ref]chan moment
	last    map[contract.Ref]moment
}

// every is the pause between two looks: short beside the seconds that a case takes.
const every = 20 * time.Millisecond

const standing = `SELECT ` + ownMark + ` c.ref, c.state, c.waiting_on, coalesce(CASE
	WHEN c.waiting_on LIKE 'task:%' THEN (SELECT t.id FROM habeas.task t WHERE t.ref = c.ref AND t.state = 'open' LIMIT 1)
	ELSE (SELECT h.id FROM habeas.challenge h WHERE h.ref = c.ref AND h.met_at IS NULL
		AND h.purpose = CASE c.waiting_on WHEN 'person:code' THEN 'verify' ELSE 'download' END LIMIT 1) END, '')
FROM habeas.case_file c WHERE c.closed_at IS NULL OR c.closed_at > now() - interval '10 seconds'`

func (w *watch) add(ref contract.Ref) <-chan moment {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := make(chan moment, 64)
	w.waiting[ref] = ch
	return ch
}

func (w *watch) remove(ref contract.Ref) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, ref)
}

func (w *watch) run(ctx context.Context) error {
	w.last = map[contract.Ref]moment{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil {
			if ctx.Err() != nil || errors.Is(err, context.Canceled) {
				return nil // the players are through
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (w *watch) look(ctx context.Context) error {
	rows, err := w.db.QueryContext(ctx, standing)
	if err != nil {
		return fmt.Errorf("watching the cases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var ref contract.Ref
		var m moment
		if err := rows.Scan(&ref, &m.state, &m.waiting, &m.item); err != nil {
			return fmt.Errorf("watching the cases: %w", err)
		}
		w.tell(ref, m)
	}
	return rows.Err()
}

func (w *watch) tell(ref contract.Ref, m moment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch, ok := w.waiting[ref]
	if !ok || w.last[ref] == m {
		return
	}
	w.last[ref] = m
	ch <- m
}
