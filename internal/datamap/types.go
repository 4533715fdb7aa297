package datamap

import "time"

// Version is the version of the map's format that this program reads.
const Version = 1

// Text is a short text in the languages that people read: "zh" (zh-CN) and "en".
type Text struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// In gives the text in lang ("zh" or "en"), or in the other language where that one is empty.
func (t Text) In(lang string) string {
	if (lang == "zh" && t.ZH != "") || t.EN == "" {
		return t.ZH
	}
	return t.EN
}

// Map is what a company holds about people and where.
type Map struct {
	Systems []*System // sorted by name
	Company Company
	Hash    string // SHA-256 (hex) over the canonical form of every file
}

// System is one place where data is kept, reached by one driver.
type System struct {
	Name   string // lower case, digits and hyphens
	Title  Text
	Driver string // "postgres", "mariadb", "mysql", or one that is asked: DriverManual, DriverOpenDSR, DriverWebhook
	Region string // ISO 3166 code in lower case, such as "cn"
	Owner  string // who answers for it
	// OwnerStaff are names of enrolled staff: one of them signs, besides somebody else, where the owner of the
	// data must. Empty: nobody in particular has to.
	OwnerStaff  []string
	Deputy      string
	Recipient   Text          // the recipient's public name where the system is a third party's
	Patience    time.Duration // how long it may be down before a human is asked
	Connections int           // how many at once it allows us
	Collections []*Collection // in file order
	Ignored     []IgnoredTable
	File        string
	// Identities are the company's own kinds, the same in every system.
	Identities []OwnIdentity
	// Backups is how long the last backup with a deleted row lives; 0 where the map does not say.
	Backups time.Duration
	// Outside is what is asked of a system that no query reaches; nil for a database.
	Outside *Outside
	Sweep   Sweep // when and how fast expired rows go
	// ProcessedFor holds for every collection that does not say otherwise.
	ProcessedFor *Customer
}

// IgnoredTable is a table that is left out of the map on purpose.
type IgnoredTable struct {
	Schema, Table string
	Reason        string
	Line          int
}

// Collection is one table or view of a system.
type Collection struct {
	System     *System
	Name       string
	Schema     string // of the table
	Table      string
	Title      Text
	Key        []string // columns, in order
	Columns    []*Column
	Match      []Match
	Links      []*Link
	Directory  *Directory // not nil where accounts are looked up
	Purpose    Text
	LegalBasis string // "consent", "contract", "legal-obligation", "legitimate-interest", …
	Retention  Text   // in words, for the person
	Source     Text
	Recipients []Text
	Line       int
	Deletion   *Deletion // what deletion means for the person's own rows; nil: the map does not say
	Expiry     *Expiry   // when the rows have been kept long enough; nil: the map does not say
	Stops      []Stop    // what the end of a purpose means for the person's own rows
	Closure    []Closure // what stands in the way of closing an account
	Given      bool      // the person gave it; see Column.Given
	// ProcessedFor is the customer for whom alone the rows are held, and who decides about them; nil: they
	// are the company's own.
	ProcessedFor *Customer
}

// ID is "system.collection".
func (c *Collection) ID() string { return c.System.Name + "." + c.Name }

// Column finds a column by name; nil when the map does not know it.
func (c *Collection) Column(name string) *Column {
	for _, col := range c.Columns {
		if col.Name == name {
			return col
		}
	}
	return nil
}

// Treatments of a column in an export.
const (
	ExportShow = "show" // as it stands
	ExportHeld = "held" // only whether a value is held (password hashes)
	ExportMask = "mask" // partly hidden, by the column's Mask
)

// Column is one column: classified (Category) or ignored on purpose (Ignore, the reason).
type Column struct {
	Name       string
	Category   string // dotted fideslang or pd: name, such as "user.contact.email"
	Title      Text
	Export     string // one of Export…
	Mask       string // "id_number", "bank_account", "email", "mobile", "name", "all"
	ThirdParty bool   // may speak of somebody else: withheld until a reviewer decides
	Ignore     string // why the column is left out; Category is empty then
	Line       int

	// What differs from the collection, or is not said there. All may be empty.
	Purpose     Text
	LegalBasis  string
	Source      Text
	Sensitivity string // Ordinary, Sensitive or Special; empty when the map does not say
	Paths       []Path // personal fields inside a JSON column

	Erase    *Strategy // how an anonymised row gets its new value; nil: the column stays
	FreeText bool      // people write here what they like: a hunt looks into it
	Correct  *Correct  // what correcting it means; nil: nothing but the value changes
	Fact     bool      // of a directory: a person may prove who they are by knowing it
	Given    bool      // the person gave it (GDPR Art. 20(1)), where the map says so of the column or its collection
}

