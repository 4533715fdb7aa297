package letters

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

var update = flag.Bool("update", false, "write the golden files anew")

var beijing = time.FixedZone("Asia/Shanghai", 8*3600)

// full has every field that any letter uses.
func full() Fields {
	return Fields{
		CaseNo: "7QK2M-9XH4T", Salutation: "张**", Channel: "phone",
		ReceivedAt: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC),
		DueAt:      time.Date(2026, 12, 23, 15, 59, 59, 0, time.UTC),
		ExpiresAt:  time.Date(2026, 12, 8, 10, 0, 0, 0, time.UTC),
		Zone:       beijing, Code: "048213", CodeMinutes: 10, PortalHost: "privacy.cloud.example",
		NewDueAt: time.Date(2027, 2, 23, 15, 59, 59, 0, time.UTC), Ground: "the request is complex", LawSource: "GDPR Art. 12(3)",
		Facts: "Four systems have to be read by hand.", Question: "Which of your two accounts do you mean?", ClockStops: true,
		Regulator: "You may complain to the authority.", Court: "You may also go to court.",
		WithdrawUntil: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), Certificate: strings.Repeat("0123456789abcdef", 4),
		Done: []string{"Accounts – Users: 1"}, Kept: []string{"Billing – Invoices: 3 (Accounting law, until 2036-12-31)"},
		BackupsUntil: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), OtherCase: "7QK2M-9XH4T",
		Purposes: []string{"Marketing messages"}, Told: []string{"Example Newsletters Ltd"}, EndsAt: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC), EndWhy: "The check that you asked for is done.", Kind: string(dsr.Access), Person: []string{"email: l***@mail.example"}, Answer: "The copy left out your support calls, and you have them now.",
		Represents: dsr.RequesterAgent, Representative: "李*",
		Systems: 3, Rows: 12345, Outcome: string(dsr.Fulfilled), Package: PackageFetched,
		Ways: []string{"A code to your other address or number"}, ProveUntil: time.Date(2026, 12, 7, 2, 0, 0, 0, time.UTC),
		Company: datamap.Company{
			Name:    datamap.Text{ZH: "示例云计算", EN: "Sample Cloud"},
			Address: datamap.Text{ZH: "示例市示例路1号", EN: "1 Sample Road, Sample City"},
			From:    "privacy@cloud.example", ReplyTo: "privacy@cloud.example",
			Hotline: "400-000-0000", Officer: "dpo@cloud.example",
		},
	}
}

