package conformance

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Engine is a kind of database under test.
type Engine struct {
	Driver string // as the map names it
	// Fresh makes an empty database.
	Fresh func(t *testing.T) Database
	// Down is a DSN of the right form behind which nothing answers.
	Down string
	// Kinds are the kinds of column that the engine has.
	Kinds []Kind
	// ListType is a column of many numbers in one row, and List such a list of "1, 2" as a value.
	ListType string
	List     func(numbers string) string
}

// Database is an empty database for one test.
type Database struct {
	DSN    string
	Schema string           // in which the suite's tables are made
	Exec   func(sql string) // runs statements as the owner: names in double quotes, backslashes plain
	DB     *sql.DB          // the same connections, for transactions that stay open
}

// Kind is one kind of column: a table with that column is made, with the value in one row and
// NULL in the next.
type Kind struct {
	Name   string
	Before string // SQL to run first; may be empty
	Type   string
	Value  string // an SQL expression
	JSON   string // the value as it must stand in the JSON row
	CSV    string // the field as it must stand in the CSV line
}

// Run is the suite.
func Run(t *testing.T, e Engine) {
	t.Run("kinds", e.kinds)
	t.Run("names", e.names)
	t.Run("text", e.text)
	t.Run("formulas", e.formulas)
	t.Run("masks", e.masks)
	t.Run("no rows", e.noRows)
	t.Run("keys", e.keys)
	t.Run("composite keys", e.compositeKeys)
	t.Run("null never joins", e.nullNeverJoins)
	t.Run("each row once", e.eachRowOnce)
	t.Run("many keys", e.manyKeys)
	t.Run("match", e.match)
	t.Run("beyond keys and identities", e.beyond)
	t.Run("a source replaced", e.sourceReplaced)
	t.Run("lookup", e.lookup)
	t.Run("check", e.check)
	t.Run("what an engine lacks", e.lacking)
	t.Run("mismatch", e.mismatch)
	t.Run("down", e.down)
	t.Run("writers", e.writers)
	t.Run("deletes", e.deletes)
	t.Run("unlinks", e.unlinks)
	t.Run("anonymises", e.anonymises)
	t.Run("corrects", e.corrects)
	t.Run("preflights", e.preflights)
	t.Run("written meanwhile", e.meanwhile)
	t.Run("locked", e.locked)
	t.Run("unknown to the map", e.unknown)
	t.Run("triggers", e.triggers)
	t.Run("placeholder", e.placeholder)
	t.Run("circles", e.circles)
	t.Run("a counted row takes others along", e.countedCascade)
}

// place is one fresh database and the system that describes it.
type place struct {
	*testing.T
	engine Engine
	schema string
	ctx    context.Context
	system *datamap.System
	sys    systems.System
	exec   func(sql string)
	db     *sql.DB
}

func (e Engine) place(t *testing.T) *place {
	t.Helper()
	t.Parallel()
	db := e.Fresh(t)
	p := &place{T: t, engine: e, schema: db.Schema, exec: db.Exec, db: db.DB, system: &datamap.System{Name: "shop", Driver: e.Driver, Connections: 2}}
	var stop context.CancelFunc
	p.ctx, stop = context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(stop)
	sys, err := systems.Open(p.ctx, p.system, db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	p.sys = sys
	return p
}

// collection describes a table of which the first column is the key; every column is shown.
func (p *place) collection(table string, columns ...string) *datamap.Collection {
	c := &datamap.Collection{System: p.system, Name: "rows", Schema: p.schema, Table: table, Key: columns[:1]}
	for _, name := range columns {
		c.Columns = append(c.Columns, &datamap.Column{Name: name, Category: "user", Export: datamap.ExportShow})
	}
	return c
}

// stream runs Stream and returns both texts; it fails the test when they are not well-formed or
// do not hold the number of rows that Stream claims.
func (p *place) stream(sel systems.Selection) (string, string) {
	p.Helper()
	var j, c bytes.Buffer
	n, err := p.sys.Stream(p.ctx, sel, &j, &c)
	if err != nil {
		p.Fatalf("streaming: %v", err)
	}
	var objects []map[string]any
	if err := json.Unmarshal(j.Bytes(), &objects); err != nil {
		p.Fatalf("the JSON does not parse: %v\n%s", err, j.String())
	}
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(c.String(), "\ufeff"))).ReadAll()
	if err != nil {
		p.Fatalf("the CSV does not parse: %v\n%s", err, c.String())
	}
	if int64(len(objects)) != n || int64(len(records)) != n+1 {
		p.Fatalf("Stream says %d rows; JSON has %d, CSV %d with its header", n, len(objects), len(records))
	}
	return j.String(), c.String()
}

// ids are the keys of the selected rows; Count, Keys and Stream must agree on them.
func (p *place) ids(sel systems.Selection) []string {
	p.Helper()
	key := sel.Collection.Key[:1]
	var ids []string
	err := p.sys.Keys(p.ctx, sel, key, 100, func(keys [][]string) error {
		for _, k := range keys {
			ids = append(ids, k[0])
		}
		return nil
	})
	if err != nil {
		p.Fatalf("keys: %v", err)
	}
	n, err := p.sys.Count(p.ctx, sel)
	if err != nil {
		p.Fatalf("counting: %v", err)
	}
	j, _ := p.stream(sel)
	if got := int64(strings.Count(j, "\n")) - 2; n != int64(len(ids)) || (n > 0 && got != n) {
		p.Errorf("Keys gives %d rows, Count %d, Stream %d", len(ids), n, got)
	}
	return ids
}

func (p *place) want(what string, got, want any) {
	p.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		p.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// byKeys selects the rows whose columns hold one of the tuples.
func byKeys(c *datamap.Collection, columns []string, tuples ...[]string) systems.Selection {
	return systems.Selection{Collection: c, Any: []systems.Clause{keyClause(columns, tuples...)}}
}

func keyClause(columns []string, tuples ...[]string) systems.Clause {
	return systems.Clause{Columns: columns, Keys: func(_ context.Context, yield func([][]string) error) error {
		return yield(tuples)
	}}
}

// numbers is the source of the keys from, from+1, … (n of them), 999 at a time.
func numbers(from, n int) systems.KeySource {
	return func(_ context.Context, yield func([][]string) error) error {
		for at := 0; at < n; {
			var page [][]string
			for ; at < n && len(page) < 999; at++ {
				page = append(page, []string{strconv.Itoa(from + at)})
			}
			if err := yield(page); err != nil {
				return err
			}
		}
		return nil
	}
}
