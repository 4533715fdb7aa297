package letters

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func noticeFields() NoticeFields {
	zone, _ := time.LoadLocation("Asia/Shanghai")
	at := time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)
	return NoticeFields{
		No: "7QK2M-9XH4T", Title: "title-1", What: "what-1\nsecond line", When: "when-1", Cause: "cause-1", Harm: "harm-1", Measures: "measures-1",
		Advice: "advice-1", Remedy: "remedy-1", Contact: "contact-1", Authority: "authority-1", Categories: []string{"category-1", "category-2"},
		Account: MarkAccount, Check: MarkCheck, PortalHost: "portal.cloud.example", Zone: zone,
		Company:   datamap.Company{Name: datamap.Text{ZH: "示例云", EN: "Example Cloud"}, Hotline: "400-000-0000", From: "privacy@cloud.example"},
		Effective: at, Changes: []PolicyLine{{"1.2", "before-1", "after-1"}}, Recipient: "recipient-1", RecipientContact: "reach-1", On: at,
		AwareAt: at, DueAt: at.Add(72 * time.Hour), Source: "GDPR 33(1)", Phases: true, Persons: "12", Percent: 75,
	}
}

// Every letter says everything that its law asks for, in text and HTML alike, has no link but the bare
// host, and an exercise says so in its subject and its first lines.
func TestNoticesSayEverything(t *testing.T) {
	t.Parallel()
	says := map[NoticeText][]string{
		NoticeBreach: {"title-1", "what-1", "when-1", "cause-1", "harm-1", "measures-1", "advice-1", "remedy-1", "contact-1", "authority-1",
			"category-1", "category-2", MarkAccount, MarkCheck, "portal.cloud.example", "7QK2M-9XH4T", "400-000-0000"},
		NoticePolicy:   {"title-1", "what-1", "1.2", "before-1", "after-1", "contact-1", MarkCheck, "2026"},
		NoticeTransfer: {"title-1", "what-1", "recipient-1", "reach-1", "contact-1", MarkCheck},
		NoticePublic:   {"title-1", "what-1", "when-1", "cause-1", "harm-1", "measures-1", "advice-1", "remedy-1", "contact-1", "category-2"},
		NoticeReport:   {"what-1", "when-1", "cause-1", "harm-1", "measures-1", "category-1", "12", "GDPR 33(1)", "authority-1"},
		NoticeClock:    {"75", "authority-1", "7QK2M-9XH4T"},
	}
	for text, words := range says {
		for _, lang := range []string{"zh", "en"} {
			f := noticeFields()
			m, err := RenderNotice(text, lang, f)
			if err != nil {
				t.Fatalf("%s %s: %v", text, lang, err)
			}
			for _, word := range words {
				if !strings.Contains(m.Subject+m.Text, word) || !strings.Contains(m.HTML, word) {
					t.Errorf("%s %s does not say %q", text, lang, word)
				}
			}
			if regexp.MustCompile(`(?i)https?:|<a |<img|src=|href=`).MatchString(m.Text + m.HTML) {
				t.Errorf("%s %s holds a link or an image", text, lang)
			}
			f.Exercise = true
			drill, err := RenderNotice(text, lang, f)
			if err != nil || !strings.Contains(drill.Subject, "EXERCISE") || !strings.Contains(drill.Text, "EXERCISE") || !strings.Contains(drill.HTML, "EXERCISE") {
				t.Errorf("%s %s: an exercise does not say so: %q %v", text, lang, drill.Subject, err)
			}
			if drill.Hash() == m.Hash() {
				t.Errorf("%s %s: two texts share their hash", text, lang)
			}
		}
	}
}

