package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lib/pq"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// secret stands for a value of a person, as drivers quote it in their errors.
const secret = "liming@mail.example"

func TestScrubLetsNoForeignTextThrough(t *testing.T) {
	t.Parallel()
	pgError := &pq.Error{Code: "23505", Message: "duplicate key", Detail: "Key (email)=(" + secret + ") already exists."}
	for name, tc := range map[string]struct {
		err       error
		typ       string
		permanent bool
	}{
		"a database's words": {fmt.Errorf("inserting: %w", pgError), contract.ErrInternal, false},
		"plain text":         {errors.New("no such user " + secret), contract.ErrInternal, false},
		"classified, cause hidden": {fault.New(contract.ErrRefused, "the system refused", errors.New(secret)),
			contract.ErrRefused, true},
		"passing, with a delay": {fault.New(contract.ErrBusy, "slow down", errors.New(secret)).After(3e9), contract.ErrBusy, false},
		"a foreign application error": {temporal.NewApplicationError("user "+secret, "Whatever", secret),
			contract.ErrInternal, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, log := runScrubbed(t, func(context.Context) error { return tc.err })
			if app.Type() != tc.typ || app.NonRetryable() != tc.permanent || app.HasDetails() {
				t.Errorf("type %q, permanent %v, details %v", app.Type(), app.NonRetryable(), app.HasDetails())
			}
			if all := app.Error() + log; strings.Contains(all, secret) || strings.Contains(all, "liming") {
				t.Errorf("the value came through: %s", all)
			}
		})
	}
}

func TestScrubHoldsPanicsBack(t *testing.T) {
	t.Parallel()
	app, log := runScrubbed(t, func(context.Context) error { panic("user " + secret) })
	if app.Type() != contract.ErrInternal || strings.Contains(app.Error()+log, secret) {
		t.Errorf("%v\n%s", app, log)
	}
	if !strings.Contains(log, "scrub_test.go") {
		t.Error("the log does not say where")
	}
}

func runScrubbed(t *testing.T, f func(context.Context) error) (*temporal.ApplicationError, string) {
	t.Helper()
	var log bytes.Buffer
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{Scrub(slog.New(slog.NewTextHandler(&log, nil)))}})
	env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: "Step"})
	_, err := env.ExecuteActivity("Step")
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		t.Fatalf("not an application error: %v", err)
	}
	return app, log.String()
}
