package contract

import "time"

// Move says that a member of staff has moved something about a case (more time, a refusal, a
// question to the person, its answer, newer laws); the casefile knows what.
var Move = Update[MotionInput, MotionResult]{"move"}

// Digest tells staff by mail what is due and what waits for them; Forget forgets cases whose
// record-keeping time is over. Schedules run them.
var (
	Digest = Workflow[DigestInput, DigestResult]{"Digest"}
	Forget = Workflow[ForgetInput, ForgetResult]{"Forget"}
)

// The activities of clocks, motions and the end.
var (
	ReadClock   = Activity[RefInput, ClockFacts]{"ReadClock"}        // core
	RaiseAlarm  = Activity[AlarmInput, Nothing]{"RaiseAlarm"}        // core
	ReadMotion  = Activity[MotionRef, MotionFacts]{"ReadMotion"}     // core
	ApplyMotion = Activity[ApplyInput, Nothing]{"ApplyMotion"}       // core
	SendDigests = Activity[DigestInput, DigestResult]{"SendDigests"} // letters
	ForgetCases = Activity[ForgetInput, ForgetResult]{"ForgetCases"} // core
)

// MotionInput is the number of a motion about the case.
type MotionInput struct{ N int }

// MotionResult names the task that waits for signatures, where the motion needs them.
type MotionResult struct{ Task string }

// MotionRef names a motion.
type MotionRef struct {
	Ref Ref
	N   int
}

// MotionFacts is what a workflow must know of a motion.
type MotionFacts struct {
	Kind    string // one of dsr's
	Applied bool
	Items   int // of a refusal: how many collections it is about; 0 for the whole case
}

// ApplyInput applies a motion; Task is the signed task behind it, where it needs one.
type ApplyInput struct {
	Ref  Ref
	N    int
	Task string
}

// ClockFacts is what a workflow must know of the time: which alarms have come, and when to look
// again.
type ClockFacts struct {
	DueAt  time.Time
	Halted bool   // a question to the person stops the clock
	Level  string // of the alarm that holds now; empty: none
	Come   []AlarmInput
	Next   time.Time // zero: nothing is to come
}

// AlarmInput is one alarm of one case.
type AlarmInput struct {
	Ref   Ref
	DueAt time.Time
	Level string
}

// DigestInput is empty.
type DigestInput struct{}

// DigestResult counts the mails of a digest and what they told of.
type DigestResult struct{ Mails, Items int }

// ForgetInput says how many cases and notices one run may forget.
type ForgetInput struct{ Limit int }

// ForgetResult counts the cases and notices that were forgotten, and those that could not be.
type ForgetResult struct{ Forgotten, Kept int }
