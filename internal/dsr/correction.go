package dsr

import (
	"slices"
	"strings"
)

// The tasks of a correction case.
const (
	TaskEvidence      TaskKind = "evidence"           // attach the proof that the map asks for
	TaskRealName      TaskKind = "real-name"          // check name and ID number anew with whoever can tell
	TaskCorrect       TaskKind = "review-correction"  // look at what changes where, before and after
	TaskCorrectStrict TaskKind = "approve-correction" // the second person's word, on names, ID numbers and invoices
	TaskCorrectFailed TaskKind = "correction-failed"  // a system refuses the new value for good
)

// The states of a correction case between verifying and closed, beside those of a deletion.
const (
	StateConfirming State = "confirming" // a new address waits for the code that went to it
	StateProving    State = "proving"    // the proof that the map asks for is waited for
	StateCorrecting State = "correcting"
)

// Purposes of the codes that go to a new address.
const (
	CodeNewEmail  = "new-email"
	CodeNewMobile = "new-mobile"
)

// CodeNew is the purpose of the code to a new address of that kind; empty for anything else.
func CodeNew(kind string) string {
	return map[string]string{"email": CodeNewEmail, "mobile": CodeNewMobile}[kind]
}

// Wish is one new value that a person asks for. Value is personal data.
type Wish struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// What a reviewer may choose on a field of a correction: it is corrected; refused, with a reason behind a
// colon; or disputed, which is refused and marked where the map has a place for it.
const (
	FieldCorrect = "correct"
	FieldRefuse  = "refuse"
	FieldDispute = "dispute"
)

// Reasons for which a field is not corrected, with the words of the letter.
var reasons = map[string][2]string{
	"not-proven":  {"未能证明现有内容有误", "it was not shown that what we hold is wrong"},
	"accurate":    {"经核实，现有内容准确", "we looked into it, and what we hold is right"},
	"no-evidence": {"未收到所需的证明材料", "the proof that we asked for did not come"},
	"unconfirmed": {"新的联系方式未经验证码确认", "the new address was not confirmed by its code"},
	"taken":       {"该内容已由其他账户使用", "it is in use by another account already"},
	"mismatch":    {"实名核验未通过", "the real-name check did not confirm it"},
	"record":      {"依法须按原样保存", "the law has us keep it as it was written"},
}

// CorrectionReasons are the codes, sorted.
func CorrectionReasons() []string {
	var codes []string
	for code := range reasons {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// CorrectionReason is the letter's words for a code, in "zh" or "en"; empty for an unknown one.
func CorrectionReason(code, lang string) string {
	if lang == "zh" {
		return reasons[code][0]
	}
	return reasons[code][1]
}

// FieldChoice reads a reviewer's word on a field: "correct", "refuse:taken", "dispute:accurate".
func FieldChoice(choice string) (verdict, reason string, ok bool) {
	verdict, reason, _ = strings.Cut(choice, ":")
	switch verdict {
	case FieldCorrect:
		return verdict, "", reason == ""
	case FieldRefuse, FieldDispute:
		_, known := reasons[reason]
		return verdict, reason, known
	}
	return "", "", false
}

// ShownCorrection is what a correction would do, masked.
type ShownCorrection struct {
	Fields []ShownField `json:"fields"`
	Places []ShownFix   `json:"places,omitempty"`
	// Asked are the systems that are told, NotAsked those that the map does not have told.
	Asked    []string `json:"asked,omitempty"`
	NotAsked []string `json:"not_asked,omitempty"`
	// Stops are findings with which no plan is carried out: the field is refused, or the cause mended.
	Stops []string `json:"stops,omitempty"`
	// Checked is how the real name was checked: "system", "task"; empty: not.
	Checked string `json:"checked,omitempty"`
	// Files are the SHA-256 of the proofs that came, hex.
	Files []string `json:"files,omitempty"`
}

// ShownField is one field of a correction.
type ShownField struct {
	Name     string `json:"name"`
	Before   string `json:"before"` // masked
	After    string `json:"after"`  // masked
	Verdict  string `json:"verdict"`
	Reason   string `json:"reason,omitempty"`
	Strict   bool   `json:"strict,omitempty"`
	Evidence bool   `json:"evidence,omitempty"`
}

// ShownFix is one value in one place.
type ShownFix struct {
	Place  string `json:"place"` // "system.collection.column"
	Field  string `json:"field"`
	Action string `json:"action"`
	Rows   int64  `json:"rows"`
	Before string `json:"before,omitempty"` // masked
	After  string `json:"after,omitempty"`  // masked
	Reason string `json:"reason,omitempty"`
	Choose bool   `json:"choose,omitempty"` // a third value, which a reviewer may have corrected too
}

// ShownProof is what is asked of the people who take a proof in, or who check a name. Values are in clear:
// whoever does it must know what is to be shown or asked.
type ShownProof struct {
	Fields   []Identity          `json:"fields"` // by field: what it is to be
	Evidence []map[string]string `json:"evidence,omitempty"`
}

// Answers to the task for a proof.
const (
	ProofProvided = "provided"
	ProofMissing  = "missing"
)

// Proof reads the answer out of a task's choices. The text says what is missing; empty: nothing.
func Proof(choices map[string]string) (provided bool, files []string, missing string) {
	files = evidenceOf(choices)
	switch choices[OutcomeChoice] {
	case ProofProvided:
		if len(files) == 0 {
			return false, nil, "the proof is attached with --evidence FILE"
		}
		return true, files, ""
	case ProofMissing:
		if len(files) > 0 {
			return false, nil, `"missing" does not go with files`
		}
		return false, nil, ""
	}
	return false, nil, "the answer says with --outcome whether the proof came: provided, missing"
}
