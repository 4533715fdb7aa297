package subject

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// CountWhere counts the person's rows of a collection that fulfil a condition, as the discovery found
// them, those that deletion leaves alone among them. A collection that nobody's rows were looked for in
// has none.
func (e Erasure) CountWhere(ctx context.Context, c *datamap.Collection, when *datamap.Condition) (int64, error) {
	w, err := e.walk()
	if err != nil || !w.reached[c] || w.hanging(e.Without)[c] {
		return 0, err
	}
	sel, err := e.selection(ctx, w, c, nil)
	if err != nil {
		return 0, err
	}
	sel.Only = append(sel.Only, systems.Clause{When: when})
	sys, err := e.Open(c.System.Name)
	if err != nil {
		return 0, err
	}
	return sys.Count(ctx, sel)
}
