package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// ownMark stands in the statement with which the bench watches the casefile.
const ownMark = "/* bench */"

// tables part the casefile's statements; the first that a statement names decides.
var tables = []struct{ part, name string }{
	{"the bench's own watching", ownMark},
	{"ledger", "ledger_"},
	{"outbox", "letter"},
	{"codes", "challenge"},
	{"codes", "code_wish"},
	{"tasks and signatures", "task"},
	{"tasks and signatures", "decision"},
	{"keys", "data_key"},
	{"what was found", "found_"},
	{"packages", "part"},
	{"packages", "package"},
}

// statementPart says what a statement is for; empty for one that is not ours.
func statementPart(database, query string) string {
	if database != stack.CasefileDatabase {
		return "the company's databases"
	}
	switch word := strings.ToUpper(strings.TrimSpace(query)); {
	case strings.HasPrefix(word, "COMMIT"):
		return "commit"
	case strings.HasPrefix(word, "BEGIN"), strings.HasPrefix(word, "ROLLBACK"), word == "":
		return "begin and the like"
	}
	for _, t := range tables {
		if strings.Contains(query, t.name) {
			return t.part
		}
	}
	return "cases and the rest"
}

func sortedByCount(seen map[string]int) []string {
	return slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b)) })
}

// sampleDatabase looks again and again at what the casefile's and the systems' connections are doing.
func (h *house) sampleDatabase(ctx context.Context, done <-chan struct{}, seen map[string]int) error {
	db, err := sql.Open("postgres", h.Stack.DatabaseURL(cluster.Superuser, "postgres"))
	if err != nil {
		return fmt.Errorf("opening the server: %w", err)
	}
	defer func() { _ = db.Close() }()
	every := time.NewTicker(7 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return nil
		case <-every.C:
		}
		if err := look(ctx, db, seen); err != nil {
			return fmt.Errorf("looking at the server: %w", err)
		}
	}
}

func look(ctx context.Context, db *sql.DB, seen map[string]int) error {
	rows, err := db.QueryContext(ctx, `SELECT datname, query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND datname IS NOT NULL`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, query string
		if err := rows.Scan(&name, &query); err != nil {
			return err
		}
		seen[statementPart(name, query)]++
	}
	return rows.Err()
}
