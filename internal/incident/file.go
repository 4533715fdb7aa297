package incident

import (
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Kind is what a notice is about.
type Kind string

// The kinds of notice.
const (
	Breach       Kind = "breach"        // PIPL 57, GDPR 33 and 34
	PolicyChange Kind = "policy-change" // PIPL 17(2)
	Transfer     Kind = "transfer"      // PIPL 22
)

// Kinds lists them.
var Kinds = []string{string(Breach), string(PolicyChange), string(Transfer)}

// File is one incident as staff wrote it down. Its texts are for the people concerned; nothing in it
// is about one of them.
type File struct {
	Kind     Kind           `json:"kind"`
	Exercise bool           `json:"exercise,omitempty"` // goes to the catcher and says so everywhere
	Title    datamap.Text   `json:"title"`
	Laws     []string       `json:"laws"`
	AwareAt  time.Time      `json:"aware_at,omitzero"` // a breach: when the company knew
	AwareBy  string         `json:"aware_by,omitempty"`
	Lead     Contact        `json:"lead,omitzero"`
	Deputy   Contact        `json:"deputy,omitzero"`
	Texts    Texts          `json:"texts"`
	Severity Severity       `json:"severity,omitzero"`
	Scopes   []Scope        `json:"scopes"`
	Canaries []string       `json:"canaries,omitempty"` // addresses of the company's own, at the main providers
	Pace     Pace           `json:"pace"`
	Ladder   Ladder         `json:"ladder"`
	Policy   *Policy        `json:"policy,omitempty"`
	To       *Recipient     `json:"to,omitempty"`
	Unneeded *NotifyNothing `json:"do_not_notify,omitempty"`
}

// MayBeRefused says whether people may object to such a letter: a minor change of the policy asks
// nothing of them and takes nothing from them, so that it is no more than news from the company. A law
// asks for every other notice, and a word against marketing does not stop it.
func (f File) MayBeRefused() bool {
	return f.Kind == PolicyChange && f.Policy != nil && f.Policy.Class == PolicyMinor
}

// Contact is somebody of the company.
type Contact struct {
	Name string `json:"name"`
	Mail string `json:"mail"`
}

// Texts are what the letter says, by language, in the order of California's headings
// (Civ. Code 1798.82(d)): what happened, what information, what we are doing, what you can do, more.
type Texts struct {
	What      datamap.Text `json:"what"`
	When      datamap.Text `json:"when"`
	Cause     datamap.Text `json:"cause"`
	Harm      datamap.Text `json:"harm"`
	Measures  datamap.Text `json:"measures"`
	Advice    datamap.Text `json:"advice"`
	Remedy    datamap.Text `json:"remedy"`
	Contact   datamap.Text `json:"contact"`
	Authority datamap.Text `json:"authority"`
}

// Severity is what decides which authority must be told, and how fast.
type Severity struct {
	Persons   int64  `json:"persons,omitempty"` // an estimate, until the list is frozen
	Sensitive bool   `json:"sensitive,omitempty"`
	Risk      string `json:"risk,omitempty"`  // none, risk, high (GDPR 33(1), 34(1))
	Level     string `json:"level,omitempty"` // of a Chinese network-security incident: larger, major, extreme
	Operator  string `json:"operator,omitempty"`
}

// Scope is one part of who is concerned: the people behind rows of a collection, or those of a CSV.
type Scope struct {
	System     string             `json:"system,omitempty"`
	Collection string             `json:"collection,omitempty"`
	Where      *datamap.Condition `json:"where,omitempty"`
	CSV        string             `json:"csv,omitempty"` // path, as the file gives it
	Categories []datamap.Text     `json:"categories"`    // the kinds of data of these people that are concerned
}

// Pace is how fast letters go.
type Pace struct {
	Rate      int           `json:"rate"`       // letters a second; 0: as fast as the server takes them
	PerDomain int           `json:"per_domain"` // the same for one receiving domain
	Waves     []int         `json:"waves"`      // per cent of the list, rising, the last is 100
	StopAt    int           `json:"stop_at"`    // per cent of refused letters at which it stops by itself
	Retry     time.Duration `json:"retry"`      // the first wait after "not now"; doubles
	GiveUp    time.Duration `json:"give_up"`    // after which a letter that is not taken goes down the ladder
}

// Ladder is what follows where e-mail did not reach (the policy's S4.4: letter, phone, push, notice).
type Ladder struct {
	Steps      []string      `json:"steps"`       // of sms, phone, letter, public, in this order
	After      time.Duration `json:"after"`       // how long bounces are waited for
	PublicOver int64         `json:"public_over"` // more than so many unreached: a public notice instead
}

// Public says whether so many people are unreached that a public notice takes the place of calls and
// letters (GDPR Art. 34(3)(c)). A ladder without that step goes on as it is.
func (l Ladder) Public(unreached int64) bool {
	return unreached > l.PublicOver && slices.Contains(l.Steps, "public")
}

// Steps of a ladder, in their order.
var Steps = []string{"sms", "phone", "letter", "public"}

// The classes of a change of the policy.
const (
	PolicyMajor = "major"
	PolicyMinor = "minor"
)

// Policy is a change of the privacy policy.
type Policy struct {
	Class     string    `json:"class"` // PolicyMajor or PolicyMinor, from the policy's own list
	Effective time.Time `json:"effective"`
	Changes   []Change  `json:"changes"`
}

// Change is one line of the table of changes.
type Change struct {
	Clause  string       `json:"clause"`
	Before  datamap.Text `json:"before"`
	After   datamap.Text `json:"after"`
	Touches string       `json:"touches"` // nothing, purpose, method, type, rights
}

// Touchable is what a change may touch. All but nothing ask for consent again (PIPL 14(2)).
var Touchable = []string{"nothing", "purpose", "method", "type", "rights"}

// Consent reports whether the change needs each person's consent before it holds for them.
func (p *Policy) Consent() bool {
	for _, c := range p.Changes {
		if c.Touches != "nothing" {
			return true
		}
	}
	return false
}

// Recipient is who takes the business over (PIPL 22: name and contact).
type Recipient struct {
	Name    datamap.Text `json:"name"`
	Contact string       `json:"contact"`
	On      time.Time    `json:"on"`
}

// NotifyNothing asks for the decision not to notify the people, with its ground (PIPL 57(2),
// GDPR 34(3)). The authorities are told all the same.
type NotifyNothing struct {
	Ground string       `json:"ground"`
	Facts  datamap.Text `json:"facts"`
}

// Grounds on which people need not be notified.
var Grounds = []string{"harm-avoided", "encrypted", "later-measures"}
