package datamap

import (
	"fmt"
	"strings"
)

// Mermaid draws the map: a box a system, a node a collection, an arrow from each collection to
// those that are found through it, dotted where rows may be shared. Where people are looked up is
// round; what an identity leads to hangs on that identity.
func Mermaid(m *Map, lang string) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids, identities := map[*Collection]string{}, map[string]string{}
	for i, s := range m.Systems {
		fmt.Fprintf(&b, "  subgraph s%d[\"%s<br/>%s\"]\n", i, mermaidText(s.Name), mermaidText(s.Title.In(lang)))
		for _, c := range s.Collections {
			ids[c] = fmt.Sprintf("c%d", len(ids))
			left, right := `["`, `"]`
			if c.Directory != nil {
				left, right = `(["`, `"])`
			}
			fmt.Fprintf(&b, "    %s%s%s<br/>%s%s\n", ids[c], left, mermaidText(c.Name), mermaidText(c.Title.In(lang)), right)
		}
		b.WriteString("  end\n")
	}
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			for _, match := range c.Match {
				id, drawn := identities[match.Identity]
				if !drawn {
					id = fmt.Sprintf("i%d", len(identities))
					identities[match.Identity] = id
					fmt.Fprintf(&b, "  %s{{\"%s\"}}\n", id, mermaidText(match.Identity))
				}
				fmt.Fprintf(&b, "  %s -- \"%s\" --> %s\n", id, mermaidText(match.Column), ids[c])
			}
			for _, l := range c.Links {
				arrow, end := "--", "-->"
				if l.Relation == Refers {
					arrow, end = "-.", ".->"
				}
				fmt.Fprintf(&b, "  %s %s \"%s\" %s %s\n", ids[l.To], arrow, mermaidText(strings.Join(l.Columns, ", ")), end, ids[c])
			}
		}
	}
	return b.String()
}

// mermaidText keeps a name from being read as Mermaid's own signs or as HTML.
func mermaidText(s string) string {
	return strings.NewReplacer("&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ", "\r", " ", "#", "#35;", "`", "#96;").Replace(s)
}
