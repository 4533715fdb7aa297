package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// hideInside is the JSON column x with the fields hidden that the map says; x itself when there
// are none. Where a field, or anything on the way to it, is a list, the whole list is hidden: an
// element must not slip through because the map thought of one value.
func hideInside(c *datamap.Collection, mapped *datamap.Column, live column, x string) (string, error) {
	paths := slices.DeleteFunc(slices.Clone(mapped.Paths), func(p datamap.Path) bool { return p.Export == datamap.ExportShow })
	if len(paths) == 0 {
		return x, nil
	}
	if !live.isJSON() {
		return "", fault.Newf(contract.ErrMapMismatch, "%s: column %s is %s, which has no paths inside", c.ID(), mapped.Name, live.Type)
	}
	var b strings.Builder
	b.WriteString("(SELECT h" + fmt.Sprint(len(paths)) + ".d FROM (SELECT " + x + "::jsonb AS d) AS h0")
	for i, p := range paths {
		masked, err := hiddenValue(c, mapped, p, fmt.Sprintf("h%d.d", i))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, " CROSS JOIN LATERAL (SELECT %s AS d) AS h%d", masked, i+1)
	}
	b.WriteString(")")
	return b.String(), nil
}

// hiddenValue is the document d with one field hidden.
func hiddenValue(c *datamap.Collection, mapped *datamap.Column, p datamap.Path, d string) (string, error) {
	path := func(n int) string {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = literal(p.Keys[i])
		}
		return "ARRAY[" + strings.Join(keys, ", ") + "]::text[]"
	}
	whole := path(len(p.Keys))
	value := "'held'::text"
	if p.Export != datamap.ExportHeld {
		if value = maskSQL(p.Mask, "("+d+" #>> "+whole+")"); value == "" {
			return "", fault.Newf(contract.ErrMapMismatch, "%s: column %s has an unknown mask %q at %s", c.ID(), mapped.Name, p.Mask, p.Name)
		}
	}
	var b strings.Builder
	b.WriteString("CASE WHEN jsonb_typeof(" + d + ") = 'array' THEN '\"***\"'::jsonb")
	for n := 1; n < len(p.Keys); n++ {
		fmt.Fprintf(&b, " WHEN jsonb_typeof(%s #> %s) = 'array' THEN jsonb_set(%s, %s, '\"***\"')", d, path(n), d, path(n))
	}
	fmt.Fprintf(&b, " WHEN coalesce(jsonb_typeof(%s #> %s), 'null') = 'null' THEN %s", d, whole, d)
	fmt.Fprintf(&b, " WHEN jsonb_typeof(%s #> %s) IN ('array', 'object') THEN jsonb_set(%s, %s, '\"***\"')", d, whole, d, whole)
	fmt.Fprintf(&b, " ELSE jsonb_set(%s, %s, to_jsonb(%s)) END", d, whole, value)
	return b.String(), nil
}
