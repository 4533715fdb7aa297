package letters

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"text/template"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Template names one kind of letter.
type Template string

// The letters of an access case.
const (
	Ack            Template = "ack"             // proof of receipt, and what happens next
	VerifyCode     Template = "verify_code"     // proves who is asking
	StatusCode     Template = "status_code"     // opens the status page
	DownloadCode   Template = "download_code"   // starts the one download
	AccessReady    Template = "access_ready"    // the package can be fetched
	CaseClosed     Template = "case_closed"     // the end, by Fields.Outcome
	CaseUnverified Template = "case_unverified" // the end, when nobody proved who is asking
)

// The letters about what staff move about a case.
const (
	Extension Template = "extension" // more time
	Refused   Template = "refused"   // the end, on a ground that the law knows
	Clarify   Template = "clarify"   // a question
	Resumed   Template = "resumed"   // the question was answered
)

// The letters of a deletion case, beside those of every case.
const (
	DeletionAck      Template = "deletion_ack"      // proof of receipt, and what happens next
	DeletionApproved Template = "deletion_approved" // what will happen, and until when to withdraw
	DeletionDone     Template = "deletion_done"     // what was done, what is kept, the certificate
	DeletionNoData   Template = "deletion_no_data"  // nobody was found
	DeletionEnded    Template = "deletion_ended"    // nothing was deleted, by Fields.Outcome
)

// The letters of a correction case, beside those of every case.
const (
	CorrectionAck   Template = "correction_ack"   // proof of receipt, and what happens next
	ConfirmCode     Template = "confirm_code"     // goes to a new address, and proves that it is theirs
	CorrectionDone  Template = "correction_done"  // what was corrected where, without the values
	CorrectionEnded Template = "correction_ended" // nothing was corrected, by Fields.Outcome
)

// The letters of a case that stops a purpose, beside those of every case.
const (
	OptedOut          Template = "opted_out"          // no more marketing, or tracking: done
	RestrictionAck    Template = "restriction_ack"    // proof of receipt, and what happens next
	Restricted        Template = "restricted"         // what has stopped, and who was told
	RestrictionEnding Template = "restriction_ending" // it will end, from when on and why
	RestrictionClosed Template = "restriction_closed" // the end, by Fields.Outcome
)

// The letters of a case that somebody brings for another. Those to the representative say nothing about the
// person.
const (
	VerifyAgent            Template = "verify_agent"            // to the person: who asks for them, and the code that confirms it
	RepresentativeAccepted Template = "representative_accepted" // to the representative: they may, and what happens next
	RepresentativeDeclined Template = "representative_declined" // to the representative: they may not, as far as was shown
	RepresentativeClosed   Template = "representative_closed"   // to the representative: it is over
)

// Templates lists every letter, in the order in which a case sends them.
func Templates() []Template {
	return []Template{Ack, VerifyCode, StatusCode, DownloadCode, AccessReady, CaseClosed, CaseUnverified, Extension, Refused, Clarify, Resumed,
		DeletionAck, DeletionApproved, DeletionDone, DeletionNoData, DeletionEnded,
		CorrectionAck, ConfirmCode, CorrectionDone, CorrectionEnded,
		OptedOut, RestrictionAck, Restricted, RestrictionEnding, RestrictionClosed,
		VerifyAgent, RepresentativeAccepted, RepresentativeDeclined, RepresentativeClosed}
}

// Languages lists the languages of every letter, as Content-Language writes them.
func Languages() []string { return []string{"zh-CN", "en"} }

// What became of the package, for Fields.Package.
const (
	PackageFetched = "fetched" // downloaded whole
	PackageExpired = "expired" // not fetched in time
)

