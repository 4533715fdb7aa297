package datamap

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// referenceMap is the map that the examples of the reference make.
func referenceMap(t *testing.T) *Map {
	t.Helper()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for i, block := range yamlBlock.FindAllSubmatch(text, -1) {
		name := CompanyFile
		if string(block[1][:7]) == "version" {
			name = string(rune('a'+i)) + ".yaml"
		}
		fsys[name] = &fstest.MapFile{Data: block[1]}
	}
	m, err := LoadFS(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLoadReadsTheRestOfTheFormat(t *testing.T) {
	t.Parallel()
	m := referenceMap(t)
	shop := m.System("shop")
	if len(shop.Ignored) != 2 || shop.Ignored[0].Table != "schema_migrations" || shop.Ignored[0].Reason == "" {
		t.Errorf("ignored: %+v", shop.Ignored)
	}
	orders := shop.Collection("orders")
	if l := orders.Links[0]; !cmp.Equal(l.Expr, &Expr{JSONPath: []string{"customer", "account"}}) || l.Follow != FollowDown {
		t.Errorf("link by a part: %+v", l)
	}
	detail := orders.Column("detail")
	if len(detail.Paths) != 2 || !cmp.Equal(detail.Paths[0].Keys, []string{"customer", "email"}) || detail.Paths[0].Mask != MaskEmail ||
		detail.Paths[1].Mask != MaskIDNumber || detail.Paths[1].Sensitivity != Sensitive {
		t.Errorf("paths: %+v", detail.Paths)
	}
	if note := orders.Column("note"); note.LegalBasis != "legitimate-interest" || note.Purpose.EN != "To help you" || note.Source.EN == "" {
		t.Errorf("note: %+v", note)
	}
	number := shop.Collection("phones").Match[0]
	when := &Condition{All: []*Condition{{Column: "confirmed", Op: OpEq, Values: []string{"true"}}}}
	number.Valid.Line, number.Valid.When.Line, number.Valid.When.All[0].Line = 0, 0, 0
	if diff := cmp.Diff(&Valid{From: "since", Until: "until", When: when}, number.Valid); diff != "" || !number.Widens {
		t.Errorf("match: %+v %s", number, diff)
	}
	if self := shop.Collection("text_messages").Links[0]; !self.Self() || self.Follow != FollowDown {
		t.Errorf("self-reference: %+v", self)
	}
	if groups := shop.Collection("groups").Links[0]; groups.Shared != SharedShow || !groups.Expr.ArrayElement {
		t.Errorf("groups: %+v", groups)
	}
	if shop.Normaliser("member_card") != NormaliserDigits || shop.Normaliser("email") != "email" || shop.SpellingTells("member_card") {
		t.Errorf("the company's own kind is %s", shop.Normaliser("member_card"))
	}
}

func TestNormaliseOwnKinds(t *testing.T) {
	t.Parallel()
	m := &Map{Company: Company{Identities: []OwnIdentity{
		{Name: "card", Normaliser: NormaliserDigits, Pattern: "[0-9]{8}|[0-9]{6}"}, {Name: "plate", Normaliser: NormaliserCasefold},
		{Name: "badge", Normaliser: NormaliserText},
	}}}
	for _, v := range []struct{ kind, value, want string }{
		{"card", "1234-5678", "12345678"}, {"card", "１２３ 456", "123456"}, {"card", "1234567", ""}, {"card", "none", ""}, {"card", "123456789", ""},
		{"plate", " ＡB-1 ", "ab-1"}, {"plate", "", ""}, {"badge", "Ab 1", "Ab 1"}, {"badge", "a\nb", ""}, {"email", "A@x.example", "a@x.example"},
	} {
		got, err := m.Normalise(v.kind, v.value)
		if got != v.want || (err == nil) != (v.want != "") || (err != nil && !fault.Is(err, contract.ErrBadInput)) {
			t.Errorf("%s %q is %q (%v), not %q", v.kind, v.value, got, err, v.want)
		}
	}
}
