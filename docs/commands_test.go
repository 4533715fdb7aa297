package docs_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command is a call of habeas: one or two words, and what follows them.
var command = regexp.MustCompile(`(?:^|[|;(]\s*|&&\s*)habeas ([a-z]+)(?: ([a-z]+))?([^|;)]*)`)

var longFlag = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]*)`)

// Every command line that a page shows is one that the program knows, with its flags.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "habeas")
	build := exec.Command("go", "build", "-o", program, "./starter")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building habeas: %v\n%s", err, out)
	}
	known := map[string]string{}
	help := func(words ...string) string {
		key := strings.Join(words, " ")
		if _, ok := known[key]; !ok {
			out, err := exec.Command(program, append(words, "--help")...).CombinedOutput()
			if err != nil {
				t.Errorf("habeas %s --help: %v", key, err)
			}
			known[key] = string(out)
		}
		return known[key]
	}
	usage := func(text string, words ...string) bool {
		return regexp.MustCompile(`(?m)^Usage:\n  habeas ` + strings.Join(words, " ") + `\b`).MatchString(text)
	}
	found := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for _, m := range command.FindAllStringSubmatch(code, -1) {
				if strings.HasPrefix(m[3], "/") { // the name of a session, not a command
					continue
				}
				found++
				words, text := []string{m[1]}, help(m[1])
				if strings.Contains(text, "Available Commands:") && m[2] != "" {
					words = append(words, m[2])
					text = help(words...)
				}
				if !usage(text, words...) {
					t.Errorf("%s shows %q, but there is no such command", p.name, code)
				}
				for _, flag := range longFlag.FindAllStringSubmatch(m[3], -1) {
					if !strings.Contains(text, flag[1]) {
						t.Errorf("%s shows %q, but habeas %s has no %s", p.name, code, strings.Join(words, " "), flag[1])
					}
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d commands were looked at", found)
	}
}
