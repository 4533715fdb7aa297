package letters

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// TestMissingFieldStops empties the fields one by one: a letter either does without the field or
// stops and names it; it never prints an empty value.
func TestMissingFieldStops(t *testing.T) {
	t.Parallel()
	needed := map[Template][]string{
		Ack:            {"CaseNo", "ReceivedAt", "DueAt", "Zone", "PortalHost", "Company"},
		VerifyCode:     {"CaseNo", "Kind", "Code", "CodeMinutes", "Zone", "PortalHost", "Company"},
		StatusCode:     {"CaseNo", "Code", "CodeMinutes", "Zone", "PortalHost", "Company"},
		DownloadCode:   {"CaseNo", "Code", "CodeMinutes", "Zone", "PortalHost", "Company"},
		AccessReady:    {"CaseNo", "ExpiresAt", "Zone", "Systems", "Rows", "PortalHost", "Company"},
		CaseClosed:     {"CaseNo", "ReceivedAt", "Zone", "Outcome", "Package", "PortalHost", "Company"},
		CaseUnverified: {"CaseNo", "Kind", "ReceivedAt", "Zone", "PortalHost", "Company"},

		VerifyMore:   {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Ways", "ProveUntil", "Company"},
		VerifyRemind: {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "ProveUntil", "Company"},
		NotYouAlert:  {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company"},

		DeletionAck:      {"CaseNo", "ReceivedAt", "DueAt", "Zone", "PortalHost", "Company"},
		DeletionApproved: {"CaseNo", "WithdrawUntil", "Zone", "PortalHost", "Company"},
		DeletionDone:     {"CaseNo", "ReceivedAt", "Zone", "Outcome", "Certificate", "PortalHost", "Company"},
		DeletionNoData:   {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company"},
		CorrectionAck:    {"CaseNo", "ReceivedAt", "DueAt", "Zone", "PortalHost", "Company"},
		ConfirmCode:      {"CaseNo", "Code", "CodeMinutes", "Zone", "PortalHost", "Company"},
		CorrectionDone:   {"CaseNo", "ReceivedAt", "Zone", "Outcome", "PortalHost", "Company"},
		CorrectionEnded:  {"CaseNo", "ReceivedAt", "Zone", "Outcome", "PortalHost", "Company"},
		Forwarded:        {"CaseNo", "ReceivedAt", "Zone", "Kind", "PortalHost", "Company"},
		Redirected:       {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company"},
		ComplaintAck:     {"CaseNo", "ReceivedAt", "DueAt", "Zone", "OtherCase", "PortalHost", "Company"},
		DeletionEnded:    {"CaseNo", "ReceivedAt", "Zone", "Outcome", "PortalHost", "Company"},

		VerifyAgent:            {"CaseNo", "Code", "CodeMinutes", "Zone", "PortalHost", "Company", "Representative"},
		RepresentativeAccepted: {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company", "Represents"},
		RepresentativeDeclined: {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company", "Represents"},
		RepresentativeClosed:   {"CaseNo", "ReceivedAt", "Zone", "PortalHost", "Company", "Represents"},
	}
	for letter, want := range needed {
		var got []string
		for i := range reflect.TypeFor[Fields]().NumField() {
			f := full()
			reflect.ValueOf(&f).Elem().Field(i).SetZero()
			_, err := Render(letter, "en", f)
			if err == nil {
				continue
			}
			if !fault.Is(err, contract.ErrBadInput) {
				t.Errorf("%s: %v is not a bad input", letter, err)
			}
			got = append(got, reflect.TypeFor[Fields]().Field(i).Name)
		}
		less := func(fields []string) map[string]bool {
			set := map[string]bool{}
			for _, f := range fields {
				set[f] = true
			}
			return set
		}
		if diff := cmp.Diff(less(want), less(got)); diff != "" {
			t.Errorf("%s needs other fields (-want +got):\n%s", letter, diff)
		}
	}
}

func TestBadFieldsAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*Fields){
		"line break in a name":    func(f *Fields) { f.Salutation = "A\r\nBcc: x@y.example" },
		"direction override":      func(f *Fields) { f.Salutation = "A\u202eB" },
		"not UTF-8":               func(f *Fields) { f.Salutation = "A\xff" },
		"very long":               func(f *Fields) { f.Salutation = strings.Repeat("A", 2000) },
		"case number with markup": func(f *Fields) { f.CaseNo = "<b>1</b>" },
		"portal with a scheme":    func(f *Fields) { f.PortalHost = "https://privacy.cloud.example" },
		"portal with a path":      func(f *Fields) { f.PortalHost = "privacy.cloud.example/x?y" },
		"unknown channel":         func(f *Fields) { f.Channel = "pigeon" },
		"line break in company":   func(f *Fields) { f.Company.Name.EN = "A\nB" },
		"line break in hotline":   func(f *Fields) { f.Company.Hotline = "1\n2" },
	}
	for name, change := range cases {
		f := full()
		change(&f)
		_, err := Render(Ack, "en", f)
		if !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s: got %v, want a bad input", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "Bcc") {
			t.Errorf("%s: the error quotes the value: %v", name, err)
		}
	}
	for name, change := range map[string]func(*Fields){
		"letters in the code": func(f *Fields) { f.Code = "12a456" },
		"short code":          func(f *Fields) { f.Code = "123" },
		"negative minutes":    func(f *Fields) { f.CodeMinutes = -1 },
	} {
		f := full()
		change(&f)
		if _, err := Render(VerifyCode, "zh", f); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s: got %v, want a bad input", name, err)
		}
	}
	f := full()
	f.Outcome = string(dsr.Unverified)
	if _, err := Render(CaseClosed, "en", f); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("an unverified case got the letter of a closed one: %v", err)
	}
	if _, err := Render("nonsense", "en", full()); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("an unknown letter: %v", err)
	}
	if _, err := Render(Ack, "fr", full()); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("an unknown language: %v", err)
	}
}

