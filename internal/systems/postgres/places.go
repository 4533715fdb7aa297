package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// deletePlaces deletes rows where they were seen last, each only if it still has its key there and is
// selected: nothing is looked up in an index. What has moved since is passed over. It does not for rows of
// one table that refer to each other, whose order matters, nor for a partitioned one; then it is not ok.
func (s *session) deletePlaces(ctx context.Context, change systems.Change) (done systems.Applied, ok bool, err error) {
	s.recent = true
	defer func() { s.recent = false }()
	c := change.Rows.Collection
	facts, err := s.latelyFacts(ctx, c)
	if err != nil {
		return done, false, err
	}
	var keys [][]string
	if err := change.Rows.Any[0].Keys(ctx, func(page [][]string) error { keys = append(keys, page...); return nil }); err != nil {
		return done, false, err
	}
	if len(keys) != len(change.Places) {
		return done, false, fault.Newf(contract.ErrInternal, "%s: %d keys with %d places", c.ID(), len(keys), len(change.Places))
	}
	q, err := s.query(ctx, systems.Selection{Collection: c, Any: change.Rows.Only})
	if err != nil || q.shape.kind == "p" || len(facts.self) > 0 || len(q.when) != 1 {
		return done, false, err
	}
	live, err := q.columns(c.Key, len(c.Key))
	if err != nil {
		return done, false, err
	}
	from, condition := q.atPlaces(change.Places, keys, live)
	using := ""
	if from != "" {
		using, from = "USING "+from, from+", "
	}
	e := &eraser{query: q, change: change, facts: facts, batch: len(keys)}
	if len(q.alone) > 0 {
		// Nobody can refer to a locked row; whoever did before is seen by the next statement.
		if _, err := e.exec(ctx, "SELECT FROM "+from+quoted(c)+" AS t"+condition+" FOR UPDATE OF t", q.args); err != nil {
			return done, false, err
		}
	}
	n, err := e.exec(ctx, "DELETE FROM "+quoted(c)+" AS t "+using+condition, q.args)
	return systems.Applied{Rows: n, Deleted: n}, true, err
}

// atPlaces is the condition that t stands at one of the places with one of the keys, and is selected. Of a
// key of several columns, that it is the key of that place: they stand beside it in FROM.
func (q *query) atPlaces(places []string, keys [][]string, live []column) (from, where string) {
	array := func(i int) string {
		column := make([]string, len(keys))
		for n, key := range keys {
			column[n] = key[i]
		}
		return q.arg(pq.Array(column)) + "::" + live[i].Type + "[]"
	}
	at := q.arg(pq.Array(places)) + "::tid[]"
	if len(live) == 1 { // one hash of the keys, and the places in the order in which they lie on the disk
		return "", " WHERE t.ctid = ANY(" + at + ") AND t." + pq.QuoteIdentifier(live[0].Name) + " = ANY(" + array(0) + ") AND " + q.when[0].holds
	}
	arrays, names, parts := []string{at}, []string{"place"}, []string{"t.ctid = p.place"}
	for i, col := range live {
		name := fmt.Sprintf("c%d", i)
		arrays, names = append(arrays, array(i)), append(names, name)
		parts = append(parts, "t."+pq.QuoteIdentifier(col.Name)+" = p."+name)
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") AS p(" + strings.Join(names, ", ") + ")", " WHERE " + strings.Join(append(parts, q.when[0].holds), " AND ")
}
