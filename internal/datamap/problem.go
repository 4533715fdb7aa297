package datamap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Problem is one thing wrong with a data map, and where.
type Problem struct {
	File   string // the folder's name and the file's, as a reader would type it
	Line   int    // from 1; 0 where the whole file is meant
	Column int    // from 1, in characters; 0 where the whole line or file is meant
	Text   string // what is wrong
	Hint   string // the nearest right name; may be empty
}

// String is "file:line:column: text (did you mean …?)".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	b.WriteString(p.Text)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (did you mean %s?)", p.Hint)
	}
	return b.String()
}

// Problems are all the things wrong with a data map, in the order of its files and lines. Load
// gives them wrapped in a contract.ErrBadInput; errors.As finds them there.
type Problems []Problem

// Error prints one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// err gives the problems as an error that knows it is the caller's to mend; nil when there are none.
func (p Problems) err() error { return p.errWith("every key is explained in docs/data-map.md") }

func (p Problems) errWith(hint string) error {
	if len(p) == 0 {
		return nil
	}
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	sorted = slices.Compact(sorted)
	return fault.New(contract.ErrBadInput, sorted.Error(), sorted).WithHint(hint)
}
