package endtoend

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// row is one row of a JSON file, numbers as they are written.
type row map[string]any

// collection holds both files of one collection against the rows that the oracle gives: the same
// keys, each column treated as the map and the reviewer say, and the CSV like the JSON.
func (p *parcel) collection(c *datamap.Collection, want []example.Row) {
	p.t.Helper()
	name := "data/" + c.System.Name + "/" + c.Name
	raw, ok := p.files[name+".json"]
	if !ok {
		if len(want) > 0 || reaches(p.who, c) {
			p.t.Errorf("%s.json is not in the package", name)
		}
		return
	}
	var rows []row
	p.must(decode(raw, &rows))
	got := map[string]row{}
	for _, r := range rows {
		key := make([]string, len(c.Key))
		for i, column := range c.Key {
			key[i] = fmt.Sprint(r[column])
		}
		if _, twice := got[strings.Join(key, "/")]; twice {
			p.t.Errorf("%s: row %v is there twice", c.ID(), key)
		}
		got[strings.Join(key, "/")] = r
	}
	for _, w := range want {
		key := strings.Join(w.Key, "/")
		r, ok := got[key]
		if !ok {
			p.t.Errorf("%s: row %s is missing", c.ID(), key)
			continue
		}
		delete(got, key)
		var full row
		p.must(decode(w.JSON, &full))
		if diff := cmp.Diff(p.treated(c, full, r), r); diff != "" {
			p.t.Errorf("%s: row %s is not what map and reviewer say (-want +got):\n%s", c.ID(), key, diff)
		}
	}
	if len(got) > 0 {
		p.t.Errorf("%s: rows of somebody else: %v", c.ID(), slices.Sorted(maps.Keys(got)))
	}
	p.table(c, rows)
}

// reaches says whether rows of the collection can be the person's at all: a designated contact has
// their own record and nothing more.
func reaches(who example.Person, c *datamap.Collection) bool {
	return who.Login != "" || c.ID() == who.Collection
}

// treated is the full row as the person is to see it. Where a mask's result has no plain rule, what
// they got is taken, once it shows no number or address.
func (p *parcel) treated(c *datamap.Collection, full, got row) row {
	p.t.Helper()
	out := row{}
	for _, column := range c.Columns {
		value, ok := full[column.Name]
		if !ok {
			p.t.Errorf("%s has no column %s", c.ID(), column.Name)
		}
		switch {
		case column.ThirdParty && p.columns == dsr.ChoiceDrop:
			continue
		case value == nil:
		case column.ThirdParty && p.columns == dsr.ChoiceMask:
			value = reviewed(column, value, got[column.Name])
		case column.Export == datamap.ExportHeld:
			value = "held"
		case column.Export == datamap.ExportMask:
			value = masked(column.Mask, value.(string))
		}
		out[column.Name] = value
	}
	return out
}

// masked writes out by hand what the map's masks leave.
func masked(mask, s string) string {
	switch mask {
	case "id_number":
		return s[:3] + strings.Repeat("*", len(s)-7) + s[len(s)-4:]
	case "bank_account":
		return strings.Repeat("*", len(s)-4) + s[len(s)-4:]
	}
	return "no test knows the mask " + mask
}

// numbers are those that the example's free texts have.
var numbers = regexp.MustCompile(`1[0-9]{10}`)

// reviewed is what the reviewer's "mask" leaves of a column: free text keeps its words, a name its
// first character.
func reviewed(column *datamap.Column, value, got any) any {
	s, isText := value.(string)
	switch {
	case column.Category == "user.name":
		_, n := utf8.DecodeRuneInString(s)
		return s[:n] + "**"
	case column.Category == "user.content.private" && isText:
		return numbers.ReplaceAllString(s, "***")
	case column.Category == "user.content.private": // nested: it becomes text, with hashes in it hidden too
		if text, ok := got.(string); ok && !numbers.MatchString(text) && !strings.Contains(text, "@") {
			return got
		}
		return "text without numbers"
	}
	return "***"
}

// table holds the CSV against the JSON: the same rows in the same order, safe to open in a
// spreadsheet.
func (p *parcel) table(c *datamap.Collection, rows []row) {
	p.t.Helper()
	raw := p.files["data/"+c.System.Name+"/"+c.Name+".csv"]
	text, marked := bytes.CutPrefix(raw, []byte("\xef\xbb\xbf"))
	if !marked || !bytes.HasSuffix(text, []byte("\r\n")) {
		p.t.Errorf("%s.csv does not begin with a byte order mark and end with CRLF", c.ID())
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	p.must(err)
	if len(records) != len(rows)+1 {
		p.t.Fatalf("%s.csv has %d records for %d rows", c.ID(), len(records), len(rows))
	}
	for i, r := range rows {
		if len(r) != len(records[0]) {
			p.t.Errorf("%s.csv has %d columns, the JSON %d", c.ID(), len(records[0]), len(r))
		}
		for j, column := range records[0] {
			cell := records[i+1][j]
			value, ok := r[column]
			if !ok || !sameCell(cell, value) {
				p.t.Errorf("%s.csv row %d: %s is %q, the JSON has %#v", c.ID(), i, column, cell, value)
			}
			if _, isText := value.(string); isText && cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
				p.t.Errorf("%s.csv row %d: %s would be a formula: %q", c.ID(), i, column, cell)
			}
		}
	}
}

