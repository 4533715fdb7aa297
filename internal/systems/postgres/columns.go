package postgres

import (
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// bare are the types whose text stands in CSV without quotes: it holds no comma, quote or line
// break, and a leading minus is a number's own.
var bare = []string{
	"smallint", "integer", "bigint", "numeric", "real", "double precision", "oid",
	"date", "timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone",
	"uuid", "macaddr", "macaddr8",
}

// cell is one exported column: an expression over t for each format.
type cell struct {
	name string
	json string
	csv  string // text
	// plain is csv without the cast to text, where concat_ws writes the same by itself, in less time.
	plain string
	form  form
	// nullable is false only where the table says NOT NULL.
	nullable bool
}

// form is how a cell stands in CSV.
type form int

const (
	guardedForm form = iota // quoted, and guarded against being a formula
	quotedForm              // quoted: nested JSON and words of ours never begin like a formula
	bareForm                // as it is
)

// cells are the exported columns of the shape, in the order of the map.
func (sh *shape) cells() ([]cell, error) {
	var out []cell
	for _, mapped := range sh.c.Columns {
		if mapped.Ignore != "" {
			continue
		}
		x, err := export(sh.c, mapped, sh.columns[mapped.Name])
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	if len(out) == 0 {
		return nil, fault.Newf(contract.ErrMapMismatch, "%s: every column is ignored", sh.c.ID())
	}
	return out, nil
}

func export(c *datamap.Collection, mapped *datamap.Column, live column) (cell, error) {
	x := "t." + pq.QuoteIdentifier(live.Name)
	treatment := mapped.Export
	if treatment == "" || (treatment == datamap.ExportShow && mapped.Mask != "") {
		treatment = datamap.ExportShow
		if mapped.Mask != "" {
			treatment = datamap.ExportMask
		}
	}
	switch treatment {
	case datamap.ExportHeld:
		held := "CASE WHEN " + x + " IS NOT NULL THEN 'held'::text END"
		return cell{name: live.Name, json: held, csv: held, form: quotedForm, nullable: true}, nil
	case datamap.ExportMask:
		masked := maskSQL(mapped.Mask, x+"::text")
		if masked == "" {
			return cell{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown mask %q", c.ID(), mapped.Name, mapped.Mask)
		}
		return cell{name: live.Name, json: masked, csv: masked, nullable: !live.Filled}, nil
	case datamap.ExportShow:
		inside, err := hideInside(c, mapped, live, x)
		if err != nil {
			return cell{}, err
		}
		if inside != x {
			live.Type = "jsonb"
		}
		return show(live, inside), nil
	}
	return cell{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown export %q", c.ID(), mapped.Name, mapped.Export)
}

// show is a column in full. Nothing is lost on the way: numbers and times are the database's own
// text, binary is base64, and what is nested is JSON in both formats.
func show(live column, x string) cell {
	out := cell{name: live.Name, json: x, csv: x + "::text", form: guardedForm, nullable: !live.Filled}
	switch {
	case live.Type == "inet": // a cast adds a length that the type's own text leaves out
		out.csv, out.plain, out.form = "concat("+x+")", x, bareForm
	case live.Type == "boolean" || live.Type == "cidr": // whose casts write more than the types do
		out.form = bareForm
	case slices.Contains(bare, live.Type):
		out.plain, out.form = x, bareForm
	case live.Type == "bytea":
		out.json = "translate(encode(" + x + `, 'base64'), E'\n', '')`
		out.csv = out.json // base64 may begin with a plus, so it stays guarded
	case live.Type == "json":
		// Such a value keeps its line breaks, and a row must be one line.
		out.json = "translate(" + x + `::text, E'\n\r', '  ')::json`
	case live.Type == "jsonb":
		out.form = quotedForm
	case live.Composed || (live.Category == "A" && strings.HasPrefix(live.Type, "json")):
		out.json = "to_jsonb(" + x + ")"
		out.csv, out.form = out.json+"::text", quotedForm
	case live.Category == "A":
		out.csv, out.form = "array_to_json("+x+")::text", quotedForm
	}
	return out
}

// maskSQL hides most of the text x; "" when there is no such mask. A value too short to hide
// enough of is hidden whole.
func maskSQL(mask, x string) string {
	stars := func(keep string) string { return "repeat('*', length(" + x + ") - " + keep + ")" }
	switch mask {
	case "id_number", "mobile":
		return "CASE WHEN length(" + x + ") > 9 THEN left(" + x + ", 3) || " + stars("7") + " || right(" + x + ", 4) ELSE " + stars("0") + " END"
	case "bank_account":
		return "CASE WHEN length(" + x + ") > 7 THEN " + stars("4") + " || right(" + x + ", 4) ELSE " + stars("0") + " END"
	case "email":
		return "CASE WHEN strpos(" + x + ", '@') > 1 THEN left(" + x + ", 1) || '***' || substr(" + x + ", strpos(" + x + ", '@')) ELSE regexp_replace(" + x + ", '^.*$', '***') END"
	case "name":
		return "CASE WHEN length(" + x + ") > 1 THEN left(" + x + ", 1) || " + stars("1") + " ELSE " + stars("0") + " END"
	case "all":
		return "CASE WHEN " + x + " IS NOT NULL THEN '***' END"
	}
	return ""
}

// jsonList is the select list of the JSON pass.
func jsonList(cells []cell) string {
	list := make([]string, len(cells))
	for i, x := range cells {
		list[i] = x.json + " AS " + pq.QuoteIdentifier(x.name)
	}
	return strings.Join(list, ", ")
}

// listMax is how many arguments a function takes in PostgreSQL, less the separator.
const listMax = 99

// csvLine is the expression of one line of CSV. NULL is nothing between the commas; an empty
// text is a pair of quotes. One call joins the cells: a chain of || would copy the line again for
// every cell, which made this pass as dear as the JSON one.
func (s *session) csvLine(cells []cell) string {
	parts := make([]string, len(cells))
	for i, x := range cells {
		part := x.csv
		switch x.form {
		case quotedForm:
			part = `'"' || replace(` + x.csv + `, '"', '""') || '"'`
		case guardedForm:
			part = s.opening(x.csv) + ` || replace(` + x.csv + `, '"', '""') || '"'`
		}
		switch {
		case x.nullable: // concat_ws would leave it out, comma and all
			part = "coalesce(" + part + ", '')"
		case x.plain != "":
			part = x.plain
		}
		parts[i] = part
	}
	for len(parts) > listMax {
		var joined []string
		for some := range slices.Chunk(parts, listMax) {
			joined = append(joined, commas(some))
		}
		parts = joined
	}
	return commas(parts)
}

func commas(parts []string) string { return "concat_ws(',', " + strings.Join(parts, ", ") + ")" }

// opening is the quote before the text x, and an apostrophe where a spreadsheet would take it for
// a formula: = + - @, their full-width forms (East Asian spreadsheets take those too), tab, line
// feed and carriage return.
func (s *session) opening(x string) string {
	test := "ascii(" + x + ") IN (61, 43, 45, 64, 9, 10, 13, 65309, 65291, 65293, 65312)"
	if !s.utf8 { // ascii() fails on the letters of other encodings
		test = "left(" + x + `, 1) IN ('=', '+', '-', '@', E'\t', E'\n', E'\r')`
	}
	return "CASE WHEN " + test + ` THEN '"''' ELSE '"' END`
}

// csvHeader is the first line, without its end.
func csvHeader(cells []cell) string {
	names := make([]string, len(cells))
	for i, x := range cells {
		names[i] = x.name
		if strings.ContainsAny(x.name, "\",\r\n") {
			names[i] = `"` + strings.ReplaceAll(x.name, `"`, `""`) + `"`
		}
	}
	return strings.Join(names, ",")
}
