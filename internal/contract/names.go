package contract

import "go.temporal.io/sdk/temporal"

// Task queues. A system has one of its own, so that a slow database holds up nothing else.
const (
	// QueueCore runs workflows and the steps that touch only the casefile and the blob store.
	QueueCore = "habeas"
	// QueueLetters runs what talks to the mail server and the SMS webhook.
	QueueLetters = "habeas-letters"
)

// QueueSystem is the queue on which the system of that name is reached.
func QueueSystem(system string) string { return "system-" + system }

// Search attributes, registered by `habeas stack up` and by the worker's start-up check. They are
// never encrypted: no personal data.
var (
	AttrKind        = temporal.NewSearchAttributeKeyKeyword("HabeasKind")
	AttrState       = temporal.NewSearchAttributeKeyKeyword("HabeasState")
	AttrLaw         = temporal.NewSearchAttributeKeyKeywordList("HabeasLaw")
	AttrDueAt       = temporal.NewSearchAttributeKeyTime("HabeasDueAt")
	AttrWaitingOn   = temporal.NewSearchAttributeKeyKeyword("HabeasWaitingOn")
	AttrOpenSystems = temporal.NewSearchAttributeKeyKeywordList("HabeasOpenSystems")
	// AttrClock is the alarm that holds: "7d" before the case is due, "overdue"; unset while none does.
	AttrClock = temporal.NewSearchAttributeKeyKeyword("HabeasClock")
)

// SearchAttributes are the names and types above as the Temporal command line writes them.
var SearchAttributes = map[string]string{
	AttrKind.GetName():        "Keyword",
	AttrState.GetName():       "Keyword",
	AttrLaw.GetName():         "KeywordList",
	AttrDueAt.GetName():       "Datetime",
	AttrWaitingOn.GetName():   "Keyword",
	AttrOpenSystems.GetName(): "KeywordList",
	AttrClock.GetName():       "Keyword",
}

// Error types, as Temporal shows them. The activity knows the system and chooses; the workflow
// branches on the type and on nothing else.
const (
	ErrInternal       = "Internal"       // anything unclassified: retried, details only in our log
	ErrUnavailable    = "Unavailable"    // a system, mail server or store did not answer: retried
	ErrBusy           = "Busy"           // it asked us to slow down: retried after its delay
	ErrRefused        = "Refused"        // it answered no, and will again: a human is needed
	ErrMapMismatch    = "MapMismatch"    // the data map and the live schema differ
	ErrNotApproved    = "NotApproved"    // no valid signed decision stands behind an irreversible step
	ErrNotFound       = "NotFound"       // the reference does not exist, or is forgotten
	ErrBadInput       = "BadInput"       // the caller must change something
	ErrBadSignature   = "BadSignature"   // wrong key, role, person, digest or bytes
	ErrNotOpen        = "NotOpen"        // the task or step is not open
	ErrUndeliverable  = "Undeliverable"  // a letter was refused for good
	ErrLimited        = "Limited"        // too many tries or codes
	ErrStopping       = "WorkerStopping" // the worker is going down: retried elsewhere
	ErrConflict       = "Conflict"       // the same thing exists with another content
	ErrTampered       = "Tampered"       // a seal, hash or signature does not match
	ErrHeld           = "Held"           // a legal hold covers it: nothing of it is destroyed
	ErrPlanOutgrown   = "PlanOutgrown"   // more rows arrived than the plan allows for: a new plan is needed
	ErrNothingToShare = "NothingToShare" // the package would be empty
)
