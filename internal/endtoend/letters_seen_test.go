package endtoend

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// seen are the letters that arrived in a catcher anywhere in this run, each read as a MIME message.
var seen = struct {
	sync.Mutex
	arrived  map[letters.Template]bool
	problems []string
}{arrived: map[letters.Template]bool{}}

// noteLetters looks which letters of the company's outbox have arrived, before its stack is stopped. A
// server that a test left dead leaves its letters unseen.
func noteLetters(c *demo.Company) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := sqlx.ConnectContext(ctx, "postgres", c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase))
	if err != nil {
		return
	}
	defer func() { _ = db.Close() }()
	var outbox []struct {
		Template  string `db:"template"`
		MessageID string `db:"message_id"`
	}
	if err := db.SelectContext(ctx, &outbox, `SELECT template, message_id FROM habeas.letter WHERE state = 'sent' AND channel = 'email'`); err != nil {
		return
	}
	heads, err := c.Stack.Catcher().List(ctx, "")
	if err != nil {
		return
	}
	ids := map[string]string{}
	for _, h := range heads {
		ids[strings.Trim(h.MessageID, "<>")] = h.ID
	}
	seen.Lock()
	defer seen.Unlock()
	for _, l := range outbox {
		id, there := ids[l.MessageID]
		if !there || seen.arrived[letters.Template(l.Template)] {
			continue
		}
		letter, err := c.Stack.Catcher().Letter(ctx, id)
		if err != nil {
			continue
		}
		for _, problem := range letter.Problems {
			seen.problems = append(seen.problems, l.Template+": "+problem)
		}
		seen.arrived[letters.Template(l.Template)] = true
	}
}

// everyLetterSeen says, after a run of all tests, which letters no test has seen arrive.
func everyLetterSeen() error {
	for _, some := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(some).Value.String() != "" {
			return nil
		}
	}
	if len(seen.problems) > 0 {
		return fmt.Errorf("letters that are not good MIME messages: %s", strings.Join(seen.problems, "; "))
	}
	missing := slices.DeleteFunc(letters.Templates(), func(t letters.Template) bool { return seen.arrived[t] })
	if len(missing) > 0 {
		return fmt.Errorf("letters that no test has seen arrive in a catcher: %v; have the test of their occasion send them by e-mail", missing)
	}
	return nil
}
