package contract

// Disclosure asks two people whether an entry of the register of disclosures to authorities stands.
var Disclosure = Workflow[DisclosureInput, DisclosureResult]{"Disclosure"}

// The activities of an entry. Where one runs stands beside it.
var (
	EnterDisclosure  = Activity[TaskInput, Nothing]{"EnterDisclosure"}  // core
	RefuseDisclosure = Activity[TaskInput, Nothing]{"RefuseDisclosure"} // core
)

// DisclosureInput is an entry.
type DisclosureInput struct{ Ref Ref }

// DisclosureResult says what two people said to it.
type DisclosureResult struct{ Entered bool }
