package demo

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// Reach has the worker reach a system by another address from its next start on: over a line that can be
// cut, for a test of an outage.
func (c *Company) Reach(system, dsn string) {
	if c.o.Env == nil {
		c.o.Env = map[string]string{}
	}
	c.o.Env[stack.DSNVariable(system)], c.Env[stack.DSNVariable(system)] = dsn, dsn
}

// StartWorker starts the worker, or starts it again, and waits until it is ready.
func (c *Company) StartWorker(ctx context.Context) error {
	return c.StartWorkerAs(ctx, "worker", c.Env["HABEAS_METRICS_LISTEN"])
}

// StartWorkerAs is StartWorker for one of several workers, each with a name and a metrics page of its own.
func (c *Company) StartWorkerAs(ctx context.Context, name, metrics string) error {
	env := c.WorkerEnv()
	env["HABEAS_METRICS_LISTEN"] = metrics
	if _, err := c.Stack.StartProcess(name, []string{filepath.Join(c.o.BinDir, "habeas-worker")}, env, ""); err != nil {
		return err
	}
	return c.answering(ctx, name, "http://"+metrics+"/readyz")
}

// WorkerEnv is the environment of a worker.
func (c *Company) WorkerEnv() map[string]string {
	env := maps.Clone(c.Env)
	for name, value := range c.Stack.Env(stack.RoleApp) {
		if (name == "HABEAS_DATABASE_URL" || strings.HasPrefix(name, "HABEAS_DSN_")) && c.o.Env[name] == "" {
			env[name] = value
		}
	}
	return env
}

// Through is an environment of which every database on PostgreSQL is reached at another address.
func Through(env map[string]string, at string) (map[string]string, error) {
	env = maps.Clone(env)
	for name, value := range env {
		if (name != "HABEAS_DATABASE_URL" && !strings.HasPrefix(name, "HABEAS_DSN_")) || mariadb.IsURL(value) {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s is no URL that could be led another way", name)
		}
		u.Host = at
		env[name] = u.String()
	}
	return env, nil
}
