package dsr

// MotionKind is what a member of staff moves about a case.
type MotionKind string

// The motions. To extend and to refuse need a second person's signature; the others are written
// down with who made them.
const (
	MotionExtend    MotionKind = "extend"
	MotionRefuse    MotionKind = "refuse"
	MotionPause     MotionKind = "pause"
	MotionResume    MotionKind = "resume"
	MotionRecompute MotionKind = "recompute"
)

// The tasks of motions that need a second person: the author signs, and somebody else.
const (
	TaskExtend TaskKind = "extend" // more time, before the strict date
	TaskRefuse TaskKind = "refuse" // the case or a part of it, on a ground that the law knows
)

// movers are who may sign a motion: its author, and somebody else.
var movers = []Role{RoleReviewer, RoleApprover, RoleLead, RoleCounsel}

// ShownMotion is what the signers of a motion see.
type ShownMotion struct {
	Law      string `json:"law"`
	Ground   string `json:"ground"`    // the code
	GroundZH string `json:"ground_zh"` // as the letter says it
	GroundEN string `json:"ground_en"` //
	Source   string `json:"source"`    // law and article
	Facts    string `json:"facts"`     // the author's words
	// Items are the collections that a refusal is about, as "system.collection"; none for the whole case.
	Items     []string `json:"items,omitempty"`
	Author    string   `json:"author"`     //
	DueBefore string   `json:"due_before"` // RFC 3339
	DueAfter  string   `json:"due_after,omitempty"`
}
