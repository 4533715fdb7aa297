package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// maxValue is the most that a value from standard input or a file may have, in bytes.
const maxValue = 64 << 10

// value reads a value as people give it on the command line: itself, "-" for standard input, or
// "@FILE". Personal values belong into the last two, so that they stand in no shell's history.
func (a *app) value(s string) (string, error) {
	var from io.Reader
	switch {
	case s == "-":
		from = a.in
	case strings.HasPrefix(s, "@"):
		file, err := os.Open(s[1:])
		if err != nil {
			return "", fault.New(contract.ErrBadInput, "the file behind @ cannot be read", err)
		}
		defer func() { _ = file.Close() }()
		from = file
	default:
		return s, nil
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxValue+1))
	if err != nil {
		return "", fmt.Errorf("reading a value: %w", err)
	}
	if len(raw) > maxValue {
		return "", fault.Newf(contract.ErrBadInput, "a value has at most %d bytes", maxValue)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// ask asks on the terminal; a secret is not echoed. Without a terminal it is misuse, because a
// script would hang.
func (a *app) ask(prompt string, secret bool) (string, error) {
	file, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", fault.Newf(contract.ErrBadInput, "there is no terminal to ask on: %s", strings.TrimRight(prompt, ": ")).
			WithHint("give the value by its flag, as - or @FILE (a passphrase: HABEAS_STAFF_PASSPHRASE_FILE)")
	}
	_, _ = fmt.Fprint(a.errOut, prompt)
	if secret {
		raw, err := term.ReadPassword(int(file.Fd()))
		_, _ = fmt.Fprintln(a.errOut)
		return string(raw), err
	}
	line, err := bufio.NewReader(file).ReadString('\n')
	return strings.TrimSpace(line), err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimRight(line, "\r")
}