// Path is a personal field inside a JSON column.
type Path struct {
	Name        string   // as the map writes it, such as "customer.email"
	Keys        []string // object keys from the outside in
	Category    string
	Title       Text
	Export      string // one of Export…
	Mask        string
	Sensitivity string
	Line        int
}

// Match says that a column holds an identity of the person.
type Match struct {
	Column   string
	Identity string // "email", "mobile", "national_id", "account", "enterprise_code", or the company's own
	Line     int
	// Widens lets the values found here search on.
	Widens bool
	Valid  *Valid // may be nil
}

// How the rows of a link belong to the person at its other end.
const (
	Belongs = "belongs" // the row is about this person
	Refers  = "refers"  // the row is only referred to and may be shared
)

// Link says that Columns of this collection hold the values of ToColumns of another one,
// possibly in another system. It leads from child (this collection) to parent (To).
type Link struct {
	From      *Collection
	Columns   []string
	To        *Collection
	ToColumns []string
	Relation  string // Belongs or Refers
	Deletion  string // "deep", "shallow" or "refcount" (DELF, USENIX Security 2020)
	Line      int
	Expr      *Expr  // which part of the one column refers; nil: the column itself
	Follow    string // FollowDown, FollowUp or FollowNone; FollowDown unless the link leads to its own collection
	Valid     *Valid // may be nil
	Shared    string // SharedShow or SharedHide, for Refers
}

// Self reports whether the link leads to its own collection.
func (l *Link) Self() bool { return l.From == l.To }

// Directory marks the collection in which people are looked up and whose channels a code may go to.
type Directory struct {
	Account  string    // the column with the name the person knows; may be empty
	Language string    // the column with "zh" or "en"; may be empty
	Channels []Channel // in order of preference
	// OwnRecordOnly keeps discovery to the very row (designated contacts).
	OwnRecordOnly bool
}

// Channel is a column that holds an address a code may be sent to.
type Channel struct {
	Kind   string // "email" or "mobile"
	Column string
	Since  string // column with the time since when the address stands there; may be empty
}

// Company is company.yaml: who speaks to people.
type Company struct {
	Name      Text
	From      string // mailbox of the letters' From, such as "privacy@cloud.example"
	ReplyTo   string
	Hotline   string
	Officer   string // data protection officer: how to reach
	Address   Text
	Languages []string // "zh", "en": the first is the default
	Law       string   // default profile, such as "cn-pipl"
	// Identities are the kinds of identity that the company names itself, in file order.
	Identities []OwnIdentity
	// Purposes are those that a person may have stopped: the two that every map has, and the company's.
	Purposes []Purpose
	// Affiliates are companies of the same group: a request that reaches one has reached the company.
	Affiliates []Affiliate
	// Limits bound a deletion that needs no third approval.
	Limits Limits
	// Strong are the kinds of identity that are one person's alone, and worth a hunt after a
	// deletion.
	Strong []string
	// Correction is what corrections ask for beyond the usual.
	Correction Correction
}

// System finds a system by name; nil when there is none.
func (m *Map) System(name string) *System {
	for _, s := range m.Systems {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Collection finds "name" in the system; nil when there is none.
func (s *System) Collection(name string) *Collection {
	for _, c := range s.Collections {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Directories are the collections in which people are looked up, in map order.
func (m *Map) Directories() []*Collection {
	var found []*Collection
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			if c.Directory != nil {
				found = append(found, c)
			}
		}
	}
	return found
}

// ThirdParty lists the columns that wait for a reviewer's word.
func (c *Collection) ThirdParty() []*Column {
	var found []*Column
	for _, col := range c.Columns {
		if col.ThirdParty {
			found = append(found, col)
		}
	}
	return found
}
