// Habeas-worker runs the workflows and activities of Habeas: which queue runs what, with which
// limits, stands in this folder on one screen.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const usage = `habeas-worker runs the workflows and activities of Habeas.

usage: habeas-worker [--check-config]

It is configured by HABEAS_* and TEMPORAL_* variables (docs/configuration.md). SIGTERM stops it
cleanly: what runs is finished or given back within twenty seconds.

example: . /var/lib/habeas/env.sh && habeas-worker
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	if len(args) > 1 || (len(args) == 1 && args[0] != "--check-config") {
		fmt.Fprint(os.Stderr, usage)
		if args[0] == "--help" || args[0] == "-h" {
			return 0
		}
		return 2
	}
	c, err := config.Load(os.Getenv, "HABEAS_DATABASE_URL", "HABEAS_DATAMAP", "HABEAS_KEYS", "HABEAS_BLOBS", "HABEAS_APPROVERS", "HABEAS_SMTP_URL")
	if err == nil && len(args) == 1 {
		for _, line := range c.Describe() {
			fmt.Println(line)
		}
		return 0
	}
	if err == nil {
		err = serve(ctx, c)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return 0
	}
	e := fault.As(err)
	if e.Type == contract.ErrInternal {
		fmt.Fprintln(os.Stderr, "habeas-worker:", err)
	} else {
		fmt.Fprintln(os.Stderr, "habeas-worker:", e.Text)
	}
	if e.Hint != "" {
		fmt.Fprintln(os.Stderr, e.Hint)
	}
	if e.Type == contract.ErrBadInput {
		return 2
	}
	return 1
}
