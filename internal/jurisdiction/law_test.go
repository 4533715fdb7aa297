package jurisdiction

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestEarliestIsTheStrictest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	due, err := Earliest([]string{"cn-pipl", "br-lgpd", "us-ca"}, at)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 12, 9, 3, 0, 0, 0, time.UTC); !due.Equal(want) {
		t.Errorf("due %v, want %v", due.UTC(), want)
	}
	if _, err := Earliest([]string{"cn-pipl", "xx"}, at); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("an unknown law: %v", err)
	}
	if p, err := Find("cn-pipl"); err != nil || p.Zone != "Asia/Shanghai" {
		t.Errorf("found %q, %v", p.Zone, err)
	}
}

// No clock may run out before it began, and no strict date may come after the legal one, whatever
// the day.
func TestStrictIsNeverAfterLegal(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		for day := range 1200 {
			at := time.Date(2025, 12, 1, 4, 0, 0, 0, time.UTC).AddDate(0, 0, day)
			l := law(t, name, at)
			for _, kind := range []string{"access", "deletion", "correction", "complaint", "opt-out"} {
				clock, err := l.Answer(kind, at, []Pause{{Kind: AskedClarification, From: at.AddDate(0, 0, 3), Until: at.AddDate(0, 0, 8)}}, at)
				if err != nil || clock.Strict.After(clock.Legal) || !clock.Strict.After(at) {
					t.Fatalf("%s %s from %v: %+v, %v", name, kind, at, clock, err)
				}
			}
		}
	}
}

func TestMayExtend(t *testing.T) {
	t.Parallel()
	at := moment(t, "2026-11-23T10:00Z")
	eu, cn := law(t, "eu-gdpr", at), law(t, "cn-pipl", at)
	clock, err := eu.Answer("access", at, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := eu.MayExtend("access", "complexity", clock.Strict, clock.Strict.Add(-time.Second)); err != nil {
		t.Errorf("in the last second: %v", err)
	}
	for name, err := range map[string]error{
		"too late": eu.MayExtend("access", "complexity", clock.Strict, clock.Strict),
		"holidays": eu.MayExtend("access", "holidays", clock.Strict, at),
		"China":    cn.MayExtend("access", "complexity", clock.Strict, at),
		"opt-out":  law(t, "us-ca", at).MayExtend("opt-out", "complexity", clock.Strict, at),
	} {
		if err == nil {
			t.Errorf("%s: it was extended", name)
		}
	}
}

func TestRefusalsOfTheLawAlone(t *testing.T) {
	t.Parallel()
	eu, err := Find("eu-gdpr")
	if err != nil {
		t.Fatal(err)
	}
	if g, err := eu.Refusal("access", "others_rights"); err != nil || g.Source != "GDPR Art. 15(4)" {
		t.Errorf("%+v, %v", g, err)
	}
	for _, code := range []string{"trade_secret", "legal_claims", ""} { // China's; for deletion only; none
		if _, err := eu.Refusal("access", code); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("an access case was refused for %q: %v", code, err)
		}
	}
	if _, err := eu.Refusal("deletion", "legal_claims"); err != nil {
		t.Error(err)
	}
	for _, name := range Names() {
		p, _ := Find(name)
		for _, kind := range []string{"access", "deletion", "correction"} {
			if !p.Allows(kind) || len(p.RefusalsFor(kind)) == 0 {
				t.Errorf("%s: %s is allowed %v, with %d refusals", name, kind, p.Allows(kind), len(p.RefusalsFor(kind)))
			}
		}
	}
}

func TestWhatMayStopAClock(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		law, kind, asked string
		may, moves       bool
	}{
		{"cn-pipl", "access", AskedClarification, false, false},
		{"eu-gdpr", "access", AskedIdentity, true, false},
		{"eu-gdpr", "access", AskedClarification, false, false},
		{"uk-gdpr", "access", AskedClarification, true, true},
		{"uk-gdpr", "deletion", AskedClarification, false, false},
		{"uk-gdpr", "deletion", AskedIdentity, true, true},
		{"us-ca", "access", AskedIdentity, false, false},
		{"uk-gdpr", "access", "holiday", false, false},
	} {
		p, _ := Find(v.law)
		if may, moves := p.MayPause(v.kind, v.asked); may != v.may || moves != v.moves {
			t.Errorf("%s %s %s: %v %v", v.law, v.kind, v.asked, may, moves)
		}
	}
}

