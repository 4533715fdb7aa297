package datamap

// How a column of an anonymised row gets its new value.
const (
	StrategyNull        = "null"
	StrategyConstant    = "constant"    // Value
	StrategyEmpty       = "empty"       // an empty text, list, document or binary
	StrategyHash        = "hash"        // HMAC-SHA-256 under the case's key
	StrategyPseudonym   = "pseudonym"   // the same value gives the same pseudonym, within the case
	StrategyRandom      = "random"      // another value of the same shape
	StrategyPlaceholder = "placeholder" // one that no other row has
	StrategyTruncate    = "truncate"    // To says to what
	StrategyScrub       = "scrub"       // the person's known values are replaced inside the text
)

// What truncation leaves.
const (
	TruncateNetwork = "network" // of an IP address: 24 bits of IPv4, 48 of IPv6
	TruncateYear    = "year"    // of a date or time: the first of January
	TruncatePrefix  = "prefix"  // of a text: the first Keep characters
)

// Strategy is how a column gets its new value.
type Strategy struct {
	With  string `json:"with"`            // one of Strategy…
	Value string `json:"value,omitempty"` // of constant
	To    string `json:"to,omitempty"`    // one of Truncate…
	Keep  int    `json:"keep,omitempty"`  // characters that a prefix keeps
	Line  int    `json:"-"`
}

// What deletion means for the rows of a collection that are the person's own.
const (
	DeletionDelete    = "delete"
	DeletionAnonymise = "anonymise" // by the strategies of the columns (Column.Erase)
	DeletionKeep      = "keep"
	// DeletionLeave stands in no file: of the map that Stopping gives, it is a collection that is only
	// on the way to others.
	DeletionLeave = "leave"
)

// Deletion is what a collection says of deletion.
type Deletion struct {
	Action string // one of Deletion…
	Keep   *Keep  // of DeletionKeep
	Line   int
}

// Keep is why and how long rows are kept, and what happens then.
type Keep struct {
	Basis string // legal basis, one of LegalBases
	Law   Text   // as the person is told, with the article
	// The rows are kept until Months or Days after the time in the column Since, or until the end
	// of the day Until ("2006-01-02"); one of the two. Where Since is NULL a row is kept.
	Since  string
	Months int
	Days   int
	Until  string
	Then   string // DeletionDelete or DeletionAnonymise: what happens to rows whose time is over
	// Blocked is the column, and its value, that takes a kept row out of ordinary use; may be empty.
	Blocked      string
	BlockedValue string
}

// Limits bound a plan that two approvals are enough for.
type Limits struct {
	Rows    int64 // over all collections
	Percent int   // of the rows of one collection
}
