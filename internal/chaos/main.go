package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, os.Args[1:]))
}

// errBroken says that a promise was not kept: what, was told already.
var errBroken = errors.New("a promise was broken")

func command(ctx context.Context, args []string) int {
	o, err := readOptions(os.Getenv)
	if err != nil || len(args) > 1 || len(args) == 1 && args[0] != "defects" {
		if err == nil {
			err = fmt.Errorf("it takes no argument but defects; it is set by CHAOS_… variables (docs/chaos.md)")
		}
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	do := func() error { return run(ctx, o, os.Stdout) }
	if len(args) == 1 {
		do = func() error { return defects(ctx, o, os.Stdout) }
	}
	if err := do(); err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintln(os.Stderr, "chaos:", err)
		}
		return 1
	}
	return 0
}

// say tells what is going on, on standard error: standard output is for the report.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
