package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command says in a line what it does and shows how it is called, and what it shows is right:
// the example calls this command, with flags and as many arguments as it takes.
func TestHelp(t *testing.T) {
	t.Parallel()
	commands := 0
	walk(shell().root(), func(cmd *cobra.Command) {
		commands++
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is no short line", path, cmd.Short)
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", path)
		}
		if !strings.Contains(cmd.Example, path) {
			t.Errorf("%s: its example does not call it:\n%s", path, cmd.Example)
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			if i := strings.LastIndex(line, "habeas "); i >= 0 {
				called(t, path, line[i:])
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: nobody knows what --%s does", path, f.Name)
			}
		})
	})
	if commands < 25 {
		t.Errorf("%d commands were looked at", commands)
	}
}

// word is one word of a shell's line, quoted or not.
var word = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)

// called parses one line of an example as the shell and cobra would.
func called(t *testing.T, path, line string) {
	t.Helper()
	for _, shellSign := range []string{" | ", " > ", " < "} {
		line, _, _ = strings.Cut(line, shellSign)
	}
	words := word.FindAllString(strings.NewReplacer(`")"`, "", ")", "").Replace(line), -1)
	if len(words) == 1 {
		return
	}
	cmd, args, err := shell().root().Find(words[1:])
	if err != nil {
		t.Errorf("%s: %q: %v", path, line, err)
		return
	}
	if err := cmd.ParseFlags(args); err != nil {
		t.Errorf("%s: %q: %v", path, line, err)
		return
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%s: %q: %v", path, line, err)
	}
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, visit)
	}
}

// shell is the command line in an empty environment.
func shell() *app {
	return &app{in: strings.NewReader(""), out: io.Discard, errOut: io.Discard, getenv: func(string) string { return "" }}
}
