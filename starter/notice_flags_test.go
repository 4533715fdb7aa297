package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	cloud "github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/incident"
)

// lines are where a condition stood, which is elsewhere by flags.
var lines = regexp.MustCompile(`,"Line":\d+`)

// The flags say what the example's file says, and a text may hold whatever YAML would take for more.
func TestAnIncidentByFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, cloud.Map); err != nil {
		t.Fatal(err)
	}
	m, err := datamap.Load(dir + "/map")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../examples/cloud/incident/breach.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := incident.Read("breach.yaml", raw, m)
	if err != nil {
		t.Fatal(err)
	}
	var flags incidentFlags
	c := &cobra.Command{}
	flags.on(c)
	if flags.said() {
		t.Error("nothing was said")
	}
	odd := "a: {b}, \"c\"\nexercise: true # d"
	args := []string{"--aware-at", "2026-11-24T09:00:00+08:00", "--lead-name", "cao", "--lead-mail", "cao@yunzhan.example", "--deputy-name", "dai",
		"--deputy-mail", "dai@yunzhan.example", "--laws", "cn-pipl,eu-gdpr", "--canaries", "seed-1@yunzhan.example,seed-2@yunzhan.example",
		"--severity", "{persons: 200, sensitive: false, risk: high, level: ordinary, operator: other}",
		"--pace", "{rate: 50, per_domain: 20, waves: [1, 10, 100], stop_at: 5}", "--ladder", "{steps: [sms, phone, letter, public], after: 24h, public_over: 10000}",
		"--concerned", `{system: accounts, collection: users, where: {all: [{column: region, op: not_null}, {column: created_at, op: lt, value: "2026-11-24"}]},
			categories: [{zh: 登录名, en: sign-in name}, {zh: 手机号码, en: mobile number}, {zh: 电子邮箱, en: e-mail address}]}`,
		"--concerned", "{system: billing, collection: invoices, categories: [{zh: 发票抬头和税号, en: invoice title and tax number}]}"}
	for key, text := range map[string]datamap.Text{"title": want.Title, "what": want.Texts.What, "when": want.Texts.When, "cause": want.Texts.Cause, "harm": want.Texts.Harm,
		"measures": want.Texts.Measures, "remedy": want.Texts.Remedy, "contact": want.Texts.Contact, "authority": want.Texts.Authority} {
		args = append(args, "--"+key+"-zh", text.ZH, "--"+key+"-en", text.EN)
	}
	want.Texts.Advice = datamap.Text{EN: odd}
	if err := c.ParseFlags(append(args, "--advice-en", odd)); err != nil {
		t.Fatal(err)
	}
	doc, err := flags.document("breach", "an", func(s string) (string, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := incident.Read("the flags", doc, m)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	plain := func(f incident.File) string { // a zone that was read twice is another pointer
		raw, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return lines.ReplaceAllString(string(raw), "")
	}
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" || !flags.said() {
		t.Errorf("(-file, +flags): %s", diff)
	}
	if _, err := incident.Read("the flags", []byte(strings.Replace(string(doc), "users", "user", 1)), m); err == nil || !strings.Contains(err.Error(), "the flags:") {
		t.Errorf("a fault: %v", err)
	}
}
