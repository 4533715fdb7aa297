package dsr

// TaskComplaint asks somebody who had no part in the case complained about to answer a complaint: upheld or
// not, with the words that the person will read as the reason of the decision.
const TaskComplaint TaskKind = "answer-complaint"

// ComplaintVerdicts are the outcomes that answer a complaint, by what was signed.
var ComplaintVerdicts = map[Verdict]Outcome{Uphold: Upheld, Dismiss: NotUpheld}

// MaxAnswer is the longest answer to a complaint, in bytes: it stands in a letter, on one line.
const MaxAnswer = 1000

// Where the answer to a complaint goes.
const (
	ToRegistered = "registered" // a channel of the directory row that the case complained about is of
	ToGiven      = "given"      // the address with which the complaint came: that case never knew whose it was
)

// ShownComplaint is a complaint as whoever answers it sees it. Words are the person's own.
type ShownComplaint struct {
	About      string   `json:"about"` // the number of the case
	Kind       CaseKind `json:"kind"`
	State      State    `json:"state"`
	Outcome    Outcome  `json:"outcome,omitempty"`
	ReceivedAt string   `json:"received_at"`
	DueAt      string   `json:"due_at"`
	ClosedAt   string   `json:"closed_at,omitempty"`
	Words      string   `json:"words,omitempty"`
	AnswerTo   string   `json:"answer_to"` // one of the To… above
	// Involved are who had a part in that case, and may not answer.
	Involved []string `json:"involved"`
}
