package dsr

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNeedOf holds the rungs against a table that was worked out by hand.
func TestNeedOf(t *testing.T) {
	t.Parallel()
	whole := func(change func(*Asking)) Asking { // two channels, three facts, documents, under PIPL
		a := Asking{Kind: Access, Channel: "phone", Floor: RungCode, Trusted: 2, Facts: 3, Documents: true, OnlyHeld: true}
		change(&a)
		return a
	}
	for name, tc := range map[string]struct {
		asked Asking
		want  Need
	}{
		"an ordinary access":            {whole(func(*Asking) {}), Need{Rung: RungCode}},
		"an ordinary access by letter":  {whole(func(a *Asking) { a.Channel = "letter" }), Need{Rung: RungCode}},
		"an ordinary deletion":          {whole(func(a *Asking) { a.Kind = Deletion }), Need{Rung: RungCode}},
		"a correction under no floor":   {whole(func(a *Asking) { a.Kind, a.Floor = Correction, RungNone }), Need{Rung: RungCode}},
		"an access under no floor":      {whole(func(a *Asking) { a.Floor = RungNone }), Need{Rung: RungCode}},
		"no marketing":                  {whole(func(a *Asking) { a.Kind, a.Scope = Restriction, ScopeMarketing }), Need{}},
		"no marketing, changed channel": {whole(func(a *Asking) { a.Kind, a.Scope, a.Changed = Restriction, ScopeMarketing, true }), Need{}},
		"no sale, where no law asks":    {whole(func(a *Asking) { a.Kind, a.Scope, a.Floor = Restriction, ScopeAll, RungNone }), Need{}},
		"a restriction":                 {whole(func(a *Asking) { a.Kind, a.Scope = Restriction, ScopeAll }), Need{Rung: RungCode}},
		"sensitive data": {whole(func(a *Asking) { a.Holds = HoldsSensitive }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Why: []string{WhySensitive}}},
		"sensitive data, kinds only": {whole(func(a *Asking) { a.Holds, a.Scope = HoldsSensitive, ScopeCategories }), Need{Rung: RungCode}},
		"sensitive data, deleted":    {whole(func(a *Asking) { a.Holds, a.Kind = HoldsSensitive, Deletion }), Need{Rung: RungCode}},
		"sensitive data, copied and deleted": {whole(func(a *Asking) { a.Holds, a.Kind = HoldsSensitive, EraseAfterAccess }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Why: []string{WhySensitive}}},
		"sensitive data by letter": {whole(func(a *Asking) { a.Holds, a.Channel = HoldsSensitive, "letter" }),
			Need{Rung: RungDocument, By: []string{ByDocument}, Why: []string{WhySensitive, WhyRemote}}},
		"sensitive data by mail, papers never collected": {whole(func(a *Asking) { a.Holds, a.Channel, a.Documents = HoldsSensitive, "mail", false }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Why: []string{WhySensitive, WhyRemote, WhyCapped}}},
		"a special category": {whole(func(a *Asking) { a.Holds = HoldsSpecial }),
			Need{Rung: RungDocument, By: []string{ByDocument}, Why: []string{WhySpecial}}},
		"a special category, deleted": {whole(func(a *Asking) { a.Holds, a.Kind = HoldsSpecial, Deletion }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Why: []string{WhySpecial}}},
		"a special category, deleted by letter": {whole(func(a *Asking) { a.Holds, a.Kind, a.Channel = HoldsSpecial, Deletion, "letter" }),
			Need{Rung: RungDocument, By: []string{ByDocument}, Why: []string{WhySpecial, WhyRemote}}},
		"a channel changed": {whole(func(a *Asking) { a.Changed, a.Trusted = true, 1 }),
			Need{Rung: RungTwo, By: []string{ByFacts}, Facts: 2, Why: []string{WhyChanged}}},
		"one of three channels changed": {whole(func(a *Asking) { a.Changed = true }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Why: []string{WhyChanged}}},
		"a channel changed, one fact": {whole(func(a *Asking) { a.Changed, a.Trusted, a.Facts = true, 1, 1 }),
			Need{Rung: RungTwo, By: []string{ByDocument}, Why: []string{WhyChanged}}},
		"a channel changed, nothing else was collected": {whole(func(a *Asking) { a.Changed, a.Trusted, a.Facts, a.Documents = true, 1, 1, false }),
			Need{Rung: RungCode, Why: []string{WhyChanged, WhyCapped}}},
		"the same under a law that allows more": {whole(func(a *Asking) {
			a.Changed, a.Trusted, a.Facts, a.Documents, a.OnlyHeld = true, 1, 1, false, false
		}), Need{Rung: RungTwo, By: []string{ByDocument}, Why: []string{WhyChanged}}},
		"sensitive data and a channel changed": {whole(func(a *Asking) { a.Holds, a.Changed = HoldsSensitive, true }),
			Need{Rung: RungDocument, By: []string{ByDocument}, Why: []string{WhySensitive, WhyChanged}}},
		"a special category, nothing to prove it with": {whole(func(a *Asking) { a.Holds, a.Documents, a.Facts, a.Trusted = HoldsSpecial, false, 0, 1 }),
			Need{Rung: RungCode, Why: []string{WhySpecial, WhyCapped}}},
		"California, kinds of data": {whole(func(a *Asking) { a.Floor, a.Points, a.OnlyHeld = RungTwo, 2, false }),
			Need{Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2, Points: 2, Why: []string{WhyLaw}}},
		"California, three points": {whole(func(a *Asking) { a.Floor, a.Points, a.OnlyHeld = RungTwo, 3, false }),
			Need{Rung: RungTwo, By: []string{ByFacts}, Facts: 2, Points: 3, Why: []string{WhyLaw}}},
		"California, too few facts": {whole(func(a *Asking) { a.Floor, a.Points, a.Facts, a.OnlyHeld, a.Documents = RungTwo, 3, 1, false, false }),
			Need{Rung: RungTwo, By: []string{ByDocument}, Points: 3, Why: []string{WhyLaw}}},
	} {
		if diff := cmp.Diff(tc.want, NeedOf(tc.asked)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMet says which proofs are enough for which need, every set of proofs against every rung.
func TestMet(t *testing.T) {
	t.Parallel()
	needs := map[string]Need{
		"none":     {},
		"code":     {Rung: RungCode},
		"second":   {Rung: RungTwo, By: []string{BySecond}},
		"facts":    {Rung: RungTwo, By: []string{ByFacts}, Facts: 2},
		"either":   {Rung: RungTwo, By: []string{BySecond, ByFacts}, Facts: 2},
		"document": {Rung: RungDocument, By: []string{ByDocument}},
		"paper":    {Rung: RungTwo, By: []string{ByDocument}},
	}
	enough := map[string][]Proved{ // beside a document, which is always enough
		"code":   {{Code: true}, {Code: true, Second: true}, {Code: true, Facts: true}, {Code: true, Second: true, Facts: true}},
		"second": {{Code: true, Second: true}, {Code: true, Second: true, Facts: true}},
		"facts":  {{Code: true, Facts: true}, {Code: true, Second: true, Facts: true}},
		"either": {{Code: true, Second: true}, {Code: true, Facts: true}, {Code: true, Second: true, Facts: true}},
	}
	for name, need := range needs {
		for bits := range 16 {
			p := Proved{Code: bits&1 != 0, Second: bits&2 != 0, Facts: bits&4 != 0, Document: bits&8 != 0}
			want := name == "none" || p.Document
			for _, good := range enough[name] {
				want = want || p == good
			}
			if got := need.Met(p); got != want {
				t.Errorf("%s with %+v: %v, want %v", name, p, got, want)
			}
		}
	}
}
