package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// RunAudience is the suite of what a mass notice asks (systems.Audience). A driver that fulfils it
// runs this beside Run.
func RunAudience(t *testing.T, e Engine) {
	t.Run("people by condition", e.peopleByCondition)
	t.Run("people by keys", e.peopleByKeys)
}

func (p *place) audience() systems.Audience {
	p.Helper()
	a, err := systems.AudienceOf(p.system, p.sys)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

// crowd is a directory of n people; every third has no e-mail.
func (p *place) crowd(n int) *datamap.Collection {
	p.exec(`CREATE TABLE crowd (id integer PRIMARY KEY, mail varchar(99), region varchar(9), joined date, street varchar(99));`)
	for i := range n {
		mail := fmt.Sprintf("'p%d@people.example'", i)
		if i%3 == 0 {
			mail = "NULL"
		}
		p.exec(fmt.Sprintf(`INSERT INTO crowd VALUES (%d, %s, '%s', '2026-01-%02d', 'Road %d')`, i, mail, []string{"cn", "eu"}[i%2], 1+i%28, i))
	}
	c := p.collection("crowd", "id", "mail", "region", "joined", "street")
	c.Directory = &datamap.Directory{Channels: []datamap.Channel{{Kind: "email", Column: "mail"}}}
	c.Match = []datamap.Match{{Column: "mail", Identity: "email"}}
	return c
}

func (p *place) people(sel systems.Selection, page int) []string {
	p.Helper()
	var got []string
	err := p.audience().People(p.ctx, sel, []string{"street"}, page, func(rows []systems.Row) error {
		if len(rows) > page {
			p.Errorf("a page of %d rows", len(rows))
		}
		for _, row := range rows {
			got = append(got, row["id"]+" "+row["mail"]+" "+row["street"])
		}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	slices.Sort(got)
	return got
}

func (e Engine) peopleByCondition(t *testing.T) {
	p := e.place(t)
	c := p.crowd(40)
	where := &datamap.Condition{All: []*datamap.Condition{
		{Column: "region", Op: datamap.OpEq, Values: []string{"eu"}},
		{Column: "joined", Op: datamap.OpGe, Values: []string{"2026-01-04"}}, {Column: "joined", Op: datamap.OpLt, Values: []string{"2026-01-08"}}}}
	got := p.people(systems.Selection{Collection: c, Any: []systems.Clause{{When: where}}}, 2)
	p.want("between two days", got, []string{"3  Road 3", "31 p31@people.example Road 31", "33  Road 33", "5 p5@people.example Road 5"})
	everyone := &datamap.Condition{Column: "id", Op: datamap.OpNotNull}
	p.want("everyone", len(p.people(systems.Selection{Collection: c, Any: []systems.Clause{{When: everyone}}}, 7)), 40)
	p.want("nobody", len(p.people(systems.Selection{Collection: c}, 7)), 0)
	enough := errors.New("enough")
	err := p.audience().People(p.ctx, systems.Selection{Collection: c, Any: []systems.Clause{{When: everyone}}}, nil, 1, func([]systems.Row) error { return enough })
	p.want("the caller's own error", errors.Is(err, enough), true)
}

func (e Engine) peopleByKeys(t *testing.T) {
	p := e.place(t)
	c := p.crowd(12)
	got := p.people(byKeys(c, []string{"id"}, []string{"4"}, []string{"9"}, []string{"4"}, []string{"77"}), 5)
	p.want("by keys", got, []string{"4 p4@people.example Road 4", "9  Road 9"})
}
