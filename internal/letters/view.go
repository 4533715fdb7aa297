package letters

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

// view is Fields as the templates see them: every method checks its value and formats it in the
// reader's style, or stops the letter with a badField.
type view struct {
	f  Fields
	zh bool
}

// badField says which field stopped a letter. It never holds the value.
type badField struct{ name, why string }

func (b badField) Error() string { return b.name + " " + b.why }

var (
	caseNoShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,31}$`)
	hashShape   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	codeShape   = regexp.MustCompile(`^[0-9]{4,18}$`)
	hostShape   = regexp.MustCompile(`^([0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
)

// longest is the most runes that one field may have.
const longest = 1000

// oneLine refuses what could break out of its line or turn the reading direction around it.
func oneLine(name, s string) error {
	switch {
	case utf8.RuneCountInString(s) > longest:
		return badField{name, "is too long"}
	case breaksOut(s):
		return badField{name, "is not one line of plain text"}
	}
	return nil
}

func breaksOut(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		// Cf holds the bidirectional overrides and zero-width characters.
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

func need(name, s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", badField{name, "is missing"}
	}
	return s, oneLine(name, s)
}

func may(name, s string) (string, error) {
	s = strings.TrimSpace(s)
	return s, oneLine(name, s)
}

func shaped(name, s string, shape *regexp.Regexp) (string, error) {
	if s == "" {
		return "", badField{name, "is missing"}
	}
	if !shape.MatchString(s) {
		return "", badField{name, "is malformed"}
	}
	return s, nil
}

func (v view) lang() string {
	if v.zh {
		return "zh"
	}
	return "en"
}

func (v view) CaseNo() (string, error) { return shaped("the case number", v.f.CaseNo, caseNoShape) }
func (v view) Code() (string, error)   { return shaped("the code", v.f.Code, codeShape) }
func (v view) PortalHost() (string, error) {
	return shaped("the portal's host", v.f.PortalHost, hostShape)
}
func (v view) Salutation() (string, error) { return may("the salutation", v.f.Salutation) }
func (v view) Reason() (string, error)     { return may("the reason", v.f.Reason) }
func (v view) Company() (string, error) {
	return need("the company's name", v.f.Company.Name.In(v.lang()))
}
func (v view) Address() (string, error) {
	return may("the company's address", v.f.Company.Address.In(v.lang()))
}
func (v view) Hotline() (string, error) { return need("the hotline", v.f.Company.Hotline) }
func (v view) Officer() (string, error) {
	return may("the data protection officer", v.f.Company.Officer)
}
func (v view) Answerable() bool        { return v.f.Company.ReplyTo != "" }
func (v view) NewDue() (string, error) { return v.date("the new due date", v.f.NewDueAt, true) }
func (v view) Ground() (string, error) { return need("the ground", v.f.Ground) }
func (v view) LawSource() (string, error) {
	return need("the law", v.f.LawSource)
}
func (v view) Facts() (string, error)     { return may("the facts", v.f.Facts) }
func (v view) Question() (string, error)  { return need("the question", v.f.Question) }
func (v view) ClockStops() bool           { return v.f.ClockStops }
func (v view) Regulator() (string, error) { return need("where to complain", v.f.Regulator) }
func (v view) Court() (string, error)     { return need("the way to court", v.f.Court) }

// CopyFirst says whether the person asked for a copy and for the deletion that follows it.
func (v view) CopyFirst() bool { return v.f.CopyFirst }

// Representative is who asks for the reader.
func (v view) Representative() (string, error) {
	return need("the representative's name", v.f.Representative)
}

// Represents is as what somebody asks for another.
func (v view) Represents() (string, error) {
	if !dsr.Represented(v.f.Represents) {
		return "", badField{"as what they ask", "is not one of ours"}
	}
	return v.f.Represents, nil
}

// Missing lists what a partial answer leaves out.
func (v view) Missing() ([]string, error) {
	for _, s := range v.f.Missing {
		if _, err := need("a missing part", s); err != nil {
			return nil, err
		}
	}
	return v.f.Missing, nil
}

// Withheld lists what is refused and therefore not in the package.
func (v view) Withheld() ([]Withheld, error) {
	for _, w := range v.f.Withheld {
		for name, s := range map[string]string{"what is refused": w.Title, "the ground": w.Ground, "the law": w.Source, "the facts": w.Facts} {
			if _, err := need(name, s); err != nil {
				return nil, err
			}
		}
	}
	return v.f.Withheld, nil
}

// Done lists what was deleted or changed, Kept what is kept.
func (v view) Done() ([]string, error) { return v.lines("what was done", v.f.Done) }

// Kept lists what is kept, by which law and until when.
func (v view) Kept() ([]string, error) { return v.lines("what is kept", v.f.Kept) }

// NotDone lists what was not corrected, and why.
func (v view) NotDone() ([]string, error) { return v.lines("what was not corrected", v.f.NotDone) }

// Others lists where a third value stood.
func (v view) Others() ([]string, error) { return v.lines("what is different", v.f.Others) }

// Purposes lists what was asked to stop.
func (v view) Purposes() ([]string, error) {
	if len(v.f.Purposes) == 0 {
		return nil, badField{"what is to stop", "is missing"}
	}
	return v.lines("what is to stop", v.f.Purposes)
}

// Told lists the recipients that were told.
func (v view) Told() ([]string, error) { return v.lines("who was told", v.f.Told) }

// EndWhy is why a restriction ends.
func (v view) EndWhy() (string, error) { return need("why the restriction ends", v.f.EndWhy) }

// EndsAt is a minute, with its time zone.
func (v view) EndsAt() (string, error) { return v.minute("the end of the restriction", v.f.EndsAt) }

func (v view) lines(name string, list []string) ([]string, error) {
	for _, s := range list {
		if _, err := need(name, s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Certificate is the hash of the certificate.
func (v view) Certificate() (string, error) {
	return shaped("the certificate's hash", v.f.Certificate, hashShape)
}

// OtherCase is the case that goes on instead.
func (v view) OtherCase() (string, error) {
	return shaped("the other case's number", v.f.OtherCase, caseNoShape)
}

// WithdrawUntil is a minute, with its time zone.
func (v view) WithdrawUntil() (string, error) {
	return v.minute("the end of the time to withdraw", v.f.WithdrawUntil)
}

// BackupsUntil is a day; empty when it is not known.
func (v view) BackupsUntil() (string, error) {
	if v.f.BackupsUntil.IsZero() {
		return "", nil
	}
	return v.date("the end of the backups", v.f.BackupsUntil, false)
}

// By is how the request came, as a phrase; empty when that is not known.
func (v view) By() (string, error) {
	phrases := map[string][2]string{
		"":       {"", ""},
		"phone":  {"通过电话", "by phone"},
		"letter": {"通过信函", "by post"},
		"mail":   {"通过电子邮件", "by e-mail"},
		"web":    {"通过网站", "on our website"},
	}
	p, known := phrases[v.f.Channel]
	if !known {
		return "", badField{"the channel", "is not one of ours"}
	}
	if v.zh {
		return p[0], nil
	}
	return p[1], nil
}

// Minutes is how long a code is valid.
func (v view) Minutes() (string, error) {
	if v.f.CodeMinutes <= 0 {
		return "", badField{"the code's time", "is missing"}
	}
	return v.count(v.f.CodeMinutes, "分钟", "minute", "minutes"), nil
}

// Systems is how many systems the package comes from.
func (v view) Systems() (string, error) {
	if v.f.Systems <= 0 {
		return "", badField{"the number of systems", "is missing"}
	}
	return v.count(v.f.Systems, "个系统", "system", "systems"), nil
}

// NoData says whether the package holds the kinds of data alone.
func (v view) NoData() bool { return v.f.NoData }

// Rows is how many records the package holds.
func (v view) Rows() (string, error) {
	if v.f.Rows <= 0 {
		return "", badField{"the number of records", "is missing"}
	}
	return v.count(v.f.Rows, "条记录", "record", "records"), nil
}

func (v view) count(n int, zh, one, many string) string {
	switch {
	case v.zh:
		return grouped(n) + zh
	case n == 1:
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// grouped writes a positive number with a comma every three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Received is the day of the request; Due the last day for the answer, with its time zone.
func (v view) Received() (string, error) { return v.date("the day of receipt", v.f.ReceivedAt, false) }
func (v view) Due() (string, error)      { return v.date("the due date", v.f.DueAt, true) }

// Expires is a minute, with its time zone.
func (v view) Expires() (string, error) { return v.minute("the expiry", v.f.ExpiresAt) }

func (v view) minute(name string, at time.Time) (string, error) {
	day, err := v.date(name, at, false)
	if err != nil {
		return "", err
	}
	t := at.In(v.f.Zone)
	if v.zh {
		return day + t.Format("15:04") + "（" + zone(t, true) + "）", nil
	}
	return day + t.Format(", 15:04") + " (" + zone(t, false) + ")", nil
}

// CodeExpires is Expires where the end of the code is known, and empty elsewhere.
func (v view) CodeExpires() (string, error) {
	if v.f.ExpiresAt.IsZero() {
		return "", nil
	}
	return v.Expires()
}

func (v view) date(name string, t time.Time, withZone bool) (string, error) {
	if t.IsZero() {
		return "", badField{name, "is missing"}
	}
	if v.f.Zone == nil {
		return "", badField{"the time zone", "is missing"}
	}
	t = t.In(v.f.Zone)
	switch {
	case v.zh && withZone:
		return t.Format("2006年1月2日") + "（" + zone(t, true) + "）", nil
	case v.zh:
		return t.Format("2006年1月2日"), nil
	case withZone:
		return t.Format("2 January 2006") + " (" + zone(t, false) + ")", nil
	}
	return t.Format("2 January 2006"), nil
}

// zone names a time zone as people of the place call it, or by its distance from UTC.
func zone(t time.Time, zh bool) string {
	names := map[string][2]string{
		"Asia/Shanghai":  {"北京时间", "Beijing time"},
		"Asia/Urumqi":    {"新疆时间", "Xinjiang time"},
		"Asia/Hong_Kong": {"香港时间", "Hong Kong time"},
		"Asia/Macau":     {"澳门时间", "Macau time"},
	}
	if n, known := names[t.Location().String()]; known {
		if zh {
			return n[0]
		}
		return n[1]
	}
	_, offset := t.Zone()
	if offset == 0 {
		return "UTC"
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	s := fmt.Sprintf("UTC%c%d", sign, offset/3600)
	if minutes := offset / 60 % 60; minutes != 0 {
		s += fmt.Sprintf(":%02d", minutes)
	}
	return s
}

// Outcome is how the case ended. An unverified case has a letter of its own.
func (v view) Outcome() (string, error) {
	known := []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.NoData, dsr.Withdrawn, dsr.Linked}
	if v.f.Outcome == "" {
		return "", badField{"the outcome", "is missing"}
	}
	if !slices.Contains(known, dsr.Outcome(v.f.Outcome)) {
		return "", badField{"the outcome", "is not one that this letter can tell"}
	}
	return v.f.Outcome, nil
}

// Package is what became of the package.
func (v view) Package() (string, error) {
	if v.f.Package != PackageFetched && v.f.Package != PackageExpired {
		return "", badField{"what became of the package", "is missing"}
	}
	return v.f.Package, nil
}
