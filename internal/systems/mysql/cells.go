package mysql

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// cell is one exported column: an expression over t, and the form in which its value is written.
type cell struct {
	name string
	sql  string
	form form
}

// form is how the text that the server sends becomes JSON and CSV.
type form int

const (
	textForm   form = iota // text; guarded against being a formula in CSV
	wordForm               // text that needs no guard: words of ours
	plainForm              // text that needs neither guard nor quotes in CSV
	numberForm             // a number
	paddedForm             // a number that may begin with zeros
	singleForm             // a number of single precision, sent as a double
	momentForm             // a moment without a zone
	stampForm              // a moment in UTC
	binaryForm             // bytes
	jsonForm               // a JSON document
)

var forms = map[class]form{
	numberClass: numberForm, bitClass: numberForm, floatClass: numberForm, dateClass: plainForm, momentClass: momentForm,
	stampClass: stampForm, timeClass: textForm, textClass: textForm, binaryClass: binaryForm, jsonClass: jsonForm, wordClass: plainForm,
}

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
	treatment := mapped.Export
	if treatment == "" || treatment == datamap.ExportShow {
		treatment = datamap.ExportShow
		if mapped.Mask != "" {
			treatment = datamap.ExportMask
		}
	}
	switch treatment {
	case datamap.ExportHeld:
		return cell{name: live.Name, sql: "CASE WHEN " + live.of() + " IS NOT NULL THEN 'held' END", form: wordForm}, nil
	case datamap.ExportMask:
		masked := maskSQL(mapped.Mask, live.text())
		if masked == "" {
			return cell{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown mask %q", c.ID(), mapped.Name, mapped.Mask)
		}
		return cell{name: live.Name, sql: masked}, nil
	case datamap.ExportShow:
		return show(c, mapped, live)
	}
	return cell{}, fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown export %q", c.ID(), mapped.Name, mapped.Export)
}

// show is a column in full, the fields inside it aside that the map hides.
func show(c *datamap.Collection, mapped *datamap.Column, live column) (cell, error) {
	out := cell{name: live.Name, sql: live.of(), form: forms[live.class()]}
	switch {
	case live.class() == otherClass:
		out.sql = "ST_AsText(" + out.sql + ")"
	case live.class() == bitClass:
		out.sql += " + 0"
	case live.Type == "float": // the server's own text of a single has six digits
		out.sql, out.form = chars("CAST("+out.sql+" AS DOUBLE)"), singleForm
	case live.Type == "double": // which our driver would write anew
		out.sql = chars(out.sql)
	case live.class() == numberClass && live.padded():
		out.sql, out.form = chars(out.sql), paddedForm
	case live.class() == jsonClass:
		var err error
		out.sql, err = hideInside(c, mapped, live)
		return out, err
	}
	if slices.ContainsFunc(mapped.Paths, hidden) {
		return out, fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which has no paths inside", c.ID(), mapped.Name, live.Type)
	}
	return out, nil
}

func chars(x string) string { return "CAST(" + x + " AS CHAR CHARACTER SET utf8mb4)" }

func hidden(p datamap.Path) bool { return p.Export != datamap.ExportShow }

// nowhere is a path that no document has: JSON_REPLACE leaves a document as it is there.
const nowhere = `'$."habeas: no such field"."none"'`

// hideInside is the JSON column with the fields hidden that the map says; the column itself when
// there are none. Where a field, or anything on the way to it, is a list, the whole list is
// hidden: an element must not slip through because the map thought of one value. Every condition
// is on the document as it stands in the table, so no field depends on what was hidden before.
func hideInside(c *datamap.Collection, mapped *datamap.Column, live column) (string, error) {
	x := live.of()
	var pairs []string
	put := func(when, path, value string) {
		pairs = append(pairs, "IF("+when+", "+path+", "+nowhere+")", value)
	}
	for _, p := range mapped.Paths {
		if !hidden(p) {
			continue
		}
		for n := 1; n < len(p.Keys); n++ {
			put("JSON_TYPE(JSON_EXTRACT("+x+", "+jsonPath(p.Keys[:n])+")) = 'ARRAY'", jsonPath(p.Keys[:n]), "'***'")
		}
		whole := jsonPath(p.Keys)
		kind := "COALESCE(JSON_TYPE(JSON_EXTRACT(" + x + ", " + whole + ")), 'NULL')"
		value := "'held'"
		if p.Export != datamap.ExportHeld {
			if value = maskSQL(p.Mask, "JSON_UNQUOTE(JSON_EXTRACT("+x+", "+whole+"))"); value == "" {
				return "", fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown mask %q at %s", c.ID(), mapped.Name, p.Mask, p.Name)
			}
		}
		put(kind+" IN ('ARRAY', 'OBJECT')", whole, "'***'")
		put(kind+" NOT IN ('ARRAY', 'OBJECT', 'NULL')", whole, value)
	}
	if len(pairs) == 0 {
		return x, nil
	}
	// What is no document, or a list of them, is hidden whole.
	return "CASE WHEN " + x + " IS NULL THEN NULL WHEN NOT JSON_VALID(" + x + ") OR JSON_TYPE(" + x + ") = 'ARRAY' THEN '\"***\"' ELSE " +
		"JSON_REPLACE(" + x + ", " + strings.Join(pairs, ", ") + ") END", nil
}

// jsonPath is the SQL text of a path of object keys.
func jsonPath(keys []string) string {
	var b strings.Builder
	b.WriteString("$")
	for _, key := range keys {
		b.WriteString(`."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`)
	}
	return literal(b.String())
}

// maskSQL hides most of the text x; "" when there is no such mask. A value too short to hide
// enough of is hidden whole.
func maskSQL(mask, x string) string {
	n := "CHAR_LENGTH(" + x + ")"
	stars := func(keep string) string { return "REPEAT('*', " + n + " - " + keep + ")" }
	switch mask {
	case datamap.MaskIDNumber, datamap.MaskMobile:
		return "CASE WHEN " + n + " > 9 THEN CONCAT(LEFT(" + x + ", 3), " + stars("7") + ", RIGHT(" + x + ", 4)) ELSE " + stars("0") + " END"
	case datamap.MaskBankAccount:
		return "CASE WHEN " + n + " > 7 THEN CONCAT(" + stars("4") + ", RIGHT(" + x + ", 4)) ELSE " + stars("0") + " END"
	case datamap.MaskEmail:
		at := "LOCATE('@', " + x + ")"
		return "CASE WHEN " + at + " > 1 THEN CONCAT(LEFT(" + x + ", 1), '***', SUBSTRING(" + x + ", " + at + ")) WHEN " + x + " IS NOT NULL THEN '***' END"
	case datamap.MaskName:
		return "CASE WHEN " + n + " > 1 THEN CONCAT(LEFT(" + x + ", 1), " + stars("1") + ") ELSE " + stars("0") + " END"
	case datamap.MaskAll:
		return "CASE WHEN " + x + " IS NOT NULL THEN '***' END"
	}
	return ""
}
