package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

// print writes v as JSON, or text when people read it.
func (a *app) print(v any, text func()) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	text()
	return nil
}

func (a *app) say(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format+"\n", args...) }

// table writes aligned columns.
func (a *app) table(head []string, rows [][]string) {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// due is the last moment to answer, with its zone: a deadline is a day of the law's own calendar.
func due(c casefile.Case) string { return c.LastMoment().Local().Format("2006-01-02 15:04 MST") }

func whenever(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
