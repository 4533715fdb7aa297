package jurisdiction

// Unit is what a period is counted in.
type Unit string

// The units. Promptly is a duty without a number.
const (
	CalendarDay Unit = "calendar_day"
	BusinessDay Unit = "business_day"
	Month       Unit = "month"
	Year        Unit = "year"
	Hour        Unit = "hour"
	Promptly    Unit = "promptly"
)

// Period is a length of time as a law writes it.
type Period struct {
	N    int  `json:"n"`
	Unit Unit `json:"unit"`
}

// How a law treats the day on which a period begins.
const (
	DayNext          = "next"          // it is not counted (民法典 201; Reg. 1182/71 Art. 3(1))
	DayReceived      = "received"      // it is the first day (11 CCR 7021(b))
	DayCorresponding = "corresponding" // "one month beginning with": strict is the day before the same date
)

// Text is a sentence in the languages of the letters.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the text in lang, "zh" or "en".
func (t Text) In(lang string) string {
	if lang == "zh" {
		return t.ZH
	}
	return t.EN
}

// Profile is one law. It is what a file under laws/ says; schema/law.v1.json is its schema.
type Profile struct {
	Schema  string `json:"schema"`  // "habeas.law/v1"
	Name    string `json:"name"`    // "eu-gdpr"
	Version string `json:"version"` // grows with every change of the file
	Title   Text   `json:"title"`
	// Zone is an IANA name: deadlines are civil days there.
	Zone string `json:"zone"`
	// Country names the calendar that business days and roll-forward go by.
	Country string `json:"country"`
	// FirstDay is one of the Day… above.
	FirstDay string `json:"first_day"`
	// Roll: what ends on a day off moves to the next working day, for the legal date.
	Roll bool `json:"roll"`
	// WarnDays are how many days before the strict date staff are warned.
	WarnDays    []int      `json:"warn_days"`
	Rights      []Right    `json:"rights"`
	Acknowledge []Rule     `json:"acknowledge"`
	Answers     []Rule     `json:"answer"`
	Extension   *Extension `json:"extend,omitempty"` // nil: the law knows none
	Pause       Pausing    `json:"pause"`
	Verify      Verifying  `json:"verify"`
	Refusals    []Ground   `json:"refuse"`
	// Repeats is from how many requests on a reviewer is asked whether they are too many; nil: never.
	Repeats    *Repeating  `json:"repeats,omitempty"`
	Complain   Complaining `json:"complain"`
	Recipients []Telling   `json:"recipients,omitempty"`
	Records    Records     `json:"records"`
	// KeptAtLeast are floors for records that are kept in the course of business.
	KeptAtLeast []KeptAtLeast `json:"keep_at_least,omitempty"`
	Leaks       []Leak        `json:"breach"`
	// Notify is what a notice of a leak must tell the persons; none: the embedded law's list holds.
	Notify []Telltale `json:"notify,omitempty"`
	// Severity are numbers of persons from which a leak has a level of its own.
	Severity []Level `json:"severity,omitempty"`
	// Pending says what may change soon; it is shown and never computed with.
	Pending string `json:"pending,omitempty"`
}

// Right is something that a person may ask for.
type Right struct {
	Code string `json:"code"` // the law's own: "know_specific"
	// Kinds are the cases that carry it out; none: it is handled by people.
	Kinds  []string `json:"kinds,omitempty"`
	Source string   `json:"source"`
}

// Rule is one clock: within what time something must have happened.
type Rule struct {
	For      []string `json:"for"` // codes of rights, or "all"
	Within   Period   `json:"within"`
	FirstDay string   `json:"first_day,omitempty"` // in place of the profile's
	// House: the number is the company's own target, not the law's.
	House  bool   `json:"house,omitempty"`
	Source string `json:"source"`
	// Since is the first day of receipt for which the rule holds, as 2026-06-19; empty: always.
	Since       string `json:"since,omitempty"`
	Unconfirmed bool   `json:"unconfirmed,omitempty"` // a setting until a lawyer has read the text
}

// Extension is more time, which a company may take once.
type Extension struct {
	By       Period   `json:"by"`
	For      []string `json:"for"`
	MaxTotal *Period  `json:"max_total,omitempty"`
	Grounds  []Ground `json:"grounds"`
	Source   string   `json:"source"`
}

// Ground is a reason that a law knows.
type Ground struct {
	Code        string   `json:"code"`
	Text        Text     `json:"text"`
	Source      string   `json:"source"`
	For         []string `json:"for,omitempty"` // codes of rights; none: all
	Unconfirmed bool     `json:"unconfirmed,omitempty"`
}

