package dsr

import (
	"slices"
	"time"
)

// Rung is how sure we are of who asks, from L0 to L3. NIST SP 800-63A calls the last three IAL1 to IAL3.
type Rung int

// The rungs of the ladder.
const (
	RungNone     Rung = iota // nothing is asked: an opt-out
	RungCode                 // a code to a registered channel
	RungTwo                  // a second registered channel, or facts that we already hold
	RungDocument             // members of staff look at an identity document
)

// The ways to climb beyond the first code.
const (
	BySecond   = "second-channel"
	ByFacts    = "facts"
	ByDocument = "document"
)

// Why a case needs more than a code, or gets less than it should.
const (
	WhyLaw       = "law"       // a law asks for it
	WhySensitive = "sensitive" // sensitive data would go out (PIPL Art. 28)
	WhySpecial   = "special"   // data of a special category would go out or be destroyed (GDPR Art. 9)
	WhyRemote    = "remote"    // the request came by letter or mail: nobody has spoken with the person
	WhyChanged   = "changed"   // a registered channel changed not long ago
	WhyCapped    = "capped"    // more would ask for data that was not collected at registration
)

// The sensitivity of the data that the map holds, in rising order.
const (
	HoldsOrdinary = iota
	HoldsSensitive
	HoldsSpecial
)

// FreshChannel is for how long a channel that changed is not trusted: whoever took an account over
// changes its address first.
const FreshChannel = 30 * 24 * time.Hour

// factsAsked is how many facts take the place of a second channel.
const factsAsked = 2

// Asking is what the rung of a case follows from. Nothing in it is personal.
type Asking struct {
	Kind      CaseKind
	Scope     string
	Channel   string // one of Channels, by which the request came
	Floor     Rung   // the highest that the case's laws ask for
	Points    int    // data points that a law wants matched; 0: none says (11 CCR 7062)
	Holds     int    // HoldsOrdinary, HoldsSensitive or HoldsSpecial
	Changed   bool   // one of the person's channels changed within FreshChannel
	Trusted   int    // registered channels that can be reached and did not
	Facts     int    // facts that the directory holds of the person
	Documents bool   // the company collected the data of an identity document at registration
	// OnlyHeld: a law forbids to ask for more than was collected at registration (GB/T 35273-2020 8.5).
	OnlyHeld bool
}

// Need is what a person has to prove.
type Need struct {
	Rung   Rung     `json:"rung"`
	By     []string `json:"by,omitempty"` // any one of these, beyond the first code
	Facts  int      `json:"facts,omitempty"`
	Points int      `json:"points,omitempty"`
	Why    []string `json:"why,omitempty"`
}

// NeedOf says which rung a case needs. What hands data out, erases or changes it needs a code at least,
// whatever a law allows.
func NeedOf(a Asking) Need {
	n := Need{Rung: a.Floor, Points: a.Points}
	if a.Floor > RungCode {
		n.Why = append(n.Why, WhyLaw)
	}
	if AtOnce(a.Kind, a.Scope) {
		return Need{}
	}
	if a.Kind.Copies() || a.Kind.Erases() || a.Kind == Correction {
		n.Rung = max(n.Rung, RungCode)
	}
	n.sensitivity(a)
	if n.Rung == RungNone {
		return Need{}
	}
	if a.Changed {
		n.Rung, n.Why = min(n.Rung+1, RungDocument), append(n.Why, WhyChanged) // the next rung up
	}
	return n.reachable(a)
}

// sensitivity raises the rung by what would go out: data of the sensitive kinds to L2, of the special ones
// to L3, and one more where nobody has spoken with the person. A deletion gives nothing away, but is final.
func (n *Need) sensitivity(a Asking) {
	out := a.Kind.Copies() && a.Scope != ScopeCategories
	var level Rung
	var why string
	switch {
	case out && a.Holds == HoldsSpecial:
		level, why = RungDocument, WhySpecial
	case out && a.Holds == HoldsSensitive:
		level, why = RungTwo, WhySensitive
	case a.Kind.Erases() && a.Holds == HoldsSpecial:
		level, why = RungTwo, WhySpecial
	default:
		return
	}
	n.Why = append(n.Why, why)
	if a.Channel == "letter" || a.Channel == "mail" {
		level, n.Why = min(level+1, RungDocument), append(n.Why, WhyRemote)
	}
	n.Rung = max(n.Rung, level)
}

// reachable sets the ways up, and comes down to what may be asked for. Each channel that is proved and each
// fact is a data point (11 CCR 7062).
func (n Need) reachable(a Asking) Need {
	documents := a.Documents || !a.OnlyHeld
	if n.Rung == RungDocument && !documents {
		n.Rung, n.Why = RungTwo, append(n.Why, WhyCapped)
	}
	if n.Rung == RungTwo {
		if a.Trusted >= 2 && n.Points <= 2 {
			n.By = append(n.By, BySecond)
		}
		if asked := max(factsAsked, n.Points-1); a.Facts >= asked {
			n.By, n.Facts = append(n.By, ByFacts), asked
		}
	}
	if n.Rung > RungCode && len(n.By) == 0 && documents {
		n.By = []string{ByDocument}
	}
	if n.Rung > RungCode && len(n.By) == 0 {
		n.Rung, n.Points = RungCode, 0
		if !slices.Contains(n.Why, WhyCapped) {
			n.Why = append(n.Why, WhyCapped)
		}
	}
	return n
}

// Proved is what a person has proved so far.
type Proved struct {
	Code     bool
	Second   bool
	Facts    bool
	Document bool // by a signed decision
}

// Reached is the rung that proofs amount to.
func (p Proved) Reached() Rung {
	switch {
	case p.Document:
		return RungDocument
	case p.Code && (p.Second || p.Facts):
		return RungTwo
	case p.Code:
		return RungCode
	}
	return RungNone
}

// Met says whether they are what a case needs. Staff who saw a document need no code beside it: it is for
// people who have lost their channels.
func (n Need) Met(p Proved) bool {
	switch {
	case p.Document || n.Rung == RungNone:
		return true
	case n.Rung == RungCode:
		return p.Code
	case n.Rung == RungTwo:
		return p.Code && (p.Second && slices.Contains(n.By, BySecond) || p.Facts && slices.Contains(n.By, ByFacts))
	}
	return false
}

// ShownIdentity is what a reviewer compares a document with. Person holds values in clear.
type ShownIdentity struct {
	Rung   Rung       `json:"rung"`
	Why    []string   `json:"why,omitempty"`
	Person []Identity `json:"person"`
}
