package main

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/chaos/audit"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// kind is a kind of case as it is played, and what is promised of it.
type kind struct {
	name    string
	opening desk.Opening
	fate    string
	ends    []string
	events  map[string]int
	letters []string
	single  bool // one a round; the others take turns
}

var (
	copied  = once("case.opened", "package.assembled", "package.released", "package.fetched", "case.closed")
	carried = once("case.opened", "plan.sealed", "plan.agreed", "plan.begun", "certificate.signed", "case.closed")
	ended   = once("case.opened", "case.closed")
	told    = []string{"ack", "verify_code", "access_ready", "download_code", "case_closed"}
	gone    = []string{"deletion_ack", "verify_code", "deletion_approved", "deletion_done"}
	done    = []string{string(dsr.Fulfilled)}
)

// once are events that each stand in a ledger just once.
func once(names ...string) map[string]int {
	events := map[string]int{}
	for _, name := range names {
		events[name] = 1
	}
	return events
}

// The names of kinds on which more than their promises hangs.
const (
	arrivalKind = "arrival"
	forgedKind  = "forged"
	heldKind    = "held"
	lockedKind  = "locked"
	optOutKind  = "opt-out"
	noticeKind  = "notice"
	sweepKind   = "retention"
)

// kinds are all that is played.
var kinds = []kind{
	{name: "access", opening: desk.Opening{Kind: dsr.Access}, fate: audit.Kept, ends: done, events: copied, letters: told},
	{name: "deletion", opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent}, fate: audit.Erased, ends: done, events: carried, letters: gone},
	{name: "correction", opening: desk.Opening{Kind: dsr.Correction}, fate: audit.Corrected, ends: done,
		events: ended, letters: []string{"correction_ack", "correction_done"}},
	{name: "portability", opening: desk.Opening{Kind: dsr.Portability}, fate: audit.Kept, ends: done, events: copied},
	{name: "erase-after-access", opening: desk.Opening{Kind: dsr.EraseAfterAccess, Ground: dsr.GroundService}, fate: audit.Erased, ends: done,
		events:  once("package.released", "package.fetched", "plan.begun", "certificate.signed", "case.closed"),
		letters: []string{"deletion_ack", "access_ready", "deletion_approved", "deletion_done"}},
	{name: "restriction", opening: desk.Opening{Kind: dsr.Restriction, Scope: dsr.ScopePurpose("profiling")}, fate: audit.Stopped, ends: done,
		events: ended, letters: []string{"restriction_ending", "restriction_closed"}},
	{name: optOutKind, fate: audit.OptedOut, ends: done, events: ended},
	{name: "categories-only", opening: desk.Opening{Kind: dsr.Access, Scope: dsr.ScopeCategories}, fate: audit.Kept, ends: done, events: copied},
	{name: "closure", opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundService, Scope: dsr.ScopeAccount}, fate: audit.Erased, ends: done, events: carried, letters: gone},
	// Somebody who reaches Temporal carries a deletion out that nobody has signed; then it is rejected.
	{name: forgedKind, opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent}, fate: audit.Kept, ends: []string{string(dsr.Refused)},
		events: map[string]int{"case.opened": 1, "case.closed": 1, "plan.begun": 0, "certificate.signed": 0}},
	// A ticket with its message comes after the plan was frozen: the message is not the plan's, and nothing of
	// it goes before a second plan was signed.
	{name: arrivalKind, opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent}, fate: audit.Erased, ends: done,
		events: map[string]int{"plan.agreed": 2, "plan.begun": 2, "certificate.signed": 1, "case.closed": 1}, letters: gone},
	// Rows are held by somebody else's transaction while they are to be deleted, and the workers die.
	{name: lockedKind, opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent}, fate: audit.Erased, ends: done, events: carried, letters: gone},
	{name: heldKind, opening: desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent}, fate: audit.Erased, ends: done, events: carried, letters: gone, single: true},
	{name: noticeKind, single: true},
	{name: sweepKind, single: true},
}

func kindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// play is one case of the driver's.
type play struct {
	n    int
	kind kind
	who  example.Person
	p    *demo.Person
	wish audit.Wish
	ref  contract.Ref
	zip  string // the package, once it was fetched whole

	code      string // read, and not taken yet
	tries     int
	looked    int // for a code, in vain
	hold      contract.Ref
	hesitated map[string]bool
	forged    bool
	failed    int // steps that were tried again by hand
	arrived   bool
	locked    bool
}

// deck deals so many kinds: those of which there is one a round, and the others in turn.
func deck(cases int, only []string) []kind {
	var singles, turns, out []kind
	for _, k := range kinds {
		switch {
		case len(only) > 0 && !slices.Contains(only, k.name):
		case k.single:
			singles = append(singles, k)
		default:
			turns = append(turns, k)
		}
	}
	for _, k := range singles {
		if len(out) < cases {
			out = append(out, k)
		}
	}
	for i := 0; len(out) < cases && len(turns) > 0; i++ {
		out = append(out, turns[i%len(turns)])
	}
	return out
}

// opening is what staff type.
func (p *play) opening() desk.Opening {
	o := p.kind.opening
	o.OpenedBy, o.Lang, o.Note = "an", p.who.Language, p.marker()
	o.Identities = []dsr.Identity{{Kind: "account", Value: p.who.Login}}
	if o.Kind == dsr.Correction {
		o.Wishes = []dsr.Wish{{Field: "contact.mobile", Value: p.wish.New}}
	}
	return o
}

// marker is the note by which a case is found again that was written although nobody heard so.
func (p *play) marker() string { return "chaos " + string(rune('A'+p.n%26)) + "-" + p.who.Login }

// audited is what the auditor is told.
func (p *play) audited() audit.Case {
	c := audit.Case{Ref: p.ref, Kind: p.kind.name, Login: p.who.Login, Fate: p.kind.fate, Outcomes: p.kind.ends, Events: p.kind.events,
		Letters: p.kind.letters, Package: p.zip, Wish: p.wish}
	return c
}

func mentions(text string, p example.Person) bool {
	text = strings.ToLower(text)
	for _, v := range []string{p.Login, p.Mobile, p.Email, p.IDNumber, p.Name} {
		if v != "" && strings.Contains(text, strings.ToLower(v)) {
			return true
		}
	}
	return false
}
