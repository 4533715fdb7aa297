// Package announce puts a notice into words: from the incident file, the company and who reads it to
// the letter, the report to an authority and the notice for the website. Worker, command line and
// portal share it, so that what is approved, sent and shown as evidence is the same text. What does
// not belong here: to whom it goes, and whether it may.
package announce

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// House is who speaks.
type House struct {
	Company    datamap.Company
	PortalHost string             // what a reader types
	Laws       *jurisdiction.Book // nil: the embedded ones
}

// Zone is that of the company's own law.
func (h House) zone() *time.Location {
	name := map[string]string{"cn-pipl": "Asia/Shanghai", "eu-gdpr": "Europe/Brussels", "uk-gdpr": "Europe/London",
		"us-ca": "America/Los_Angeles", "br-lgpd": "America/Sao_Paulo"}[h.Company.Law]
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return time.UTC
	}
	return zone
}

// ReadFile reads the incident file as the casefile keeps it.
func ReadFile(raw []byte) (incident.File, error) {
	var f incident.File
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, fault.New(contract.ErrTampered, "an incident file in the casefile does not read as JSON", err)
	}
	return f, nil
}

// in is the text of that language and of no other: an empty one is missing, never borrowed.
func in(t datamap.Text, lang string) string {
	if lang == "zh" {
		return t.ZH
	}
	return t.EN
}

// fields are what every text of the notice may say.
func (h House) fields(f incident.File, no, lang string, scopes []int) letters.NoticeFields {
	t := f.Texts
	out := letters.NoticeFields{
		No: no, Exercise: f.Exercise, Title: in(f.Title, lang), What: in(t.What, lang), When: in(t.When, lang), Cause: in(t.Cause, lang),
		Harm: in(t.Harm, lang), Measures: in(t.Measures, lang), Advice: in(t.Advice, lang), Remedy: in(t.Remedy, lang),
		Contact: in(t.Contact, lang), Authority: in(t.Authority, lang), PortalHost: h.PortalHost, Company: h.Company, Zone: h.zone(),
		AwareAt: f.AwareAt,
	}
	for _, c := range f.CategoriesOf(scopes) {
		out.Categories = append(out.Categories, in(c, lang))
	}
	if p := f.Policy; p != nil {
		out.Effective, out.Consent = p.Effective, p.Consent()
		for _, c := range p.Changes {
			out.Changes = append(out.Changes, letters.PolicyLine{Clause: c.Clause, Before: in(c.Before, lang), After: in(c.After, lang)})
		}
	}
	if to := f.To; to != nil {
		out.Recipient, out.RecipientContact, out.On = in(to.Name, lang), to.Contact, to.On
	}
	return out
}

// All are the scopes of a file.
func All(f incident.File) []int {
	scopes := make([]int, len(f.Scopes))
	for i := range scopes {
		scopes[i] = i
	}
	return scopes
}

// Letter is the letter to somebody in those scopes, with marks for the account and the check code.
// While a mandatory part is empty, in whichever language, there is no letter: contract.ErrBadInput.
func (h House) Letter(f incident.File, no, lang string, scopes []int) (letters.Message, error) {
	if missing := f.Checklist(h.Laws, h.Company.Languages); len(missing) > 0 {
		return letters.Message{}, fault.Newf(contract.ErrBadInput, "the letters of notice %s cannot be written: %s is empty", no, missing[0]).
			WithHint("complete the file and run `habeas notice amend " + no + " FILE`")
	}
	fields := h.fields(f, no, lang, scopes)
	fields.Account, fields.Check = letters.MarkAccount, letters.MarkCheck
	return letters.RenderNotice(letters.NoticeText(f.Kind), lang, fields)
}

// Public is the notice for the website.
func (h House) Public(f incident.File, no, lang string) (letters.Message, error) {
	return letters.RenderNotice(letters.NoticePublic, lang, h.fields(f, no, lang, All(f)))
}

// SMS is the text message for somebody whom e-mail did not reach.
func (h House) SMS(f incident.File, no, lang, check string) (string, error) {
	fields := h.fields(f, no, lang, nil)
	fields.Check = check
	return letters.NoticeMessage(lang, fields)
}

// Report is the report to the authority of that clock, as far as the facts are known.
func (h House) Report(f incident.File, c incident.Clock, no, lang string, persons int64) (letters.Message, error) {
	fields := h.fields(f, no, lang, All(f))
	fields.Authority, fields.DueAt, fields.Source, fields.Phases = in(c.Name, lang), c.Due, c.Source, c.Phases
	fields.Persons = strconv.FormatInt(persons, 10)
	return letters.RenderNotice(letters.NoticeReport, lang, fields)
}

// Warning is the letter to the incident's lead when so much of an authority's time is over.
func (h House) Warning(f incident.File, c incident.Clock, no, lang string, percent int) (letters.Message, error) {
	fields := h.fields(f, no, lang, nil)
	fields.Authority, fields.DueAt, fields.Percent, fields.People = in(c.Name, lang), c.Due, percent, c.Persons
	return letters.RenderNotice(letters.NoticeClock, lang, fields)
}

// ClockOf finds the clock of an authority, or of the people. One that runs from the first letter, or
// from the end of handling, began at from.
func (h House) ClockOf(f incident.File, authority string, from, due time.Time) (incident.Clock, error) {
	list, err := incident.Clocks(h.Laws, f)
	if err != nil {
		return incident.Clock{}, err
	}
	after, err := incident.AfterTelling(h.Laws, f, from)
	if err != nil {
		return incident.Clock{}, err
	}
	closing, err := incident.ClosingReports(h.Laws, f, from)
	if err != nil {
		return incident.Clock{}, err
	}
	for _, c := range append(list, after...) {
		if c.Authority == authority {
			return c, nil
		}
	}
	for _, c := range closing {
		if c.Authority == authority {
			c.Due = due
			return c, nil
		}
	}
	return incident.Clock{}, fault.Newf(contract.ErrNotFound, "this notice has no clock of the authority %s", authority)
}

const checkDigits = 8

// CheckCode is what a reader compares on the portal: the number of their letter and eight digits
// that only this installation can make.
func CheckCode(key *seal.RefKey, n int64) string {
	code := key.Code(fmt.Sprintf("notice check %d", n), checkDigits)
	return fmt.Sprintf("%d-%s-%s", n, code[:4], code[4:])
}

// ReadCheckCode gives the number of the letter in a check code as people type it, and the code in
// its one form; false when it cannot be one.
func ReadCheckCode(s string) (n int64, form string, ok bool) {
	digits := strings.NewReplacer(" ", "", "-", "", "－", "").Replace(strings.TrimSpace(s))
	if len(digits) <= checkDigits || len(digits) > checkDigits+18 {
		return 0, "", false
	}
	at := len(digits) - checkDigits
	n, err := strconv.ParseInt(digits[:at], 10, 64)
	if err != nil || n < 0 || strings.Trim(digits, "0123456789") != "" {
		return 0, "", false
	}
	return n, fmt.Sprintf("%d-%s-%s", n, digits[at:at+4], digits[at+4:]), true
}
