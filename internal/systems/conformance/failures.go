package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (e Engine) check(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE parent (id integer PRIMARY KEY, v varchar(9));
		CREATE TABLE child (id integer PRIMARY KEY, parent integer, extra varchar(9));`)
	parent := p.collection("parent", "id", "v")
	child := p.collection("child", "id", "parent", "extra")
	child.Name = "child"
	child.Links = []*datamap.Link{{From: child, Columns: []string{"parent"}, To: parent, ToColumns: []string{"id"}}}
	p.want("nothing to say", p.kindsFound(parent, child), []string(nil))

	parent.Columns = append(parent.Columns, &datamap.Column{Name: "gone", Category: "user"})
	child.Columns = child.Columns[:2]
	child.Links[0].ToColumns = []string{"code"}
	lost := p.collection("nowhere", "id")
	lost.Name = "lost"
	p.want("all that is wrong", p.kindsFound(parent, child, lost), []string{
		"missing-column rows gone", "missing-column rows code", "unmapped-column child extra", "missing-table lost ",
	})
}

func (p *place) kindsFound(collections ...*datamap.Collection) []string {
	p.Helper()
	findings, err := p.sys.Check(p.ctx, collections)
	if err != nil {
		p.Fatal(err)
	}
	var kinds []string
	for _, f := range findings {
		if f.System != "shop" || f.Text == "" || !f.Stops() {
			p.Errorf("an odd finding: %+v", f)
		}
		kinds = append(kinds, f.Kind+" "+f.Collection+" "+f.Column)
	}
	return kinds
}

// calls runs everything that reads and hands each error to look.
func (p *place) calls(c *datamap.Collection, look func(what string, err error)) {
	sel := byKeys(c, c.Key, []string{"1"})
	_, err := p.sys.Count(p.ctx, sel)
	look("Count", err)
	look("Keys", p.sys.Keys(p.ctx, sel, c.Key, 10, func([][]string) error { return nil }))
	var j, v bytes.Buffer
	_, err = p.sys.Stream(p.ctx, sel, &j, &v)
	look("Stream", err)
	c.Directory = &datamap.Directory{}
	c.Match = []datamap.Match{{Column: c.Key[0], Identity: "account"}}
	_, err = p.sys.Lookup(p.ctx, c, []dsr.Identity{{Kind: "account", Value: "1"}}, 1)
	look("Lookup", err)
}

// mismatch: what the map names and the database lacks stops everything, by name.
func (e Engine) mismatch(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE there (id integer PRIMARY KEY, v varchar(9));`)
	for what, c := range map[string]*datamap.Collection{
		"nowhere":      p.collection("nowhere", "id"),
		"column gone":  p.collection("there", "id", "v", "gone"),
		"column v of ": p.collection("there", "id"), // a column that the map does not know
	} {
		p.calls(c, func(call string, err error) {
			name := strings.TrimPrefix(what, "column ")
			if !fault.Is(err, contract.ErrMapMismatch) || !strings.Contains(err.Error(), strings.TrimSuffix(name, " of ")) {
				t.Errorf("%s with %q: %v", call, what, err)
			}
		})
	}
	// A key that cannot be of the column's type: no answer would be honest, and none may quote it.
	_, err := p.sys.Count(p.ctx, byKeys(p.collection("there", "id", "v"), []string{"id"}, []string{"secret"}))
	if !fault.Is(err, contract.ErrMapMismatch) || strings.Contains(err.Error(), "secret") ||
		strings.Contains(errors.Unwrap(err).Error(), "secret") {
		t.Errorf("a key of the wrong type: %v", err)
	}
}

func (e Engine) down(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	p := &place{T: t, engine: e, ctx: ctx, system: &datamap.System{Name: "shop", Driver: e.Driver}}
	var err error
	if p.sys, err = systems.Open(ctx, p.system, e.Down); err != nil {
		t.Fatalf("opening connects to nothing yet: %v", err)
	}
	defer p.sys.Close()
	look := func(call string, err error) {
		if !fault.Is(err, contract.ErrUnavailable) || !strings.Contains(err.Error(), "shop") {
			t.Errorf("%s: %v", call, err)
		}
	}
	p.calls(p.collection("there", "id"), look)
	_, err = p.sys.Check(ctx, []*datamap.Collection{p.collection("there", "id")})
	look("Check", err)

	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.sys.Count(gone, byKeys(p.collection("there", "id"), []string{"id"}, []string{"1"})); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up: %v", err)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("the disk is full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// writers: an error of a writer comes back as it is, and nobody hears of rows.
func (e Engine) writers(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE one (id integer PRIMARY KEY); INSERT INTO one VALUES (1);`)
	sel := byKeys(p.collection("one", "id"), []string{"id"}, []string{"1"})
	var good bytes.Buffer
	for i, n := range []func() (int64, error){
		func() (int64, error) { return p.sys.Stream(p.ctx, sel, brokenWriter{}, &good) },
		func() (int64, error) { return p.sys.Stream(p.ctx, sel, &good, brokenWriter{}) },
	} {
		if rows, err := n(); !errors.Is(err, errBroken) || rows != 0 {
			t.Errorf("writer %d: %d rows, %v", i, rows, err)
		}
	}
}
