package contract

// Restriction stops a purpose (PIPL 15, 24, 44, GDPR 7(3), 18, 21).
var Restriction = Workflow[CaseInput, CaseResult]{"Restriction"}

// EndRestriction says that somebody wants a restriction to end; the casefile knows who and why.
var EndRestriction = Signal[EndRestrictionInput]{"end-restriction"}

// The activities of a restriction, beside those of a deletion, whose plans it uses. Where one runs
// stands beside it.
var (
	BeginStopping    = Activity[PlanInput, Nothing]{"BeginStopping"}            // core
	CallRecipient    = Activity[CallInput, Nothing]{"CallRecipient"}            // the recipient's
	EnterForce       = Activity[RefInput, Nothing]{"EnterForce"}                // core
	RestrictionFacts = Activity[RefInput, RestrictionState]{"RestrictionFacts"} // core
)

// EndRestrictionInput is empty: the casefile knows.
type EndRestrictionInput struct{}

// What a recipient is told of a purpose.
const (
	CallStopped = "stopped"
	CallLifted  = "lifted"
)

// CallInput names a recipient and what it is told.
type CallInput struct {
	Ref    Ref
	System string
	What   string // CallStopped or CallLifted
}

// About is the case.
func (i CallInput) About() Ref { return i.Ref }

// RestrictionState is what a workflow must know of a restriction.
type RestrictionState struct {
	InForce bool
	// Asked counts the wishes to end it; 0: nobody wants it to end.
	Asked int
	// LiftFrom is the first plan that sets back; 0: none.
	LiftFrom int
}