// sameCell says whether a cell of CSV and a value of JSON are the same. A text that a spreadsheet
// would run has an apostrophe before it, and a time is written as the database writes it.
func sameCell(cell string, value any) bool {
	switch v := value.(type) {
	case nil:
		return cell == ""
	case bool:
		return cell == fmt.Sprint(v) || cell == fmt.Sprint(v)[:1]
	case json.Number:
		return cell == v.String()
	case string:
		if cell == v || cell == "'"+v {
			return true
		}
		for inJSON, inCSV := range map[string]string{ // with a zone and without
			time.RFC3339Nano: "2006-01-02 15:04:05.999999999Z07", "2006-01-02T15:04:05": time.DateTime,
		} {
			at, err := time.Parse(inJSON, v)
			if err != nil {
				continue
			}
			other, err := time.Parse(inCSV, cell)
			return err == nil && at.Equal(other)
		}
		return false
	}
	var nested any
	return decode([]byte(cell), &nested) == nil && cmp.Equal(nested, value)
}

func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// nobodyElse looks for everybody else of the cast in every file. What stands in a column that the
// reviewer kept may be there, and only there.
func (p *parcel) nobodyElse(want example.Rows) {
	p.t.Helper()
	kept := ""
	if p.columns == dsr.ChoiceKeep {
		for id, rows := range want {
			c := p.d.Map.System(strings.Split(id, ".")[0]).Collection(strings.Split(id, ".")[1])
			for _, r := range rows {
				var full row
				p.must(decode(r.JSON, &full))
				for _, column := range c.ThirdParty() {
					kept += fmt.Sprintln(full[column.Name])
				}
			}
			p.onlyWhereKept(c)
		}
	}
	mine := []string{p.who.Name, p.who.Email, p.who.E164(), p.who.Mobile}
	for name, raw := range p.files {
		text := string(raw)
		for _, value := range mine {
			text = cut(text, value)
		}
		for _, other := range everybody() {
			for _, value := range secrets(other) {
				if !slices.Contains(mine, value) && value != p.who.IDNumber && !strings.Contains(kept, value) && strings.Contains(text, value) {
					p.t.Errorf("%s: %q of somebody else stands in %s", p.name, value, name)
				}
			}
		}
		if p.who.IDNumber != "" && strings.Contains(text, p.who.IDNumber) {
			p.t.Errorf("%s: the ID number stands unmasked in %s", p.name, name)
		}
		for _, r := range want["accounts.users"] {
			var full row
			p.must(decode(r.JSON, &full))
			if hash, _ := full["password_hash"].(string); hash == "" || strings.Contains(text, hash) {
				p.t.Errorf("%s: the password's hash stands in %s, or was never there", p.name, name)
			}
		}
	}
}

// onlyWhereKept looks at the columns that are not the reviewer's to keep.
func (p *parcel) onlyWhereKept(c *datamap.Collection) {
	p.t.Helper()
	var rows []row
	if raw, ok := p.files["data/"+c.System.Name+"/"+c.Name+".json"]; ok {
		p.must(decode(raw, &rows))
	}
	for _, r := range rows {
		for _, column := range c.Columns {
			text := fmt.Sprint(r[column.Name])
			for _, other := range everybody() {
				for _, value := range secrets(other) {
					if !column.ThirdParty && !slices.Contains(secrets(p.who), value) && strings.Contains(text, value) {
						p.t.Errorf("%s.%s names somebody else and is not marked", c.ID(), column.Name)
					}
				}
			}
		}
	}
}

// everybody is the whole cast.
func everybody() []example.Person {
	c := example.Cast()
	return []example.Person{c.Plain, c.English, c.SharedMobileA, c.SharedMobileB, c.CaseTwinA, c.CaseTwinB,
		c.NoEmail, c.NoData, c.AlsoContact, c.AlsoUser, c.Contact, c.Heavy}
}

// secrets are the values by which a person is known.
func secrets(p example.Person) []string {
	return slices.DeleteFunc([]string{p.Name, p.Email, p.Mobile, p.IDNumber}, func(s string) bool { return s == "" })
}

func cut(text, value string) string {
	if value == "" {
		return text
	}
	return strings.ReplaceAll(text, value, "")
}
