package letters

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// NoticeText names one text of a mass notice.
type NoticeText string

// The texts of a mass notice: the three letters, and what stands beside them.
const (
	NoticeBreach   NoticeText = "breach"
	NoticePolicy   NoticeText = "policy-change"
	NoticeTransfer NoticeText = "transfer"
	NoticePublic   NoticeText = "public" // for the website, when people cannot be reached
	NoticeReport   NoticeText = "report" // to an authority
	NoticeClock    NoticeText = "clock"  // to the incident's lead: time runs out
	NoticeSMS      NoticeText = "sms"
)

// NoticeTexts lists them.
func NoticeTexts() []NoticeText {
	return []NoticeText{NoticeBreach, NoticePolicy, NoticeTransfer, NoticePublic, NoticeReport, NoticeClock, NoticeSMS}
}

// Marks stand in a text that is rendered once and filled for each reader: the account and the check
// code. They are plain letters, so that no escaping touches them.
const (
	MarkAccount = "HabeasMarkAccount"
	MarkCheck   = "HabeasMarkCheckCode"
)

// NoticeFields is what the texts may say, all of it in the reader's language.
type NoticeFields struct {
	No         string
	Exercise   bool
	Title      string
	What       string
	When       string
	Cause      string
	Harm       string
	Measures   string
	Advice     string
	Remedy     string
	Contact    string
	Authority  string
	Categories []string
	Account    string // masked, or MarkAccount
	Check      string // the check code, or MarkCheck
	PortalHost string
	Company    datamap.Company
	Zone       *time.Location

	Effective time.Time // of a change of the policy
	Changes   []PolicyLine
	Consent   bool

	Recipient        string // of a transfer
	RecipientContact string
	On               time.Time

	AwareAt, DueAt time.Time // of a report
	Source         string
	Phases         bool
	Persons        string
	Percent        int
	People         bool // of a warning: it is they who must have been told by then
}

// PolicyLine is one change of the policy.
type PolicyLine struct{ Clause, Before, After string }

var noticeSources = mustParseNotices()

func mustParseNotices() map[string]map[NoticeText]*template.Template {
	out := map[string]map[NoticeText]*template.Template{}
	for _, lang := range Languages() {
		out[lang] = map[NoticeText]*template.Template{}
		read := func(name string) string {
			raw, err := files.ReadFile("templates/notice/" + name + "." + lang + ".txt")
			if err != nil {
				panic(err)
			}
			return string(raw)
		}
		for _, t := range NoticeTexts() {
			tree := template.Must(template.New("common").Parse(read("common")))
			out[lang][t] = template.Must(tree.New(string(t)).Parse(read(string(t))))
		}
	}
	return out
}

// RenderNotice writes a text of a notice in lang ("zh", "zh-CN" or "en"). A field that the text
// needs and that is empty is a contract.ErrBadInput that names the field and never its value.
func RenderNotice(t NoticeText, lang string, f NoticeFields) (Message, error) {
	written, lang, err := writeNotice(t, lang, f)
	if err != nil {
		return Message{}, err
	}
	subject, body, _ := strings.Cut(written, "\n")
	subject, marked := strings.CutPrefix(subject, "Subject: ")
	if !marked {
		return Message{}, fault.Newf(contract.ErrInternal, "the text %q has no subject line", string(t))
	}
	blocks := parseBlocks(body)
	var page bytes.Buffer
	err = layout.Execute(&page, struct {
		Lang, Subject string
		Blocks        []block
	}{lang, subject, blocks})
	if err != nil {
		return Message{}, stopped(Template(t), err)
	}
	return Message{Subject: subject, Text: plain(blocks), HTML: page.String(), Lang: lang}, nil
}

// NoticeMessage writes a notice as a text message.
func NoticeMessage(lang string, f NoticeFields) (string, error) {
	written, _, err := writeNotice(NoticeSMS, lang, f)
	return strings.TrimSpace(written), err
}

func writeNotice(t NoticeText, lang string, f NoticeFields) (string, string, error) {
	if lang == "zh" {
		lang = "zh-CN"
	}
	source := noticeSources[lang][t]
	if source == nil {
		return "", "", fault.Newf(contract.ErrBadInput, "there is no text %q in the language %q", string(t), lang)
	}
	var b strings.Builder
	if err := source.ExecuteTemplate(&b, string(t), noticeView{f: f, zh: lang == "zh-CN", of: t}); err != nil {
		return "", "", stopped(Template(t), err)
	}
	return b.String(), lang, nil
}

// Fill puts the reader's own account and check code in place of the marks.
func (m Message) Fill(account, check string) Message {
	plain := strings.NewReplacer(MarkAccount, account, MarkCheck, check)
	html := strings.NewReplacer(MarkAccount, template.HTMLEscapeString(account), MarkCheck, template.HTMLEscapeString(check))
	return Message{Subject: m.Subject, Text: plain.Replace(m.Text), HTML: html.Replace(m.HTML), Lang: m.Lang}
}

