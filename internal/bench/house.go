package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/lib/pq" // the driver of the example company's databases

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/cluster"
)

// house is the example company on a stack of its own, with the real worker and portal.
type house struct {
	*demo.Company
	desk   *desk.Desk
	closes []func()
}

// house sets one up; name is the folder of its stack. Close takes the stack down.
func (b *bench) house(ctx context.Context, name string, o example.Options) (*house, error) {
	return b.houseWith(ctx, name, o, nil)
}

// houseWith is house with more of the environment.
func (b *bench) houseWith(ctx context.Context, name string, o example.Options, more map[string]string) (*house, error) {
	o.Seed = 7
	env := map[string]string{"HABEAS_CODES_PER_HOUR": "20", "HABEAS_CODE_PAUSE": "0s", "HABEAS_LOG_LEVEL": "warn"}
	maps.Copy(env, more)
	dir := filepath.Join(b.dir, name)
	h := &house{}
	h.closes = append(h.closes, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if _, err := stack.Down(ctx, stack.Options{Dir: dir}); err != nil {
			say("stopping the stack %s: %v", dir, err)
		}
	})
	var err error
	say("setting up %s: %d people, %d more log rows", name, o.People, o.Heavy)
	h.Company, err = demo.Prepare(ctx, demo.Options{Dir: dir, BinDir: b.bin, Example: o, Env: env})
	if err != nil {
		h.Close()
		return nil, err
	}
	d, done, err := h.Desk(ctx)
	if err != nil {
		h.Close()
		return nil, err
	}
	h.desk, h.closes = d, append(h.closes, done)
	return h, nil
}

// Close gives everything back, last things first.
func (h *house) Close() {
	for i := len(h.closes) - 1; i >= 0; i-- {
		h.closes[i]()
	}
	h.closes = nil
}

// freshWorker ends the worker and starts another, and gives its process id.
func (h *house) freshWorker(ctx context.Context) (int, error) {
	if err := h.StartWorker(ctx); err != nil {
		return 0, err
	}
	p, ok := h.Stack.Process("worker")
	if !ok {
		return 0, fmt.Errorf("the worker is not among the stack's processes")
	}
	return p.PID, nil
}

// answer carries one access case of p to its end and throws the package away.
func (h *house) answer(ctx context.Context, p example.Person) (demo.Answer, error) {
	a, err := h.Access(ctx, h.desk, h.Person(p), desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}})
	if err == nil {
		err = os.Remove(a.Package)
	}
	return a, err
}

// quiet lets the databases settle what loading them left to do, so that no pair pays for it.
func (h *house) quiet(ctx context.Context) error {
	postgres, _ := example.Servers()
	for _, system := range postgres {
		if err := h.onSystem(ctx, system, "VACUUM ANALYZE"); err != nil {
			return err
		}
	}
	return h.onSystem(ctx, "postgres", "CHECKPOINT")
}

func (h *house) onSystem(ctx context.Context, database, statement string) error {
	role := stack.RoleExample
	if database == "postgres" {
		role = cluster.Superuser
	}
	db, err := sql.Open("postgres", h.Stack.DatabaseURL(role, database))
	if err != nil {
		return fmt.Errorf("opening %s: %w", database, err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s on %s: %w", statement, database, err)
	}
	return nil
}

// statusKiB reads one "Name: 123 kB" line of a file of /proc.
func statusKiB(path, name string) (int64, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", path, err)
	}
	for line := range strings.Lines(string(raw)) {
		key, value, ok := strings.Cut(line, ":")
		if fields := strings.Fields(value); ok && key == name && len(fields) > 0 {
			return strconv.ParseInt(fields[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no line %s", path, name)
}
