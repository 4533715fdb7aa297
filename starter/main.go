// Habeas is the staff's command line, the portal server and the local stack of Habeas.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Exit statuses, documented in `habeas --help`.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, getenv: os.Getenv}
	os.Exit(a.run(ctx, os.Args[1:]))
}

// run executes one command. Everything for people goes to errOut but what they asked for: error
// first, then what to do about it.
func (a *app) run(ctx context.Context, args []string) int {
	defer a.close()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	report(a.errOut, err)
	var misuse misuseError
	if errors.As(err, &misuse) || fault.Is(err, contract.ErrBadInput) {
		return exitMisuse
	}
	return exitFailed
}

func report(w io.Writer, err error) {
	var e *fault.Error
	if !errors.As(err, &e) {
		_, _ = fmt.Fprintln(w, "habeas:", err)
		return
	}
	_, _ = fmt.Fprintln(w, "habeas:", e.Text)
	if e.Hint != "" {
		_, _ = fmt.Fprintln(w, "  "+e.Hint)
	}
}

// misuseError is a wrong flag, argument or command: exit status 2.
type misuseError struct{ error }

func (e misuseError) Unwrap() error { return e.error }

// notThere makes misuse of a server that does not answer at all: nothing was begun, and the error
// says which address and what to start.
func notThere(err error) error {
	if fault.Is(err, contract.ErrUnavailable) {
		return misuseError{err}
	}
	return err
}

func misuse(format string, args ...any) error { return misuseError{fmt.Errorf(format, args...)} }