func TestWarningsComeAtMidnightInTheZone(t *testing.T) {
	t.Parallel()
	at := moment(t, "2026-11-23T03:00Z")
	l := law(t, "cn-pipl", at)
	clock, err := l.Answer("access", at, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := l.Warnings(clock.Strict)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.UTC().Format("2006-01-02T15:04Z"))
	}
	want := []string{"2026-12-13T16:00Z", "2026-12-16T16:00Z", "2026-12-20T16:00Z", "2026-12-22T16:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFloors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		law, kind string
		want      int
	}{{"cn-pipl", "access", 1}, {"us-ca", "access", 2}, {"us-ca", "opt-out", 0}, {"us-ca", "deletion", 1}, {"eu-gdpr", "opt-out", 0}} {
		p, _ := Find(v.law)
		if f := p.Floor(v.kind); f.Level != v.want {
			t.Errorf("%s %s: level %d, want %d", v.law, v.kind, f.Level, v.want)
		}
	}
	if p, _ := Find("us-ca"); !p.Floor("access").Declaration || p.Floor("access").Points != 3 {
		t.Error("specific pieces need three points and a declaration")
	}
}

func TestWhichLeaksRun(t *testing.T) {
	t.Parallel()
	cn, _ := Find("cn-pipl")
	ca, _ := Find("us-ca")
	codes := func(p Profile, in Incident) string {
		var list []string
		for _, l := range p.LeaksFor(in) {
			list = append(list, l.Code)
		}
		return strings.Join(list, " ")
	}
	for _, v := range []struct {
		p    Profile
		in   Incident
		want string
	}{
		{cn, Incident{}, "authority cac-other cac-summary miit persons"}, // nothing known rules nothing out
		{cn, Incident{Persons: 999_999}, "authority miit persons"},
		{cn, Incident{Persons: 1_000_000}, "authority cac-other cac-summary miit persons"}, // 以上 includes the number
		{cn, Incident{Persons: 10, Level: "重大"}, "authority cac-other cac-summary miit persons"},
		{cn, Incident{Handler: "cii", Persons: 20_000_000}, "authority cac-cii cac-summary miit persons"},
		{ca, Incident{Persons: 500}, "persons"},
		{ca, Incident{Persons: 501}, "persons attorney-general"},
	} {
		if got := codes(v.p, v.in); got != v.want {
			t.Errorf("%s %+v: %q, want %q", v.p.Name, v.in, got, v.want)
		}
	}
	if cn.SeverityOf(100_000_000) != "特别重大" || cn.SeverityOf(5) != "" {
		t.Error("the levels are off")
	}
}

func TestPinsAreTheSameBytesAndHoldTheirDigest(t *testing.T) {
	t.Parallel()
	at := moment(t, "2026-11-23T03:00Z")
	raw, digest, err := law(t, "cn-pipl", at).Pin()
	if err != nil {
		t.Fatal(err)
	}
	again, same, err := law(t, "cn-pipl", at).Pin()
	if err != nil || same != digest || !slices.Equal(raw, again) {
		t.Error("the same law has two digests")
	}
	read, err := ReadPin(raw, digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(law(t, "cn-pipl", at), read); diff != "" {
		t.Error(diff)
	}
	forged := slices.Clone(raw)
	forged[len(forged)/2] ^= 1
	if _, err := ReadPin(forged, digest); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("a forged pin was read: %v", err)
	}
}

func TestMissingCalendarsAreNamed(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"CN 2027"}, Embedded().Missing(moment(t, "2026-11-24T00:00Z"))); diff != "" {
		t.Error(diff)
	}
	if got := Embedded().Missing(moment(t, "2026-01-01T00:00Z")); len(got) != 1 {
		t.Errorf("missing %v", got)
	}
	if got := Embedded().Missing(moment(t, "2028-06-01T00:00Z")); !slices.Contains(got, "BE 2029") || !slices.Contains(got, "CN 2028") {
		t.Errorf("missing %v", got)
	}
}
