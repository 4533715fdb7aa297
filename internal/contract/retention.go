package contract

import "time"

// The workflows of retention: Retention is one run over a system, started by its schedule, and
// RetentionRule the run of one rule, a child of it under a reference of its own.
var (
	Retention     = Workflow[RetentionInput, RetentionResult]{"Retention"}
	RetentionRule = Workflow[RuleInput, RuleResult]{"RetentionRule"}
	// RetentionExtend asks two people whether rows are kept beyond their time.
	RetentionExtend = Workflow[ExtendInput, ExtendResult]{"RetentionExtend"}
)

// The activities of retention. Where one runs stands beside it.
var (
	OpenRuns     = Activity[OpenRunsInput, OpenRunsResult]{"OpenRuns"}  // the system
	MeasureRule  = Activity[MeasureInput, MeasureResult]{"MeasureRule"} // the system
	BeginRule    = Activity[RefInput, RuleFacts]{"BeginRule"}           // core
	AcceptRule   = Activity[TaskInput, Nothing]{"AcceptRule"}           // core
	RejectRule   = Activity[TaskInput, Nothing]{"RejectRule"}           // core
	ShelterRows  = Activity[RefInput, Nothing]{"ShelterRows"}           // the system
	SweepRule    = Activity[RefInput, SweepResult]{"SweepRule"}         // the system
	ProveRule    = Activity[ProveInput, ProveResult]{"ProveRule"}       // the system
	RestartSweep = Activity[RefInput, Nothing]{"RestartSweep"}          // core
	ReportRun    = Activity[RefInput, Nothing]{"ReportRun"}             // letters

	AlarmNight = Activity[OpenRunsInput, OpenedRun]{"AlarmNight"} // core
	EndAlarm   = Activity[EndAlarmInput, Nothing]{"EndAlarm"}     // core

	GrantExtension  = Activity[TaskInput, Nothing]{"GrantExtension"}  // core
	RefuseExtension = Activity[TaskInput, Nothing]{"RefuseExtension"} // core
)

// RetentionSchedule is the id of the schedule of a system, and what its runs' workflow ids begin with.
func RetentionSchedule(system string) string { return string(KindRetention) + "-" + system }

// RetentionID is the workflow id of a system's runs; the schedule adds the nominal time.
func RetentionID(system string) string { return string(KindRetention) + "/" + system }

// RetentionInput starts a run. Nominal is the time for which it is due; zero: the schedule's.
type RetentionInput struct {
	System  string
	Nominal time.Time
	Dry     bool   // count, and touch nothing
	By      string // who asked; empty: the schedule
}

// RetentionResult counts the rules of a run: those that were carried out, those that wait for
// signatures, and those that cannot be.
type RetentionResult struct{ Swept, Waiting, Failed int }

// ExtendInput is a wish to keep rows longer.
type ExtendInput struct{ Ref Ref }

// ExtendResult says what two people said to it.
type ExtendResult struct{ Granted bool }

// RuleInput is the run of one rule; or, with a Problem, the alarm that the rules of a night could not be opened.
type RuleInput struct {
	Ref     Ref
	System  string
	Problem string          // the type of the error
	Night   *RetentionInput // that is to be run again
}

// EndAlarmInput ends an alarm. Again: its night runs again.
type EndAlarmInput struct {
	Ref   Ref
	Again bool
}

// About implements the reference of an input.
func (in EndAlarmInput) About() Ref { return in.Ref }

// RuleResult is how the run of a rule ended, and how many rows it touched.
type RuleResult struct {
	State string
	Done  int64
}

// OpenRunsInput asks for the runs of a system's rules at a nominal time.
type OpenRunsInput RetentionInput

// OpenRunsResult lists them, children before parents.
type OpenRunsResult struct{ Runs []OpenedRun }

// OpenedRun is one of them. Earlier: it was opened for another night and has not ended.
type OpenedRun struct {
	Ref     Ref
	Rule    string
	Earlier bool
}

// MeasureInput is the dry run of a rule. It touches nothing, so it is nobody's step.
type MeasureInput struct {
	System string
	Run    Ref
}

// MeasureResult says what follows: nothing is due, or it is swept, or two people must sign first.
type MeasureResult struct {
	Due   int64
	Why   string // it needs signatures
	Ended bool
}

// RuleFacts is what the workflow of a rule must know.
type RuleFacts struct {
	System, Rule, Action string
	Nominal              time.Time
	Due                  int64
	Waiting              bool   // for signatures
	Occasion             string // of their task
	State                string
	Ended                bool
	Done                 int64
}

// SweepResult says how far a sweep is.
type SweepResult struct {
	Done     int64
	Of       int64
	Finished bool
	Paused   bool
	Opens    time.Time // not zero: it is outside the hours of the map, which come again then
	After    bool      // rows that refer to these have a run of their own that has not ended
	Anew     bool      // a hold was placed, or a case opened: whose rows are left alone must be looked for again
	Held     bool      // a hold or an extension covers the whole of it
	Stale    bool      // the rule is not the one that was signed
}

// ProveInput asks what is left. Last: whatever is found ends the run.
type ProveInput struct {
	Ref  Ref
	Last bool
	Held bool // a legal hold or an extension stopped the sweep
}

// About implements the reference of an input.
func (in ProveInput) About() Ref { return in.Ref }

// ProveResult says whether the run has ended, and as what.
type ProveResult struct {
	Ended bool
	State string
	Done  int64
}