func TestANoticeNeedsItsParts(t *testing.T) {
	t.Parallel()
	for name, empty := range map[string]func(*NoticeFields){
		"the harm is missing":      func(f *NoticeFields) { f.Harm = " \n" },
		"the categories":           func(f *NoticeFields) { f.Categories = nil },
		"the check code":           func(f *NoticeFields) { f.Check = "" },
		"is not one line of plain": func(f *NoticeFields) { f.What = "a\u202eb" },
		"the portal's host":        func(f *NoticeFields) { f.PortalHost = "https://portal" },
	} {
		f := noticeFields()
		empty(&f)
		_, err := RenderNotice(NoticeBreach, "en", f)
		if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}

func TestFillEscapes(t *testing.T) {
	t.Parallel()
	m, err := RenderNotice(NoticeBreach, "zh", noticeFields())
	if err != nil {
		t.Fatal(err)
	}
	got := m.Fill("<b>***", "12-345")
	if strings.Contains(got.HTML, "<b>***") || !strings.Contains(got.Text, "<b>***") || strings.Contains(got.Text+got.HTML, "HabeasMark") {
		t.Error("a mark is left, or was filled without escaping")
	}
}

func TestVERP(t *testing.T) {
	t.Parallel()
	mac := func(notice string, n int64) []byte {
		sum := sha256.Sum256([]byte(fmt.Sprintf("%s %d", notice, n)))
		return sum[:]
	}
	path := VERP("7QK2M-9XH4T", 42, mac("7QK2M-9XH4T", 42), "cloud.example")
	if !addressShape.MatchString(path) {
		t.Fatalf("%s is no address", path)
	}
	for _, form := range []string{path, strings.ToUpper(path)} {
		if notice, n, ok := ReadVERP(form, mac); !ok || notice != "7QK2M-9XH4T" || n != 42 {
			t.Errorf("%s: %s %d %t", form, notice, n, ok)
		}
	}
	for _, bad := range []string{strings.Replace(path, ".42.", ".43.", 1), strings.Replace(path, "7qk2m", "7qk2n", 1), "bounce+x@cloud.example", ""} {
		if _, _, ok := ReadVERP(bad, mac); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

const dsn = "From: MAILER-DAEMON@mx.example\r\nSubject: failed\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n" +
	"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; x@q.example\r\nAction: %s\r\nStatus: %s\r\nDiagnostic-Code: smtp; %s\r\n\r\n--b--\r\n"

func TestBouncesAreClassed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ action, status, diagnostic, class, reply string }{
		{"failed", "5.1.1", "550 5.1.1 no such user", BounceHard, "550 5.1.1"},
		{"failed", "4.4.7", "451 4.4.7 too old", BounceSoft, "451 4.4.7"},
		{"failed", "5.2.2", "552 5.2.2 full", BounceFull, "552 5.2.2"},
		{"failed", "4.2.2", "452 4.2.2 full", BounceFull, "452 4.2.2"},
		{"failed", "5.7.1", "554 5.7.1 not wanted", BouncePolicy, "554 5.7.1"},
		{"failed", "", "unknown", BounceHard, "550"},
		{"delayed", "4.4.1", "later", BounceOther, "000"},
		{"delivered", "2.0.0", "250 ok", BounceOther, "000"},
	} {
		got := ReadBounce(strings.NewReader(fmt.Sprintf(dsn, tc.action, tc.status, tc.diagnostic)))
		if got.Class != tc.class || got.Reply.String() != tc.reply {
			t.Errorf("%+v: %s %s", tc, got.Class, got.Reply)
		}
	}
	for text, class := range map[string]string{
		"Auto-Submitted: auto-replied\r\nSubject: away\r\n\r\nI am away\r\n": BounceAuto,
		"Subject: hello\r\n\r\nwho are you?\r\n":                             BounceOther,
		"":                                                                   BounceOther,
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\nnothing": BounceOther,
	} {
		if got := ReadBounce(strings.NewReader(text)); got.Class != class {
			t.Errorf("%q: %s, want %s", text, got.Class, class)
		}
	}
}

func FuzzReadBounce(f *testing.F) {
	f.Add(fmt.Sprintf(dsn, "failed", "5.1.1", "550 x"))
	f.Fuzz(func(t *testing.T, text string) {
		if ReadBounce(strings.NewReader(text)).Class == "" {
			t.Error("no class")
		}
	})
}