// Hash is SHA-256 (hex) over subject, text and HTML: what an approval covers.
func (m Message) Hash() string {
	h := sha256.New()
	for _, part := range []string{m.Lang, m.Subject, m.Text, m.HTML} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// noticeView is NoticeFields as the templates see them.
type noticeView struct {
	f  NoticeFields
	zh bool
	of NoticeText
}

func (v noticeView) lang() string { return view{zh: v.zh}.lang() }

// text joins the lines of a text from a file, and refuses what breaks out of them.
func (v noticeView) text(name, s string, must bool) (string, error) {
	glue := " "
	if v.zh {
		glue = ""
	}
	s = strings.Join(slices.DeleteFunc(strings.Split(strings.ReplaceAll(s, "\r", ""), "\n"), func(line string) bool { return strings.TrimSpace(line) == "" }), glue)
	s = strings.ReplaceAll(s, "|", "/") // parts the cells of a table
	if must && !v.lenient() {
		return need(name, s)
	}
	return may(name, s)
}

// lenient: a report goes out in phases, so that what is not known yet may be empty.
func (v noticeView) lenient() bool { return v.of == NoticeReport || v.of == NoticePublic }

func (v noticeView) No() (string, error) { return shaped("the notice's number", v.f.No, caseNoShape) }
func (v noticeView) Exercise() bool      { return v.f.Exercise }

// Mark opens every subject of an exercise.
func (v noticeView) Mark() string {
	switch {
	case !v.f.Exercise:
		return ""
	case v.zh:
		return "【演练 EXERCISE】"
	}
	return "[EXERCISE] "
}
func (v noticeView) Title() (string, error)    { return v.text("the title", v.f.Title, true) }
func (v noticeView) What() (string, error)     { return v.text("what happened", v.f.What, true) }
func (v noticeView) When() (string, error)     { return v.text("when it happened", v.f.When, true) }
func (v noticeView) Cause() (string, error)    { return v.text("the cause", v.f.Cause, true) }
func (v noticeView) Harm() (string, error)     { return v.text("the harm", v.f.Harm, true) }
func (v noticeView) Measures() (string, error) { return v.text("the measures", v.f.Measures, true) }
func (v noticeView) Advice() (string, error)   { return v.text("the advice", v.f.Advice, true) }
func (v noticeView) Remedy() (string, error)   { return v.text("the remedy", v.f.Remedy, true) }
func (v noticeView) Contact() (string, error)  { return v.text("the contact", v.f.Contact, true) }
func (v noticeView) Authority() (string, error) {
	return v.text("the authority", v.f.Authority, true)
}
func (v noticeView) Account() (string, error) { return may("the account", v.f.Account) }
func (v noticeView) Check() (string, error)   { return need("the check code", v.f.Check) }
func (v noticeView) PortalHost() (string, error) {
	return view{f: Fields{PortalHost: v.f.PortalHost}}.PortalHost()
}
func (v noticeView) Company() (string, error) {
	return need("the company's name", v.f.Company.Name.In(v.lang()))
}
func (v noticeView) Address() (string, error) {
	return may("the company's address", v.f.Company.Address.In(v.lang()))
}
func (v noticeView) Hotline() (string, error) { return need("the hotline", v.f.Company.Hotline) }
func (v noticeView) Officer() (string, error) { return may("the officer", v.f.Company.Officer) }

func (v noticeView) Categories() ([]string, error) {
	if len(v.f.Categories) == 0 && !v.lenient() {
		return nil, badField{"the categories", "are missing"}
	}
	for _, c := range v.f.Categories {
		if _, err := need("a category", c); err != nil {
			return nil, err
		}
	}
	return v.f.Categories, nil
}

func (v noticeView) Effective() (string, error) { return v.day("the day it holds from", v.f.Effective) }
func (v noticeView) Consent() bool              { return v.f.Consent }
func (v noticeView) Changes() ([]PolicyLine, error) {
	out := make([]PolicyLine, len(v.f.Changes))
	for i, c := range v.f.Changes {
		for _, part := range []struct {
			from string
			to   *string
		}{{c.Clause, &out[i].Clause}, {c.Before, &out[i].Before}, {c.After, &out[i].After}} {
			var err error
			if *part.to, err = v.text("a change", part.from, true); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
func (v noticeView) Recipient() (string, error) { return v.text("who takes over", v.f.Recipient, true) }
func (v noticeView) RecipientContact() (string, error) {
	return v.text("how to reach who takes over", v.f.RecipientContact, true)
}
func (v noticeView) On() (string, error) {
	if v.f.On.IsZero() {
		return "", nil
	}
	return v.day("the day of the transfer", v.f.On)
}
func (v noticeView) AwareAt() (string, error) { return v.minute("when it became known", v.f.AwareAt) }
func (v noticeView) DueAt() (string, error)   { return v.minute("when it is due", v.f.DueAt) }
func (v noticeView) Source() (string, error)  { return may("the rule", v.f.Source) }
func (v noticeView) Phases() bool             { return v.f.Phases }
func (v noticeView) Persons() (string, error) { return may("the number of people", v.f.Persons) }
func (v noticeView) Percent() int             { return v.f.Percent }
func (v noticeView) People() bool             { return v.f.People }

func (v noticeView) day(name string, t time.Time) (string, error) {
	return view{f: Fields{Zone: v.f.Zone}, zh: v.zh}.date(name, t, false)
}

func (v noticeView) minute(name string, t time.Time) (string, error) {
	if t.IsZero() {
		return "", badField{name, "is missing"}
	}
	return view{f: Fields{Zone: v.f.Zone, ExpiresAt: t}, zh: v.zh}.Expires()
}