func TestMarkupInFieldsStaysText(t *testing.T) {
	t.Parallel()
	f := full()
	f.Salutation = `<img src="x"> & {{.Code}} ## 1. `
	m, err := Render(Ack, "en", f)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(m.HTML, "<img") || !strings.Contains(m.HTML, "&lt;img") {
		t.Error("markup of a field is markup of the letter")
	}
	if !strings.Contains(m.Text, f.Salutation[:len(f.Salutation)-1]) {
		t.Error("the text does not hold the field as it is")
	}
}

func TestTwelveDigitCode(t *testing.T) {
	t.Parallel()
	f := full()
	f.Code = "048213998877"
	m, err := Render(VerifyCode, "zh-CN", f)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Text, "    048213998877\n") || !strings.Contains(m.HTML, ">048213998877<") {
		t.Error("the code does not stand on a line of its own")
	}
}

func TestDatesAndZones(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		zone           *time.Location
		zh, en, minute string
	}{
		{beijing, "2026年12月23日（北京时间）", "23 December 2026 (Beijing time)", "8 December 2026, 18:00 (Beijing time)"},
		{london, "2026年12月23日（UTC）", "23 December 2026 (UTC)", "8 December 2026, 10:00 (UTC)"},
		{time.FixedZone("", 5*3600+45*60), "2026年12月23日（UTC+5:45）", "23 December 2026 (UTC+5:45)", "8 December 2026, 15:45 (UTC+5:45)"},
		{time.FixedZone("", -5*3600), "2026年12月23日（UTC-5）", "23 December 2026 (UTC-5)", "8 December 2026, 05:00 (UTC-5)"},
	}
	for _, c := range cases {
		f := full()
		f.Zone = c.zone
		zh, err := view{f, true}.Due()
		if err != nil || zh != c.zh {
			t.Errorf("got %q %v, want %q", zh, err, c.zh)
		}
		en, err := view{f, false}.Due()
		if err != nil || en != c.en {
			t.Errorf("got %q %v, want %q", en, err, c.en)
		}
		minute, err := view{f, false}.Expires()
		if err != nil || minute != c.minute {
			t.Errorf("got %q %v, want %q", minute, err, c.minute)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, letter := range Templates() {
		for _, lang := range Languages() {
			v := Version(letter, lang)
			if len(v) != 12 || seen[v] || v != Version(letter, lang) {
				t.Errorf("%s in %s: version %q is not 12 digits, its own and stable", letter, lang, v)
			}
			seen[v] = true
		}
	}
	if Version(Ack, "zh") != Version(Ack, "zh-CN") {
		t.Error("zh and zh-CN differ")
	}
	if Version("nonsense", "en") != "" || Version(Ack, "fr") != "" {
		t.Error("what does not exist has a version")
	}
}