// Fields is what the letters may say. Each letter names the ones it needs by using them; the
// others may stay empty. Every text is one line: control characters are refused.
type Fields struct {
	CaseNo     string
	Salutation string // the masked name, such as "张**"; empty for a greeting without a name
	Channel    string // how the request came, one of dsr.Channels; may be empty
	ReceivedAt time.Time
	DueAt      time.Time
	// ExpiresAt is the end of the download in AccessReady. In the code letters it is the end of
	// the code and may be zero.
	ExpiresAt   time.Time
	Zone        *time.Location // in which every date is written
	Code        string         // 4 to 18 digits
	CodeMinutes int            // how long the code is valid, from the sending
	PortalHost  string         // what the reader types: a host, or host:port; no scheme, no path
	Systems     int            // how many systems hold something
	Rows        int            // how many records the package holds
	NoData      bool           // the package says what kinds of data there are, and holds none of it
	Company     datamap.Company
	Outcome     string     // one of dsr.Outcome
	Package     string     // PackageFetched or PackageExpired, where there was a package
	Reason      string     // why the case was refused or is partial, for the reader; may be empty
	NewDueAt    time.Time  // the last day once the time is extended
	Ground      string     // why more time is taken or the case refused, as the law says it
	LawSource   string     // law and article
	Facts       string     // the same in the words of staff; may be empty in an extension
	Question    string     // what the person is asked
	ClockStops  bool       // whether the law's clock waits for the answer
	Regulator   string     // where the person can complain
	Court       string     // that they may go to court
	Withheld    []Withheld // what is refused and therefore not in the package; may be empty
	Missing     []string   // what a partial answer leaves out, in the reader's words; may be empty

	// Of a deletion.
	CopyFirst     bool      // the person gets a copy, and the deletion follows it
	WithdrawUntil time.Time // until then the person may withdraw
	Done          []string  // what was deleted or changed, in the reader's words; may be empty
	Kept          []string  // what is kept, by which law and until when; may be empty
	Certificate   string    // SHA-256 of the certificate, hex
	BackupsUntil  time.Time // the last backup with what was deleted is gone by then; may be zero
	OtherCase     string    // the number of the open case that goes on instead

	// Of a case that somebody brings for another.
	Represents     string // who asks: one of dsr's requesters
	Representative string // their name: only the person reads it

	Told []string // recipients that were told; may be empty

	// Of a correction, none of them with a value of the person.
	NotDone []string // what was not corrected, and why
	Others  []string // where another value stood than the one to be corrected

	// Of a case that stops a purpose.
	Purposes []string  // what was asked to stop, in the reader's words
	EndsAt   time.Time // when a restriction ends
	EndWhy   string    // and why
}

// Withheld is one part of an answer that is refused, in the reader's words.
type Withheld struct{ Title, Ground, Source, Facts string }

// Message is one letter, before it has a sender and a reader.
type Message struct {
	Subject string
	Text    string // lines end with "\n"
	HTML    string
	Lang    string // "zh-CN" or "en"
}

//go:embed templates
var files embed.FS

// source is one language's parsed templates.
type source struct {
	letters map[Template]*template.Template
	sms     *template.Template
	layout  []byte // the HTML frame, for the version
	raw     map[Template][]byte
	common  []byte
	smsRaw  []byte
}

var sources = mustParse()

// mustParse reads the embedded templates. They are part of the program, so a fault in one of them
// is a fault of the program.
func mustParse() map[string]*source {
	read := func(name string) []byte {
		b, err := files.ReadFile("templates/" + name)
		if err != nil {
			panic(err)
		}
		return b
	}
	out := map[string]*source{}
	for _, lang := range Languages() {
		s := &source{
			letters: map[Template]*template.Template{}, raw: map[Template][]byte{},
			common: read("common." + lang + ".txt"), smsRaw: read("sms." + lang + ".txt"),
			layout: read("layout.html"),
		}
		s.sms = template.Must(template.New("sms").Parse(string(s.smsRaw)))
		for _, t := range Templates() {
			s.raw[t] = read(string(t) + "." + lang + ".txt")
			tree := template.Must(template.New("common").Parse(string(s.common)))
			s.letters[t] = template.Must(tree.New(string(t)).Parse(string(s.raw[t])))
		}
		out[lang] = s
	}
	return out
}

// find resolves "zh", "zh-CN" or "en" and the letter's name.
func find(t Template, lang string) (*source, string, error) {
	if lang == "zh" {
		lang = "zh-CN"
	}
	s := (*current.Load())[lang]
	if s == nil {
		return nil, "", fault.Newf(contract.ErrBadInput, "there are no letters in the language %q", lang).
			WithHint("use zh or en")
	}
	if !slices.Contains(Templates(), t) {
		return nil, "", fault.Newf(contract.ErrBadInput, "there is no letter %q", string(t))
	}
	return s, lang, nil
}

// Version identifies the wording of a letter in a language ("zh", "zh-CN" or "en"), as evidence of
// what was sent: 12 hex digits that change when any text or the layout changes. It is empty for a
// letter or language that does not exist.
func Version(t Template, lang string) string {
	s, lang, err := find(t, lang)
	if err != nil {
		return ""
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(lang), s.raw[t], s.common, s.layout, s.smsRaw} {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
