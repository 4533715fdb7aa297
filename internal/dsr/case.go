package dsr

import "time"

// CaseKind is the right that a person uses.
type CaseKind string

// The kinds of case that this engine carries out.
const (
	Access CaseKind = "access" // PIPL 45, GDPR 15
)

// CaseKinds lists them all, in the order in which help shows them.
var CaseKinds = []CaseKind{Access}

// State is how far a case is, for people. Temporal knows it; the casefile keeps a projection.
type State string

// The states of an access case, in order.
const (
	StateReceived   State = "received"
	StateVerifying  State = "verifying"
	StateFinding    State = "finding"
	StateCollecting State = "collecting"
	StateReview     State = "review"
	StateRelease    State = "release"
	StateReady      State = "ready" // the person may fetch the package
	StateClosed     State = "closed"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	Fulfilled  Outcome = "fulfilled"
	PartlyDone Outcome = "partial"
	Refused    Outcome = "refused"
	NoData     Outcome = "no_data"
	Unverified Outcome = "unverified"
	Withdrawn  Outcome = "withdrawn"
)

// Channels by which a request reaches the company.
var Channels = []string{"phone", "letter", "mail", "web"}

// Requesters are who may ask.
var Requesters = []string{"self", "agent", "guardian", "relative"}

// Identity is one thing by which a person is known, normalised. It is personal data.
type Identity struct {
	Kind  string `json:"kind"` // "email", "mobile", "national_id", "account", …
	Value string `json:"value"`
	// Exact: the value stands on several directory rows unless compared byte for byte
	// (e-mails that differ only in case), so it is compared byte for byte.
	Exact bool `json:"exact,omitempty"`
	// Shared: it stands on several directory rows however it is compared, so it is never
	// used to find anything; the reviewer sees that it exists.
	Shared bool `json:"shared,omitempty"`
	// From and Until bound the time in which it was the person's, where the map says so; zero
	// is open. Bound: others had it at other times, so it finds nothing but rows with a time.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Bound bool      `json:"bound,omitempty"`
}

// Purposes of a one-time code.
const (
	CodeVerify   = "verify"
	CodeStatus   = "status"
	CodeDownload = "download"
)
