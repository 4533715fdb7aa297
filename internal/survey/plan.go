package survey

import (
	"context"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Walk is what a search would do for somebody found in one directory.
type Walk struct {
	Directory string    `json:"directory"`
	Visits    []Visit   `json:"visits"`  // in the order of the search
	Missed    []string  `json:"missed"`  // collections that it never comes to
	Unknown   []Unknown `json:"unknown"` // systems that gave no answer
}

// Unknown is a system of which nothing can be said.
type Unknown struct {
	System string `json:"system"`
	Text   string `json:"text"`
}

// Visit is one collection of a walk.
type Visit struct {
	Level      int      `json:"level"`
	Collection string   `json:"collection"`
	By         []string `json:"by"`   // the ways to its rows: matches and links
	Rows       int64    `json:"rows"` // of the whole table, as the engine estimates; -1 when it does not
	SQL        string   `json:"sql,omitempty"`
	Values     []string `json:"values,omitempty"` // what the statement's parameters stand for
	Plan       string   `json:"plan,omitempty"`
	Not        string   `json:"not_planned,omitempty"` // why there is no SQL: the map does not fit the table
}

// Plan shows the search without a person: for every directory the walk over the graph, the SQL of
// each visit with its values left open, and how many rows the tables hold. With explain it adds
// the plan that the database would make.
func Plan(ctx context.Context, m *datamap.Map, open Opener, explain bool) ([]Walk, error) {
	p := planning{m: m, open: open, explain: explain, catalogs: map[string]datamap.Catalog{}, broken: map[string]string{}}
	var walks []Walk
	for _, dir := range m.Directories() {
		walk, err := p.walk(ctx, dir)
		if err != nil {
			return nil, err
		}
		walks = append(walks, walk)
	}
	return walks, nil
}

type planning struct {
	m        *datamap.Map
	open     Opener
	explain  bool
	catalogs map[string]datamap.Catalog
	broken   map[string]string
}

// nobody is an account of the directory whose values are all left open.
func nobody(dir *datamap.Collection) subject.Account {
	acc := subject.Account{System: dir.System.Name, Collection: dir.Name, OwnRecordOnly: dir.Directory.OwnRecordOnly}
	for _, column := range dir.Key {
		acc.Key = append(acc.Key, "<"+dir.ID()+"."+column+">")
	}
	kinds := []string{}
	for _, match := range dir.Match {
		kinds = append(kinds, match.Identity)
	}
	if dir.Directory.Account != "" {
		kinds = append(kinds, datamap.IdentityAccount)
	}
	slices.Sort(kinds)
	for _, kind := range slices.Compact(kinds) {
		acc.Identities = append(acc.Identities, systems.Placeholder(kind))
	}
	return acc
}

func (p *planning) walk(ctx context.Context, dir *datamap.Collection) (Walk, error) {
	walk := Walk{Directory: dir.ID(), Visits: []Visit{}, Missed: []string{}, Unknown: []Unknown{}}
	acc := nobody(dir)
	visited := map[string]bool{}
	for _, step := range subject.Steps(p.m, acc) {
		for _, name := range step.Collections {
			c := p.m.System(step.System).Collection(name)
			if visited[c.ID()] {
				continue // a circle through several systems takes its turns
			}
			visited[c.ID()] = true
			visit, err := p.visit(ctx, c, acc, step.Level)
			if err != nil {
				return walk, err
			}
			walk.Visits = append(walk.Visits, visit)
			told := func(u Unknown) bool { return u.System == step.System }
			if text := p.broken[step.System]; text != "" && !slices.ContainsFunc(walk.Unknown, told) {
				walk.Unknown = append(walk.Unknown, Unknown{System: step.System, Text: text})
			}
		}
	}
	for _, s := range p.m.Systems {
		for _, c := range s.Collections {
			if !visited[c.ID()] && !acc.OwnRecordOnly {
				walk.Missed = append(walk.Missed, c.ID())
			}
		}
	}
	return walk, nil
}

// visit describes one collection. A system that cannot be asked leaves SQL and rows open.
func (p *planning) visit(ctx context.Context, c *datamap.Collection, acc subject.Account, level int) (Visit, error) {
	v := Visit{Level: level, Collection: c.ID(), By: ways(c, acc), Rows: -1}
	if p.broken[c.System.Name] != "" {
		return v, nil
	}
	sel, err := subject.Select(p.m, c, acc, blank{})
	if err != nil {
		return v, err
	}
	shown, rows, err := p.ask(ctx, c, sel)
	if err != nil {
		switch {
		case ctx.Err() != nil:
			return v, err
		case fault.Is(err, contract.ErrMapMismatch):
			v.Not = short(err)
		default:
			p.broken[c.System.Name] = short(err)
		}
		return v, nil
	}
	v.SQL, v.Values, v.Plan, v.Rows = shown.Statement, shown.Values, shown.Plan, rows
	return v, nil
}

func (p *planning) ask(ctx context.Context, c *datamap.Collection, sel systems.Selection) (systems.Explained, int64, error) {
	_, i, err := inspector(ctx, c.System, p.open)
	if err != nil {
		return systems.Explained{}, 0, err
	}
	cat, known := p.catalogs[c.System.Name]
	if !known {
		if cat, err = i.Catalog(ctx); err != nil {
			return systems.Explained{}, 0, err
		}
		p.catalogs[c.System.Name] = cat
	}
	rows := int64(-1)
	if t := cat.Table(c.Schema, c.Table); t != nil {
		rows = t.Rows
	}
	shown, err := i.Explain(ctx, sel, p.explain)
	return shown, rows, err
}

// ways says in words how rows of c are found.
func ways(c *datamap.Collection, acc subject.Account) []string {
	if acc.System == c.System.Name && acc.Collection == c.Name {
		return []string{"its key"}
	}
	var out []string
	for _, match := range c.Match {
		if slices.ContainsFunc(acc.Identities, func(id dsr.Identity) bool { return id.Kind == match.Identity }) {
			out = append(out, match.Column+" = "+match.Identity)
		}
	}
	for _, l := range c.Links {
		if l.Follow == datamap.FollowNone || l.Shared == datamap.SharedHide {
			continue
		}
		out = append(out, "["+strings.Join(l.Columns, ", ")+"] in "+l.To.ID()+" ["+strings.Join(l.ToColumns, ", ")+"]")
	}
	return out
}

// blank is a key store in which every key is left open: one tuple of names.
type blank struct{}

func (blank) PutKeys(context.Context, string, []string, int, [][]string) error { return nil }
func (blank) TrimKeys(context.Context, string, []string, int) error            { return nil }
func (blank) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	// What stands behind an empty name is no column: the time in which a key holds, or, right at the
	// beginning, a rule by which identities were found on the way.
	names, more := columns, []string{}
	switch at := slices.Index(columns, ""); {
	case at == 0:
		names, more = nil, []string{"<found in " + coll + "." + columns[len(columns)-1] + ">", "plain", "", ""}
	case at > 0:
		names, more = columns[:at], []string{systems.PeriodStart, systems.PeriodEnd}
	}
	var tuple []string
	for _, name := range names {
		tuple = append(tuple, "<"+coll+"."+name+">")
	}
	return yield([][]string{append(tuple, more...)})
}
