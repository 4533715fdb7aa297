package export

import (
	"encoding/json"
	"io"
)

// schemaOf is the path of the JSON Schema of an entry.
func (e *Entry) schemaOf() string {
	return "schema/" + e.Collection.System.Name + "/" + e.Collection.Name + ".json"
}

// schema writes what the JSON of an entry holds, for the program of whoever takes it over (JSON Schema
// 2020-12): every column that is there, with its title and category, and no other. A value is whatever
// its database makes of it.
func (a *assembly) schema(e *Entry) func(io.Writer) error {
	return func(w io.Writer) error {
		columns, names := map[string]any{}, []string{}
		for _, col := range e.Collection.Columns {
			if t := e.treatment(col); t == notListed || t == Dropped || t == Withheld {
				continue
			}
			names = append(names, col.Name)
			columns[col.Name] = map[string]any{
				"title": title(col.Title, a.p.Lang, col.Name), "description": col.Category,
				"type": []string{"string", "number", "boolean", "array", "object", "null"},
			}
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(map[string]any{
			"$schema": "https://json-schema.org/draft/2020-12/schema",
			"title":   title(e.Collection.Title, a.p.Lang, e.Collection.Name),
			"type":    "array",
			"items":   map[string]any{"type": "object", "properties": columns, "required": names, "additionalProperties": false},
		})
	}
}
