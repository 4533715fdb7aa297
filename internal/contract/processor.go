package contract

import "time"

// Processor asks one other company to delete, and waits for its proof. It is a child of the case.
var Processor = Workflow[ProcessorInput, ProcessorResult]{"Processor"}

// ProcessorSpoke says that a processor has called back; what it says is asked for anew.
var ProcessorSpoke = Signal[ProcessorSpokeInput]{"processor-spoke"}

// The activities of asking and being asked by OpenDSR.
var (
	AskProcessor  = Activity[ProcessorInput, ProcessorAnswer]{"AskProcessor"}  // the system
	PollProcessor = Activity[ProcessorInput, ProcessorAnswer]{"PollProcessor"} // the system
	CallBack      = Activity[CloseInput, Nothing]{"CallBack"}                  // letters
)

// ProcessorID is the workflow that waits for one processor of a case.
func ProcessorID(ref Ref, system string) string { return string(ref) + "/processor/" + system }

// ProcessorInput is one request to one processor; Try counts those that it gave back, from 1.
type ProcessorInput struct {
	Ref    Ref
	Plan   int
	System string
	Try    int
}

// ProcessorSpokeInput is empty: the processor is asked.
type ProcessorSpokeInput struct{}

// ProcessorAnswer is how far a request is, by the protocol's words.
type ProcessorAnswer struct {
	Status   string // "pending", "in_progress", "completed", "cancelled"
	Expected time.Time
}

// ProcessorResult is how a request ended.
type ProcessorResult struct{ Status string }

// About is the case that the request is for.
func (p ProcessorInput) About() Ref { return p.Ref }
