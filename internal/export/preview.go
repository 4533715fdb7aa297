package export

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// collectionView is one collection on the index.
type collectionView struct {
	factsView
	Note    string   // which columns are not as they stand, and why
	Columns []column // of the table
	Cells   [][]cell
	Single  bool   // one row: shown as a list of fields
	More    string // "the first 200 of …"
	Empty   bool
}

type column struct {
	Title, Name, Mark string // Mark: "partly hidden" and the like; may be empty
}

// cell is one value. Kind is a class of the style sheet.
type cell struct{ Text, Kind, Cut string }

// cellMost is how many characters of a value the index shows.
const cellMost = 400

// collectionView reads the first rows of the entry, with the reviewer's choices applied.
func (a *assembly) collectionView(e *Entry, toc tocCollection) (*collectionView, error) {
	v := &collectionView{factsView: a.facts(e, toc), Note: a.note(e), Empty: e.JSON.Info.Rows == 0}
	if v.Empty {
		return v, nil
	}
	edits := e.edits()
	held := map[string]bool{}
	for _, col := range e.Collection.Columns {
		t := e.treatment(col)
		if t == notListed || edits[col.Name].drop {
			continue
		}
		c := column{Title: title(col.Title, a.p.Lang, col.Name), Name: col.Name}
		if t == Masked || t == Redacted {
			c.Mark = v.W.PartlyHidden
		}
		held[col.Name] = t == Held
		v.Columns = append(v.Columns, c)
	}
	blob, err := a.open(e.JSON.Name)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	plain, err := ReadPart(blob, a.id)
	if err != nil {
		return nil, err
	}
	_, err = eachRow(plain, func(row []member) (bool, error) {
		values := map[string]json.RawMessage{}
		for _, m := range row {
			if mask := edits[m.Key].mask; mask != nil {
				if m.Value, err = maskValue(m.Value, mask); err != nil {
					return false, err
				}
			}
			values[m.Key] = m.Value
		}
		cells := make([]cell, len(v.Columns))
		for i, c := range v.Columns {
			cells[i] = v.W.cell(values[c.Name], held[c.Name])
		}
		v.Cells = append(v.Cells, cells)
		return len(v.Cells) < shown, nil
	})
	if err != nil {
		return nil, err
	}
	v.Single = e.JSON.Info.Rows == 1
	if e.JSON.Info.Rows > shown {
		v.More = fmt.Sprintf(v.W.FirstRows, thousands(shown), v.Rows)
	}
	return v, nil
}

// note says in a sentence or two which columns are not as they stand.
func (a *assembly) note(e *Entry) string {
	w := languages[a.p.Lang]
	var parts []string
	for _, treatment := range []string{Masked, Held, Redacted, Dropped, Withheld} {
		var titles []string
		for _, name := range e.columns(treatment) {
			titles = append(titles, title(e.Collection.Column(name).Title, a.p.Lang, name))
		}
		if len(titles) > 0 {
			sep := w.Separator
			parts = append(parts, strings.Join(titles, sep)+w.Colon()+w.Treatment[treatment]+w.End)
		}
	}
	if a.p.Lang == "en" {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, "")
}

// Colon is the colon of the language.
func (w *words) Colon() string {
	if w == &chinese {
		return "："
	}
	return ": "
}

// instant is how databases write a time in JSON.
var instant = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?$`)

// cell shows one JSON value.
func (w *words) cell(raw json.RawMessage, held bool) cell {
	text, kind := string(raw), "text"
	switch {
	case held && (text == "" || text == "null" || text == "false"):
		return cell{Text: w.NotHeld, Kind: "mark"}
	case held:
		return cell{Text: w.IsHeld, Kind: "mark"}
	case text == "" || text == "null":
		return cell{Text: w.Nothing, Kind: "none"}
	case text == "true":
		return cell{Text: w.Yes, Kind: "word"}
	case text == "false":
		return cell{Text: w.No, Kind: "word"}
	case text[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			text = s
		}
		if m := instant.FindStringSubmatch(text); m != nil {
			text, kind = strings.TrimSpace(m[1]+" "+m[2]+" "+zone(m[3])), "time"
		} else if len(text) <= 24 && !strings.ContainsAny(text, " \n") {
			kind = "word"
		}
	case text[0] != '{' && text[0] != '[':
		kind = "num"
	}
	out := cell{Text: text, Kind: kind}
	if runes := []rune(text); len(runes) > cellMost {
		out.Text, out.Cut = string(runes[:cellMost]), w.Cut
	}
	return out
}

// zone leaves out what says nothing.
func zone(z string) string {
	switch z {
	case "", "Z", "+00:00", "+0000":
		return strings.Repeat("UTC", min(1, len(z)))
	}
	return "UTC" + z
}
