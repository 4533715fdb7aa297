package systems

import (
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Kinds of finding.
const (
	MissingTable   = "missing-table"
	MissingColumn  = "missing-column"
	UnmappedColumn = "unmapped-column" // the table has a column that the map does not name
	NoPrivilege    = "no-privilege"
	RowSecurity    = "row-level-security" // a policy would hide rows from us
	WrongKind      = "wrong-kind"         // the column cannot be used the way the map says
	Advice         = "advice"             // it works, but slowly: an index is missing

	// What speaks against a deletion; see Eraser.
	NotNull       = "not-null"       // the column must hold a value
	NotUnique     = "not-unique"     // two rows would hold the same where that is forbidden
	NotAllowed    = "not-allowed"    // a CHECK, a domain, a type or an exclusion forbids the new value
	Computed      = "computed"       // generated and identity columns cannot be set
	OtherRows     = "other-rows"     // rows outside the plan would be deleted or changed, or forbid it
	ForeignCircle = "foreign-circle" // foreign keys run in a circle that cannot be cut
	NoRollback    = "no-rollback"    // the engine does not take back what was tried
	NotChangeable = "not-changeable" // a view, a foreign table
	NoStrategy    = "no-strategy"    // the column's type has no such strategy
	NoRule        = "no-rule"        // the map does not say what deletion means there
	TriggerInside = "trigger"        // advice: a trigger will run
	TriggerBeyond = "trigger-beyond" // a trigger may have effects that are not taken back: not tried
	Untried       = "untried"        // advice: why the trial left something out
	Taken         = "taken"          // advice: somebody else's directory row holds a corrected value already
	ClosureFact   = "closure"        // advice: what stands in the way of closing the account
	LastContact   = "last-contact"   // nobody would be left to reach for an account that stays

	// What only the tools of the data map report; no case looks for these.
	BadExpiry     = "expiry"         // a rule of retention that cannot be carried out as it stands
	BadStop       = "stop"           // the end of a purpose that cannot be carried out as it stands
	UnmappedTable = "unmapped-table" // no file of the map mentions it
	IgnoredTable  = "ignored-table"  // waved off, but not there
	ReadOnly      = "read-only"      // reading is all that the account may do
	Unreachable   = "unreachable"    // the system gave no answer
)

// Finding is one difference between the map and a live schema. It holds names, never values.
type Finding struct {
	Kind       string `json:"kind"`
	System     string `json:"system"`
	Collection string `json:"collection,omitempty"` // empty where the whole system is meant
	Column     string `json:"column,omitempty"`
	Text       string `json:"text"`           // what is wrong, with table and column
	Hint       string `json:"hint,omitempty"` // what to do; SQL where that is the answer
}

// Stops reports whether a case must not go on with this: whether its answer would be wrong.
func (f Finding) Stops() bool {
	switch f.Kind {
	case Advice, ReadOnly, BadExpiry, BadStop, ClosureFact, UnmappedTable, IgnoredTable, TriggerInside, TriggerBeyond, Untried, Taken:
		return false
	}
	return true
}

// Drifts reports whether map and schema differ by this, a case in progress or not.
func (f Finding) Drifts() bool { return f.Kind != Advice && f.Kind != ReadOnly }

// shownFindings is how many differences an error names; the rest is counted.
const shownFindings = 5

// Mismatch turns the findings that stop a case into one contract.ErrMapMismatch, or nil.
func Mismatch(findings []Finding) error {
	var texts []string
	for _, f := range findings {
		if f.Stops() {
			texts = append(texts, f.Text)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	more := ""
	if len(texts) > shownFindings {
		texts, more = texts[:shownFindings], " (and more)"
	}
	return fault.New(contract.ErrMapMismatch, strings.Join(texts, "; ")+more, nil).
		WithHint("correct the data map or the database, then retry; `habeas datamap check` lists every difference")
}
