package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/survey"
)

// counted is "1 row" or "3 rows"; the plural may be given.
func counted[N int | int64](n N, one string, many ...string) string {
	switch {
	case n == 1:
	case len(many) > 0:
		one = many[0]
	default:
		one += "s"
	}
	return fmt.Sprintf("%d %s", n, one)
}

func (a *app) walks(walks []survey.Walk) error {
	var open []string // what could not be planned, and why
	for _, w := range walks {
		for _, u := range w.Unknown {
			open = append(open, u.Text)
		}
		for _, v := range w.Visits {
			if v.Not != "" {
				open = append(open, v.Not)
			}
		}
	}
	err := a.print(walks, func() {
		for _, w := range walks {
			a.say("Somebody found in %s:", w.Directory)
			for _, v := range w.Visits {
				rows := "rows unknown"
				if v.Rows >= 0 {
					rows = "about " + counted(v.Rows, "row") + " in the table"
				}
				a.say("\n  %d  %s, %s", v.Level, v.Collection, rows)
				a.say("     by %s", strings.Join(v.By, "\n     or "))
				if v.Not != "" {
					a.say("     not planned: %s", v.Not)
				}
				a.indented(v.SQL)
				for i, value := range v.Values {
					a.say("       $%d  %s", i+1, value)
				}
				a.indented(v.Plan)
			}
			for _, id := range w.Missed {
				a.say("\n  never visited: %s", id)
			}
			a.say("")
		}
	})
	if err != nil || len(open) == 0 {
		return err
	}
	slices.Sort(open)
	return fault.Newf(contract.ErrUnavailable, "the plan is not whole: %s", strings.Join(slices.Compact(open), "; "))
}

func (a *app) indented(text string) {
	if text == "" {
		return
	}
	a.say("       %s", strings.ReplaceAll(text, "\n", "\n       "))
}

func (a *app) trail(t survey.Trail) error {
	missed := 0
	err := a.print(t, func() {
		rows := make([][]string, len(t.Found))
		for i, f := range t.Found {
			rows[i] = []string{f.System, f.Table, f.Column, strconv.FormatInt(f.Rows, 10), f.Map}
			if f.Missed() {
				missed++
			}
		}
		if len(rows) > 0 {
			a.table([]string{"SYSTEM", "TABLE", "COLUMN", "ROWS", "MAP"}, rows)
		}
		for _, u := range t.Unsearched {
			a.say("not searched: %s %s: %s", u.System, u.Table, u.Why)
		}
		a.say("%s searched: the value stands in %s, of which the map misses %d", counted(t.Tables, "table"), counted(len(t.Found), "column"), missed)
	})
	if err != nil || len(t.Unsearched) == 0 {
		return err
	}
	return fault.Newf(contract.ErrUnavailable, "%s could not be searched whole", counted(len(t.Unsearched), "table")).
		WithHint("the value may stand there; allow more time (--timeout) or grant the account SELECT")
}

func (a *app) audited(all []survey.Audited) error {
	odd := 0
	for _, one := range all {
		if !one.Clean() {
			odd++
		}
	}
	err := a.print(all, func() {
		for _, one := range all {
			a.say("%s: %s sampled", one.Collection, counted(one.Sampled, "row"))
			a.some("reached by nobody: a link or a match is missing", one.Unreached)
			a.some("reached by several people, which the map does not say (relation: refers)", one.Shared)
			for _, s := range one.Shapes {
				category := s.Category
				if category == "" {
					category = "ignored"
				}
				a.say("  column %s (%s): %s shaped like %s", s.Column, category, counted(s.Rows, "value"), s.Identity)
			}
			if one.Doubtful > 0 {
				a.say("  %s may be reached by a rule that an audit does not follow", counted(one.Doubtful, "row"))
			}
			if one.Not != "" {
				a.say("  not audited: %s", one.Not)
			}
		}
	})
	if err != nil || odd == 0 {
		return err
	}
	return fault.Newf(contract.ErrMapMismatch, "map and data differ in %s", counted(odd, "collection")).
		WithHint("look at the keys above; what a sample does not show may be there all the same")
}

func (a *app) some(what string, s survey.Some) {
	if s.Rows == 0 {
		return
	}
	keys := ""
	if len(s.Keys) > 0 {
		keys = "; such as " + strings.Join(s.Keys, " | ")
	}
	a.say("  %s %s%s", counted(s.Rows, "row"), what, keys)
}
