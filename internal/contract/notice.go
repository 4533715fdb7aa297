package contract

import "time"

// The workflows of a mass notice: one a notice, and a child of it for each authority that must hear.
var (
	Notice         = Workflow[NoticeInput, NoticeResult]{"Notice"}
	AuthorityClock = Workflow[ClockInput, ClockResult]{"AuthorityClock"}
)

// What people and programs say to a notice.
var (
	// AskControl opens a task that pauses, resumes, slows or ends a notice once it is signed.
	AskControl = Update[AskControlInput, OpenTaskResult]{"ask-control"}
	// Amended says that the incident file was replaced; the casefile knows whether it was.
	Amended = Signal[Nothing]{"amended"}
	// Look says to a notice or a clock that something changed in the casefile.
	Look = Signal[Nothing]{"look"}
	// DraftNow asks a clock for its report before half of its time is over.
	DraftNow = Signal[Nothing]{"draft-now"}
)

// The activities of a notice. Where one runs stands beside it.
var (
	BeginNotice   = Activity[RefInput, NoticeFacts]{"BeginNotice"}                     // core
	ProjectNotice = Activity[Progress, Nothing]{"ProjectNotice"}                       // core, local
	FindConcerned = Activity[FindConcernedInput, FindConcernedResult]{"FindConcerned"} // the hop's system
	ReadConcerned = Activity[FindConcernedInput, FindConcernedResult]{"ReadConcerned"} // core: a CSV
	FreezeList    = Activity[FreezeInput, FreezeResult]{"FreezeList"}                  // core
	SendCanaries  = Activity[RefInput, Nothing]{"SendCanaries"}                        // letters
	SendPage      = Activity[PageInput, PageResult]{"SendPage"}                        // letters
	NoticeDue     = Activity[PageInput, PageResult]{"NoticeDue"}                       // core
	SendTexts     = Activity[PageInput, PageResult]{"SendTexts"}                       // letters
	TakeStep      = Activity[StepInput, StepResult]{"TakeStep"}                        // core
	ActOnTask     = Activity[TaskInput, ActResult]{"ActOnTask"}                        // core
	StartClock    = Activity[ClockInput, Nothing]{"StartClock"}                        // core
	MarkClock     = Activity[MarkClockInput, MarkClockResult]{"MarkClock"}             // core
	WarnClock     = Activity[MarkClockInput, Nothing]{"WarnClock"}                     // letters
	CloseNotice   = Activity[CloseInput, Nothing]{"CloseNotice"}                       // core
)

// NoticeInput starts a notice, or goes on with one under a new history: everything that was done
// stands in the casefile.
type NoticeInput struct{ Ref Ref }

// NoticeResult is how a notice ended.
type NoticeResult struct{ Outcome string }

// How a notice ends.
const (
	NoticeTold        = "told"
	NoticeAborted     = "aborted"
	NoticeNotNotified = "not-notified" // by a signed decision with its ground
)

// ClockInput is one authority's clock.
type ClockInput struct {
	Ref       Ref
	Authority string
	Law       string
	From, Due time.Time
	Persons   bool // it is the people who must be told; no report, and no task
}

// About implements the reference of an input.
func (in ClockInput) About() Ref { return in.Ref }

// ClockResult says whether the report was filed in time.
type ClockResult struct{ InTime bool }

// AskControlInput is what staff want of a notice under way; Nonce parts two wishes for the same.
type AskControlInput struct {
	Action string // pause, resume, set-rate, abort
	Rate   int
	Nonce  string
}

// NoticeFacts is what the workflow must know of a notice.
type NoticeFacts struct {
	Kind     string
	Exercise bool
	Laws     []string
	DueAt    time.Time
	Version  string // of the file: the first digits of its hash
	Missing  int    // mandatory parts that are empty
	Unneeded bool   // the file asks for the decision not to notify
	Counsel  bool   // counsel must approve before any wave
	Canaries bool
	Hops     []NoticeHop
	Waves    int
	Clocks   []ClockInput
	Closing  []ClockInput // begin when handling has ended
	OnTold   bool         // a law has clocks that begin with the first letter; they stand in Clocks once it has gone
	Steps    []string     // of the ladder
	After    time.Duration
	Aborted  bool
	Paused   bool
}

// NoticeHop is one visit on the way to who is concerned. System is empty for a CSV.
type NoticeHop struct {
	Scope, Hop int
	System     string
}

// FindConcernedInput is one hop.
type FindConcernedInput struct {
	Ref Ref
	Hop NoticeHop
}

// About implements the reference of an input.
func (in FindConcernedInput) About() Ref { return in.Ref }

// FindConcernedResult counts who was found, and rows behind which nobody was.
type FindConcernedResult struct{ Found, Loose int64 }

// FreezeInput freezes the list; Loose are the rows behind which nobody was found.
type FreezeInput struct {
	Ref   Ref
	Loose int64
}

// About implements the reference of an input.
func (in FreezeInput) About() Ref { return in.Ref }

// FreezeResult counts the list.
type FreezeResult struct {
	People, Mail int64
	Waves        []int64 // people with an address, by wave
}

// PageInput is one page of letters. Task is the signed approval of the wave; the activity checks it
// before its first letter.
type PageInput struct {
	Ref  Ref
	Wave int
	Task string
}

// About implements the reference of an input.
func (in PageInput) About() Ref { return in.Ref }

// PageResult says what became of a page and what is left up to its wave.
type PageResult struct {
	Claimed, Sent int64
	Open          int64     // still to be sent
	NextAt        time.Time // when the next of them is due; zero: now
	Done, Of      int64     // of the whole list
	Paused        bool      // by staff
	Stopped       bool      // by itself: too many were refused
	Aborted       bool
	Unreached     int64 // whom mail did not reach, and nothing else yet
	Public        bool  // they are so many that a public notice takes the place of the steps before it
}

// StepInput is one step of the ladder; Task is the signed answer behind it.
type StepInput struct {
	Ref  Ref
	Step string
	Task string
}

// About implements the reference of an input.
func (in StepInput) About() Ref { return in.Ref }

// StepResult counts whom the step told.
type StepResult struct{ Told, Left int64 }

// ActResult says of what kind the task was on which somebody decided.
type ActResult struct {
	Kind   string
	System string
}

// MarkClockInput is one moment of a clock.
type MarkClockInput struct {
	Ref       Ref
	Authority string
	What      string // drafted, warned, missed, filed; told: of the people's clock
	Percent   int
	Task      string
}

// About implements the reference of an input.
func (in MarkClockInput) About() Ref { return in.Ref }

// MarkClockResult says where the clocks of the notice stand.
type MarkClockResult struct {
	Filed bool // this one
	Open  int  // how many of the notice's are not filed
}
