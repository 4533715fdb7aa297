package dsr

import "time"

// CaseKind is the right that a person uses.
type CaseKind string

// The kinds of case that this engine carries out.
const (
	Access   CaseKind = "access"   // PIPL 45, GDPR 15
	Deletion CaseKind = "deletion" // PIPL 47, GDPR 17
	// EraseAfterAccess is a copy first, and the deletion when it was fetched or its time is over.
	EraseAfterAccess CaseKind = "erase-after-access" // PIPL 45 and 47, GDPR 15 and 17
	// Correction is the right to have data corrected and completed (PIPL 46, GDPR 16).
	Correction CaseKind = "correction"
	// Restriction stops a purpose: a consent withdrawn, an objection, an unsubscription, a restriction
	// (PIPL 15, 24, 44, GDPR 7(3), 18, 21).
	Restriction CaseKind = "restriction"
	Portability CaseKind = "portability" // PIPL 45(3), GDPR 20: an access to what the person gave
)

// CaseKinds lists them all, in the order in which help shows them.
var CaseKinds = []CaseKind{Access, Deletion, EraseAfterAccess, Correction, Restriction, Portability}

// Copies says whether a case of the kind gives the person a copy of their data.
func (k CaseKind) Copies() bool { return k == Access || k == Portability || k == EraseAfterAccess }

// Erases says whether a case of the kind deletes the person's data.
func (k CaseKind) Erases() bool { return k == Deletion || k == EraseAfterAccess }

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

// The states of a deletion case between finding and closed, in order.
const (
	StatePlanning State = "planning"
	StatePlan     State = "plan"     // a reviewer looks at the plan
	StateApproval State = "approval" // a second person decides on it
	StateCooling  State = "cooling"  // approved; the person may still withdraw
	StateErasing  State = "erasing"
	StateChecking State = "checking" // what was erased is read back
	StateAsking   State = "asking"   // those who are asked to act have not all answered; of access cases too
)

// The states of a restriction, beside those of a deletion.
const (
	StateStopping State = "stopping"
	StateTelling  State = "telling"  // recipients are told
	StateInForce  State = "in-force" // what was asked is so, until somebody ends it
	StateLifting  State = "lifting"  // it is being ended
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
	Linked     Outcome = "linked" // the same person has an open case of this kind, which goes on
)

// Ground is why somebody may have their data deleted.
type Ground string

// The grounds: PIPL Art. 47 (1) to (5) and GDPR Art. 17(1) (a) to (f).
const (
	GroundPurpose  Ground = "purpose-over"       // PIPL 47(1)(1), GDPR 17(1)(a): no longer needed
	GroundService  Ground = "service-ended"      // PIPL 47(1)(2): service or time of storage is over
	GroundConsent  Ground = "consent-withdrawn"  // PIPL 47(1)(3), GDPR 17(1)(b)
	GroundUnlawful Ground = "unlawful"           // PIPL 47(1)(4), GDPR 17(1)(d)
	GroundObjected Ground = "objected"           // GDPR 17(1)(c)
	GroundDuty     Ground = "legal-duty"         // PIPL 47(1)(5), GDPR 17(1)(e)
	GroundChild    Ground = "collected-as-child" // GDPR 17(1)(f)
)

// Grounds lists them all, in the order in which help shows them.
var Grounds = []Ground{GroundPurpose, GroundService, GroundConsent, GroundUnlawful, GroundObjected, GroundDuty, GroundChild}

// Channels by which a request reaches the company.
var Channels = []string{"phone", "letter", "mail", "web", "opendsr", "backup"}

// Requesters are who may ask.
var Requesters = []string{"self", RequesterAgent, RequesterGuardian, RequesterRelative, RequesterController, RequesterReplay}

// RequesterController is another company, whose processor we are: it vouches for the person.
const RequesterController = "controller"

// RequesterReplay is ourselves: somebody who was erased is back in a restored system.
const RequesterReplay = "replay"

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