// Repeating is a number of requests of one person and kind beyond which somebody looks at them. Nothing is
// refused by a number: a reviewer says whether the case goes on, or proposes to refuse it on the ground.
type Repeating struct {
	MoreThan int      `json:"more_than"`
	Within   Period   `json:"within"`
	For      []string `json:"for"`
	Ground   string   `json:"ground"`          // a code of Refusals
	House    bool     `json:"house,omitempty"` // the number is the company's own
	Source   string   `json:"source"`
}

// What stopping the clock does.
const (
	PauseNone    = "none"    // it may not be stopped
	PauseRecord  = "record"  // it is written down; alarms follow the date without it
	PauseRestart = "restart" // the clock begins when the information came
	PauseExclude = "exclude" // the days from the question to the answer do not count, both included
)

// Pausing is what stops a clock.
type Pausing struct {
	Identity   string   `json:"identity"`
	Clarify    string   `json:"clarify"`
	ClarifyFor []string `json:"clarify_for,omitempty"` // codes of rights; none: all
	Source     string   `json:"source,omitempty"`
}

// Verifying is how sure a company must be of who asks.
type Verifying struct {
	Floors        []Floor  `json:"floors"`
	Forbidden     []string `json:"forbidden,omitempty"`      // what may not be asked for
	NeverDisclose []string `json:"never_disclose,omitempty"` // what no answer may contain
	Source        string   `json:"source"`
	Unconfirmed   bool     `json:"unconfirmed,omitempty"`
}

// Floor is the least rung of the ladder L0 to L3 for some rights.
type Floor struct {
	For         []string `json:"for"`
	Level       int      `json:"level"`
	Points      int      `json:"points,omitempty"`      // data points that must match
	Declaration bool     `json:"declaration,omitempty"` // a signed one is needed
}

// Complaining is where a person can go who does not agree.
type Complaining struct {
	Regulator Text   `json:"regulator"`
	Court     Text   `json:"court"`
	Source    string `json:"source"`
}

// Telling is who else must hear of a correction or deletion.
type Telling struct {
	Who    string   `json:"who"` // "recipients", "service_providers", "third_parties"
	Exempt []string `json:"exempt,omitempty"`
	Source string   `json:"source"`
}

// Records say how long what is kept.
type Records struct {
	Case Keeping `json:"case"`
	Leak Keeping `json:"breach"`
}

// Keeping is a time for which a record is kept.
type Keeping struct {
	For    Period `json:"for"`
	House  bool   `json:"house,omitempty"`
	Source string `json:"source"`
}

// What a breach clock begins with.
const (
	FromAware        = "aware"
	FromDiscovery    = "discovery"
	FromPersonsTold  = "persons_told"
	FromHandlingEnds = "handling_ended"
)

// Leak is one duty to report a leak: a clock for each authority, and those for the persons.
type Leak struct {
	Code      string   `json:"code"` // unique in the profile: "cac-other"
	To        string   `json:"to"`   // "authority", "person", "controller"
	Title     Text     `json:"title"`
	Within    Period   `json:"within"`
	From      string   `json:"from"`                 // one of the From… above
	FirstDay  string   `json:"first_day,omitempty"`  // in place of "next"
	Handler   string   `json:"handler,omitempty"`    // only for such a handler: "cii", "central_organ", "other"
	LevelFrom string   `json:"level_from,omitempty"` // only from this level on
	Threshold string   `json:"threshold,omitempty"`  // only above this risk
	Over      int      `json:"over,omitempty"`       // only above so many persons
	Phases    bool     `json:"phases,omitempty"`     // what is not known yet may follow
	Exempt    []string `json:"exempt,omitempty"`
	// SmallTwice: a small handler has twice the time.
	SmallTwice  bool   `json:"small_twice,omitempty"`
	Source      string `json:"source"`
	Unconfirmed bool   `json:"unconfirmed,omitempty"`
}

// Telltale is one part of a notice to the persons, and who asks for it.
type Telltale struct {
	Part   string `json:"part"` // one of Parts
	Source string `json:"source"`
}

// Parts are what a law may ask of a notice of a leak, in the order of a letter.
var Parts = []string{"title", "what", "when", "categories", "cause", "harm", "measures", "advice", "remedy", "contact", "authority"}

// Level is a level of severity and the number of persons from which it holds.
type Level struct {
	Name    string `json:"name"`
	Persons int    `json:"persons"`
}
