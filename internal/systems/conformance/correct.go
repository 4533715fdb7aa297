package conformance

import (
	"slices"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (p *place) corrector() systems.Corrector {
	p.Helper()
	c, err := systems.Correctable(p.system, p.sys)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// values are what stands in a place, with "NULL" for nothing, and how often.
func (p *place) values(sel systems.Selection, at systems.Place) map[string]int64 {
	p.Helper()
	out := map[string]int64{}
	err := p.corrector().Values(p.ctx, sel, at, func(value *string, rows int64) error {
		text := "NULL"
		if value != nil {
			text = *value
		}
		if _, twice := out[text]; twice {
			p.Errorf("%q comes twice", text)
		}
		out[text] += rows
		return nil
	})
	if err != nil {
		p.Fatalf("values: %v (%v)", err, unwrapped(err))
	}
	return out
}

func (p *place) correct(fixes ...systems.Fix) []systems.Fixed {
	p.Helper()
	done, err := p.corrector().Correct(p.ctx, fixes)
	if err != nil {
		p.Fatalf("correct: %v (%v)", err, unwrapped(err))
	}
	return done
}

// corrects sets values by compare and set, with their copies, in columns and inside documents.
func (e Engine) corrects(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE people (id integer PRIMARY KEY, mobile varchar(20), look varchar(40), doc json, state varchar(20), email varchar(40) UNIQUE, short varchar(4), open boolean);
		INSERT INTO people VALUES (1, '138 0013 8000', 'x', '{"c": {"m" :"138 0013 8000"}, "n": 1.50}', NULL, 'a@x.example', 'abc', true),
		(2, '+8613800138000', NULL, '{"c": {"m":null}}', NULL, 'b@x.example', NULL, false), (3, '13900139000', 'z', NULL, NULL, NULL, NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		(5, 'é', 'A', '{"c": [{"m": "1"}]}', NULL, 'é', NULL, NULL), (6, 'É', 'a', '{"c": 7, "m": "2"}', NULL, NULL, NULL, NULL);`)
	c := p.collection("people", "id", "mobile", "look", "doc", "state", "email", "short", "open")
	all := byKeys(c, []string{"id"}, []string{"1"}, []string{"2"}, []string{"3"}, []string{"4"}, []string{"5"}, []string{"6"})
	mobile, inside := systems.Place{Column: "mobile"}, systems.Place{Column: "doc", Path: []string{"c", "m"}}
	p.want("values", p.values(all, mobile), map[string]int64{"138 0013 8000": 1, "+8613800138000": 1, "13900139000": 1, "NULL": 1, "é": 1, "É": 1})
	p.want("values inside", p.values(all, inside), map[string]int64{"138 0013 8000": 1, "NULL": 5})

	old, keys := "138 0013 8000", [][]string{{"1"}, {"3"}, {"9"}}
	fix := systems.Fix{Collection: c, Keys: keys, Place: mobile, Old: &old, New: "13700137000",
		Derived: []datamap.Derived{{Column: "look", As: datamap.CopyDigits}, {Column: "doc", Keys: []string{"c", "m"}, As: datamap.CopySame}}}
	if found, err := p.corrector().TryCorrect(p.ctx, []systems.Fix{fix}); err != nil || len(found) != 1 || systems.Mismatch(found[0]) != nil {
		t.Fatalf("the trial: %v %+v", err, found)
	}
	p.want("the trial stays in the trial", p.values(all, mobile)["138 0013 8000"], int64(1))
	p.want("compare and set", p.correct(fix), []systems.Fixed{{Changed: 1, Differs: 1, Gone: 1}})
	p.want("again", p.correct(fix), []systems.Fixed{{Already: 1, Differs: 1, Gone: 1}})
	p.want("what differs stays", p.values(all, mobile), map[string]int64{"13700137000": 1, "+8613800138000": 1, "13900139000": 1, "NULL": 1, "é": 1, "É": 1})
	p.want("the copy", p.values(all, systems.Place{Column: "look"})["13700137000"], int64(1))
	p.want("the copy inside", p.values(all, inside), map[string]int64{"13700137000": 1, "NULL": 5})
	p.want("the rest of the document", p.values(all, systems.Place{Column: "doc", Path: []string{"n"}}), map[string]int64{"1.50": 1, "NULL": 5})

	other, same := "+8613800138000", "é"
	p.want("no copy where there is none, and bytes count", p.correct(
		systems.Fix{Collection: c, Keys: [][]string{{"2"}}, Place: mobile, Old: &other, New: "13700137000", Derived: fix.Derived},
		systems.Fix{Collection: c, Keys: [][]string{{"5"}, {"6"}}, Place: mobile, Old: &same, New: "e"},
		systems.Fix{Collection: c, Keys: [][]string{{"4"}}, Place: mobile, New: "1", Derived: []datamap.Derived{{Column: "look", As: datamap.CopySame}}},
	), []systems.Fixed{{Changed: 1}, {Changed: 1, Differs: 1}, {Changed: 1}})
	p.want("the copies", p.values(all, systems.Place{Column: "look"}), map[string]int64{"13700137000": 1, "z": 1, "A": 1, "a": 1, "1": 1, "NULL": 1})

	done := "13700137000"
	dispute := systems.Fix{Collection: c, Keys: [][]string{{"1"}, {"2"}, {"3"}}, Place: mobile, Old: &done, Flag: &datamap.Flag{Column: "state", Value: "disputed"}}
	p.want("a mark", p.correct(dispute), []systems.Fixed{{Changed: 2, Differs: 1}})
	p.want("again", p.correct(dispute), []systems.Fixed{{Already: 2, Differs: 1}})
	p.want("the mark alone", p.values(all, systems.Place{Column: "state"}), map[string]int64{"disputed": 2, "NULL": 4})
	dispute.Flag = &datamap.Flag{Column: "open", Value: "true"}
	p.want("a truth", p.correct(dispute), []systems.Fixed{{Changed: 1, Already: 1, Differs: 1}})

	p.refusals(c)
}

// refusals are what is found before anything is approved, and nothing of a batch that is refused stays.
func (p *place) refusals(c *datamap.Collection) {
	p.Helper()
	kinds := func(f systems.Fix) []string {
		found, err := p.corrector().TryCorrect(p.ctx, []systems.Fix{f})
		if err != nil {
			p.Fatalf("the trial: %v", err)
		}
		var out []string
		for _, one := range found[0] {
			if one.Stops() {
				out = append(out, one.Kind)
			}
		}
		return out
	}
	a, abc, id := "a@x.example", "abc", "1"
	taken := systems.Fix{Collection: c, Keys: [][]string{{"1"}}, Place: systems.Place{Column: "email"}, Old: &a, New: "b@x.example"}
	long := systems.Fix{Collection: c, Keys: [][]string{{"1"}}, Place: systems.Place{Column: "short"}, Old: &abc, New: "too long"}
	p.want("somebody else has it", kinds(taken), []string{systems.NotUnique})
	p.want("too long", kinds(long), []string{systems.NotAllowed})
	if got := kinds(systems.Fix{Collection: c, Keys: [][]string{{"1"}}, Place: systems.Place{Column: "id"}, Old: &id, New: "7"}); !slices.Contains(got, systems.NotAllowed) {
		p.Errorf("a key: %v", got)
	}
	good := systems.Fix{Collection: c, Keys: [][]string{{"1"}}, Place: systems.Place{Column: "short"}, Old: &abc, New: "def"}
	if _, err := p.corrector().Correct(p.ctx, []systems.Fix{good, taken}); !fault.Is(err, contract.ErrRefused) {
		p.Errorf("a value that somebody else has: %v", err)
	}
	p.want("all or nothing", p.values(byKeys(c, []string{"id"}, []string{"1"}), systems.Place{Column: "short"}), map[string]int64{"abc": 1})
}
