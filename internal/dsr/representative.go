package dsr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Who may ask for somebody else, and on what: an agent whom the person has sent (11 CCR 7063), a guardian
// of a child under 14 (PIPL 31), a close relative of somebody who has died, for lawful interests of their
// own (PIPL 49).
const (
	RequesterAgent    = "agent"
	RequesterGuardian = "guardian"
	RequesterRelative = "relative"
)

// Represented says whether a requester asks for somebody else, and has to show that they may.
func Represented(requester string) bool {
	return slices.Contains([]string{RequesterAgent, RequesterGuardian, RequesterRelative}, requester)
}

// ReadsFor says whether the letters and the answer go to the requester in place of the person: a child does
// not read them, and the dead do not. An agent's person does, and confirms what the agent asks for.
func ReadsFor(requester string) bool { return Represented(requester) && requester != RequesterAgent }

// Representative is who asks for somebody else. All of it is personal data.
type Representative struct {
	Name    string `json:"name"`
	Email   string `json:"email,omitempty"`
	Mobile  string `json:"mobile,omitempty"`
	Purpose string `json:"purpose,omitempty"` // of a relative: the lawful interest
}

const (
	longestName    = 200
	longestPurpose = 1000
)

// Missing says what is not there, or not fit to be shown, in what a representative says of themselves;
// empty: nothing. requester is one of those above.
func (r Representative) Missing(requester string) string {
	switch {
	case !oneLine(r.Name, longestName):
		return "a representative has a name of one line, of at most 200 characters"
	case r.Email == "" && r.Mobile == "":
		return "a representative has an e-mail address or a mobile number"
	case requester == RequesterRelative && !oneLine(r.Purpose, longestPurpose):
		return "a relative of somebody who has died says in one line for what lawful interest of their own they ask (PIPL Art. 49)"
	case requester != RequesterRelative && r.Purpose != "":
		return "only a relative of somebody who has died gives a purpose"
	}
	return ""
}

func oneLine(s string, longest int) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= longest &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) })
}

// The tasks of a case that somebody brings for another.
const (
	TaskAuthority TaskKind = "authority"       // attach what shows that they may
	TaskMayAct    TaskKind = "check-authority" // a reviewer's word on it: agents and guardians
	TaskRelative  TaskKind = "check-relative"  // counsel's word on it: relatives of the dead
)

// MayActTask is the task in which somebody decides whether a requester may ask for another.
func MayActTask(requester string) TaskKind {
	if requester == RequesterRelative {
		return TaskRelative
	}
	return TaskMayAct
}

// documents are what a representative shows, by requester and language.
var documents = map[string]map[string]string{
	RequesterAgent: {
		"zh": "本人签署的授权委托书（写明代理人、事项和期限）；代理人身份证明。本人还须通过其登记的联系方式确认。",
		"en": "A permission signed by the person that names the agent, what for and until when; proof of the agent's identity. The person also confirms it over a channel that is registered with us.",
	},
	RequesterGuardian: {
		"zh": "监护关系证明（户口簿、出生医学证明或监护判决）；监护人身份证明；被监护人未满十四周岁的证明。",
		"en": "Proof of guardianship (household register, birth certificate, or a court's order); proof of the guardian's identity; proof that the child is under 14.",
	},
	RequesterRelative: {
		"zh": "死亡证明；近亲属关系证明；申请人身份证明；自身合法、正当利益的说明。死者生前另有安排的除外。",
		"en": "Proof of death; proof of close kinship; proof of the relative's identity; what lawful interest of their own it serves. Not where the person arranged otherwise while alive.",
	},
}

// DocumentsOf says, by language, what a requester has to show.
func DocumentsOf(requester string) map[string]string { return documents[requester] }

// ShownRepresentative is who asks for the person. Values are in clear: whoever decides holds them against
// the documents.
type ShownRepresentative struct {
	As       string `json:"as"` // one of the requesters above
	CaseKind string `json:"case_kind"`
	Representative
	Documents map[string]string `json:"documents"`       // by language: what they have to show
	Files     []string          `json:"files,omitempty"` // SHA-256 of what came, hex
	From      string            `json:"from,omitempty"`  // the task that has the files
}
