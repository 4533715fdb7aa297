package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/habeas-dsr/habeas/internal/survey"
)

const (
	barWidth = 30
	barPause = 100 * time.Millisecond // between two drawings
)

// progress draws a bar on the terminal that people watch; elsewhere nothing, as it would fill
// logs. end takes it away again, before anything else is printed.
func (a *app) progress() (survey.Progress, func()) {
	file, ok := a.errOut.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func(int64, int64, string) {}, func() {}
	}
	var drawn time.Time
	draw := func(done, total int64, what string) {
		if now := time.Now(); now.Sub(drawn) >= barPause {
			drawn = now
			_, _ = fmt.Fprint(file, "\r"+bar(done, total, what, terminalWidth(file))+"\x1b[K")
		}
	}
	return draw, func() { _, _ = fmt.Fprint(file, "\r\x1b[K") }
}

func terminalWidth(file *os.File) int {
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		return width
	}
	return 80
}

// bar is one line, no wider than the terminal: "[=====>    ]  50% shop public.orders".
func bar(done, total int64, what string, width int) string {
	share := 0.0
	if total > 0 {
		share = min(max(float64(done)/float64(total), 0), 1)
	}
	full := int(share * barWidth)
	head := ""
	if full < barWidth {
		head = ">"
	}
	line := []rune(fmt.Sprintf("[%-*s] %3.0f%% %s", barWidth, strings.Repeat("=", full)+head, share*100, what))
	return string(line[:min(len(line), max(width-1, 0))])
}