// goldenCases are every letter, and the last one in each of its endings.
func goldenCases() map[string]struct {
	letter Template
	fields Fields
} {
	cases := map[string]struct {
		letter Template
		fields Fields
	}{}
	add := func(name string, t Template, change func(*Fields)) {
		f := full()
		if change != nil {
			change(&f)
		}
		cases[name] = struct {
			letter Template
			fields Fields
		}{t, f}
	}
	for _, t := range Templates() {
		add(string(t), t, nil)
	}
	add("deletion_done-partial", DeletionDone, func(f *Fields) {
		f.Outcome, f.Missing = string(dsr.PartlyDone), []string{"Support tickets"}
	})
	add("deletion_done-nothing", DeletionDone, func(f *Fields) { f.Done, f.BackupsUntil = nil, time.Time{} })
	add("correction_done-partial", CorrectionDone, func(f *Fields) {
		f.Outcome, f.Missing = string(dsr.PartlyDone), []string{"Support tickets"}
		f.NotDone, f.Others, f.Told = []string{"Real name: the proof that we asked for did not come"}, []string{"Support – Tickets: Mobile number"}, []string{"Example Mailing Ltd"}
	})
	for _, outcome := range []dsr.Outcome{dsr.Withdrawn, dsr.Refused} {
		add("correction_ended-"+string(outcome), CorrectionEnded, func(f *Fields) { f.Outcome = string(outcome) })
	}
	add("correction_ended-reasons", CorrectionEnded, func(f *Fields) {
		f.Outcome, f.NotDone = string(dsr.Refused), []string{"E-mail: the new address was not confirmed by its code"}
	})
	for _, outcome := range []dsr.Outcome{dsr.Withdrawn, dsr.Linked, dsr.Refused} {
		add("deletion_ended-"+string(outcome), DeletionEnded, func(f *Fields) { f.Outcome = string(outcome) })
	}
	for _, outcome := range []dsr.Outcome{dsr.Withdrawn, dsr.Refused, dsr.PartlyDone} {
		add("restriction_closed-"+string(outcome), RestrictionClosed, func(f *Fields) { f.Outcome = string(outcome) })
	}
	for _, outcome := range []dsr.Outcome{dsr.Upheld, dsr.NotUpheld, dsr.Withdrawn, dsr.Refused} {
		add("complaint_answer-"+string(outcome), ComplaintAnswer, func(f *Fields) { f.Outcome = string(outcome) })
	}
	add("forwarded-deletion", Forwarded, func(f *Fields) { f.Kind = string(dsr.Deletion) })
	add("forwarded-correction", Forwarded, func(f *Fields) { f.Kind = string(dsr.Correction) })
	for _, as := range []string{dsr.RequesterGuardian, dsr.RequesterRelative} {
		for _, letter := range []Template{RepresentativeAccepted, RepresentativeDeclined, RepresentativeClosed} {
			add(string(letter)+"-"+as, letter, func(f *Fields) { f.Represents = as })
		}
	}
	add("opted_out-alone", OptedOut, func(f *Fields) { f.Told = nil })
	add("opted_out-partial", OptedOut, func(f *Fields) { f.Outcome, f.Missing = string(dsr.PartlyDone), []string{"Newsletter"} })
	add("restricted-partial", Restricted, func(f *Fields) { f.Outcome, f.Missing = string(dsr.PartlyDone), []string{"Newsletter"} })
	add("access_ready-kinds", AccessReady, func(f *Fields) { f.NoData = true })
	add("access_ready-part", AccessReady, func(f *Fields) {
		f.Withheld = []Withheld{{Title: "Support – call notes", Ground: "it would adversely affect the rights of others", Source: "GDPR Art. 15(4)", Facts: "They speak of other callers."}}
	})
	add("access_ready-then-deleted", AccessReady, func(f *Fields) { f.CopyFirst = true })
	add("deletion_ack-copy-first", DeletionAck, func(f *Fields) { f.CopyFirst = true })
	add("not_you_alert-locked", NotYouAlert, func(f *Fields) { f.Locked = true })
	add("ack-bare", Ack, func(f *Fields) { f.Salutation, f.Channel = "", "" })
	for _, kind := range dsr.CaseKinds {
		if kind != dsr.Access {
			add("verify_code-"+string(kind), VerifyCode, func(f *Fields) { f.Kind = string(kind) })
		}
	}
	add("verify_code-no-expiry", VerifyCode, func(f *Fields) { f.ExpiresAt = time.Time{} })
	add("case_closed-expired", CaseClosed, func(f *Fields) { f.Package = PackageExpired })
	add("case_closed-partial", CaseClosed, func(f *Fields) {
		f.Outcome, f.Reason = string(dsr.PartlyDone), "One system could not be read."
		f.Missing = []string{"Support tickets", "Call notes"}
	})
	add("clarify-running", Clarify, func(f *Fields) { f.ClockStops = false })
	add("extension-bare", Extension, func(f *Fields) { f.Facts = "" })
	add("case_closed-no_data", CaseClosed, func(f *Fields) { f.Outcome, f.Package = string(dsr.NoData), "" })
	add("case_closed-withdrawn", CaseClosed, func(f *Fields) { f.Outcome, f.Package = string(dsr.Withdrawn), "" })
	add("case_closed-refused", CaseClosed, func(f *Fields) { f.Outcome, f.Package = string(dsr.Refused), "" })
	add("case_closed-refused-reason", CaseClosed, func(f *Fields) {
		f.Outcome, f.Package, f.Reason = string(dsr.Refused), "", "The same request was answered last week."
	})
	return cases
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases() {
		for _, lang := range Languages() {
			m, err := Render(c.letter, lang, c.fields)
			if err != nil {
				t.Fatalf("%s in %s: %v", name, lang, err)
			}
			short, err := SMS(c.letter, lang, c.fields)
			if err != nil {
				t.Fatalf("%s in %s as SMS: %v", name, lang, err)
			}
			golden(t, name+"."+lang+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			golden(t, name+"."+lang+".html", m.HTML)
			golden(t, name+"."+lang+".sms.txt", short+"\n")
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update writes it anew:\n%s", name, diff)
	}
}

// TestNoStrayGolden notices a golden file whose letter is gone.
func TestNoStrayGolden(t *testing.T) {
	t.Parallel()
	found, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(goldenCases()) * len(Languages()) * 3; len(found) != want {
		t.Errorf("there are %d golden files, want %d", len(found), want)
	}
}

func TestEveryLetterIsWhole(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`(?i)https?://|<a\b|<img|<script|<link|src=|href=|url\(|@import`)
	for name, c := range goldenCases() {
		for _, lang := range Languages() {
			m, err := Render(c.letter, lang, c.fields)
			if err != nil {
				t.Fatal(err)
			}
			company := c.fields.Company.Name.In(lang[:2])
			for _, part := range []string{m.Text, m.HTML} {
				for _, want := range []string{c.fields.CaseNo, c.fields.Company.Hotline, c.fields.PortalHost, company} {
					if !strings.Contains(part, want) {
						t.Errorf("%s in %s lacks %q", name, lang, want)
					}
				}
				if hit := link.FindString(part); hit != "" {
					t.Errorf("%s in %s holds %q: no links, nothing remote", name, lang, hit)
				}
				for _, never := range []string{"<no value>", "%!", "{{", "0001", c.fields.Company.From} {
					if strings.Contains(part, never) {
						t.Errorf("%s in %s holds %q", name, lang, never)
					}
				}
			}
			if !strings.Contains(m.HTML, `<html lang="`+lang+`">`) || m.Lang != lang {
				t.Errorf("%s in %s does not name its language", name, lang)
			}
			if strings.Contains(m.Subject, c.fields.Code) {
				t.Errorf("%s in %s shows the code in the subject", name, lang)
			}
		}
	}
}

func TestSMSIsShort(t *testing.T) {
	t.Parallel()
	for name, c := range goldenCases() {
		for lang, most := range map[string]int{"zh": 67 * 3, "en": 153 * 3} {
			s, err := SMS(c.letter, lang, c.fields)
			if err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(s); n > most {
				t.Errorf("%s in %s has %d characters, more than three parts of an SMS", name, lang, n)
			}
			if strings.ContainsAny(s, "\r\n") {
				t.Errorf("%s in %s is not one line", name, lang)
			}
		}
	}
}
