package systems

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Corrector is a System in which single values can be corrected: a driver's System fulfils it where the
// engine can. Errors are classified as those of a System; contract.ErrBusy passes, and nothing of the
// batch has happened then. A refusal by the database is a contract.ErrRefused.
type Corrector interface {
	System

	// Values yields the distinct texts that stand in the place over the selected rows, in a fixed order,
	// with the number of rows; nil is NULL, and a document without the path.
	Values(ctx context.Context, sel Selection, place Place, yield func(value *string, rows int64) error) error

	// Correct makes all fixes in one transaction, each row by compare and set: a row whose place does
	// not hold what it should stays as it is and is counted.
	Correct(ctx context.Context, fixes []Fix) ([]Fixed, error)

	// TryCorrect makes the fixes one after the other and takes them back: what the catalog and a trial
	// have against each of them. The error is for a system that did not answer.
	TryCorrect(ctx context.Context, fixes []Fix) ([][]Finding, error)
}

// Place is where in a row a value stands.
type Place struct {
	Column string   `json:"column"`
	Path   []string `json:"path,omitempty"` // inside a JSON column: the keys from the outside in
}

// Fix is a new value in a place of some rows, or a mark that it is disputed.
type Fix struct {
	Collection *datamap.Collection
	Keys       [][]string // of the rows
	Place      Place
	Old        *string // what the place must hold, to the letter; nil: NULL
	New        string
	// Derived are made anew from New in the same statement, where they hold anything.
	Derived []datamap.Derived
	// Flag, where it is not nil, is set in place of New.
	Flag *datamap.Flag
}

// Fixed is what became of the rows of a fix.
type Fixed struct {
	Changed int64
	Already int64 // the place held the new value before
	Differs int64 // it held a third one, and still does
	Gone    int64
}

// Correctable gives the correcting view of a system. Error: contract.ErrMapMismatch when its driver has
// none.
func Correctable(sys *datamap.System, opened System) (Corrector, error) {
	if c, ok := opened.(Corrector); ok {
		return c, nil
	}
	return nil, fault.Newf(contract.ErrMapMismatch, "system %s: the driver %q cannot correct values", sys.Name, sys.Driver)
}

// Columns are the columns that a fix reads and writes, the place's first, each once.
func (f Fix) Columns() []string {
	names := []string{f.Place.Column}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if f.Flag != nil {
		add(f.Flag.Column)
		return names
	}
	for _, d := range f.Derived {
		add(d.Column)
	}
	return names
}

// Rows of the fix's keys, first as Keys has them.
func (f Fix) Rows() Selection {
	keys := f.Keys
	return Selection{Collection: f.Collection, Any: []Clause{{Columns: f.Collection.Key, Keys: func(_ context.Context, yield func([][]string) error) error {
		return yield(keys)
	}}}}
}

// Apply gives the rows that change, as they are to be, and counts. Rows are the columns of the key and
// then Columns, as text. same says whether a column holds the flag's value already.
func (f Fix) Apply(rows [][]*string, same func(column string, has *string, value string) bool) (changed [][]*string, out Fixed, err error) {
	names, width := f.Columns(), len(f.Collection.Key)
	out.Gone = int64(len(f.Keys) - len(rows))
	for _, row := range rows {
		has, err := f.Place.In(row[width])
		if err != nil {
			return nil, out, err
		}
		next := slices.Clone(row)
		switch {
		case !equalText(has, f.Old) && f.Flag == nil && has != nil && *has == f.New:
			out.Already++
			continue
		case !equalText(has, f.Old):
			out.Differs++
			continue
		case f.Flag != nil:
			at := width + slices.Index(names, f.Flag.Column)
			if same(f.Flag.Column, row[at], f.Flag.Value) {
				out.Already++
				continue
			}
			next[at] = &f.Flag.Value
		case f.New == deref(f.Old) && f.Old != nil:
			out.Already++
			continue
		default:
			if err := f.write(next, names, width); err != nil {
				return nil, out, err
			}
		}
		out.Changed++
		changed = append(changed, next)
	}
	return changed, out, nil
}

// write puts the new value and its copies into one row.
func (f Fix) write(row []*string, names []string, width int) error {
	set := func(column string, path []string, value string) error {
		at := width + slices.Index(names, column)
		if len(path) == 0 {
			row[at] = &value
			return nil
		}
		if row[at] == nil {
			return nil
		}
		document, err := setPath(*row[at], path, value)
		if err != nil {
			return fault.New(contract.ErrRefused, f.Collection.ID()+": a document in column "+column+" cannot be read", err)
		}
		row[at] = &document
		return nil
	}
	if err := set(f.Place.Column, f.Place.Path, f.New); err != nil {
		return err
	}
	for _, d := range f.Derived {
		if row[width+slices.Index(names, d.Column)] == nil && f.Old != nil {
			continue // there is no copy in this row
		}
		if err := set(d.Column, d.Keys, d.Make(f.New)); err != nil {
			return err
		}
	}
	return nil
}

// In is the text in the place, given that of its column.
func (p Place) In(column *string) (*string, error) {
	if column == nil || len(p.Path) == 0 {
		return column, nil
	}
	found, err := atPath(*column, p.Path)
	if err != nil {
		return nil, fault.New(contract.ErrRefused, "a document in column "+p.Column+" cannot be read", err)
	}
	return found, nil
}

func equalText(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
