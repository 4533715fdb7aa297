package letters

import (
	"strings"
	"testing"
	"testing/fstest"
)

func embeddedText(t *testing.T, name string) string {
	t.Helper()
	raw, err := files.ReadFile("templates/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The embedded texts pass their own check, each put over itself.
func TestTheEmbeddedTextsPassTheCheck(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{}
	for _, letter := range Templates() {
		for _, lang := range Languages() {
			name := string(letter) + "." + lang + ".txt"
			own[name] = &fstest.MapFile{Data: []byte(embeddedText(t, name))}
		}
	}
	if problems := Check(own); len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
}

func TestFaultsInOwnTextsAreNamed(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct{ file, old, new, says string }{
		"field left out":     {"refused.en.txt", "{{.LawSource}}", "the law", "leaves out LawSource"},
		"person in subject":  {"ack.en.txt", "Subject: We received your request", "Subject: {{.Salutation}}, we received your request", "must not hold Salutation"},
		"code in subject":    {"verify_code.en.txt", "Subject: ", "Subject: {{.Code}} ", "must not hold Code"},
		"address in subject": {"ack.en.txt", "Subject: We", "Subject: you@persons.example We", "address"},
		"link":               {"ack.en.txt", "## By when", "https://portal.example\n\n## By when", "link"},
		"no subject":         {"ack.en.txt", "Subject: ", "Betreff: ", "Subject"},
		"unknown field":      {"ack.en.txt", "{{.CaseNo}}", "{{.CaseNumber}}", "ack.en.txt"},
		"does not parse":     {"ack.en.txt", "{{.CaseNo}}", "{{.CaseNo", "ack.en.txt"},
	} {
		base, _, _ := strings.Cut(v.file, ".")
		text := embeddedText(t, v.file)
		changed := strings.ReplaceAll(text, v.old, v.new)
		if text == changed {
			t.Errorf("%s: %s has no %q", name, v.file, v.old)
			continue
		}
		zh := base + ".zh-CN.txt"
		problems := Check(fstest.MapFS{v.file: {Data: []byte(changed)}, zh: {Data: []byte(embeddedText(t, zh))}})
		if !strings.Contains(strings.Join(problems, "\n"), v.says) {
			t.Errorf("%s: %v", name, problems)
		}
	}
	if problems := Check(fstest.MapFS{"ack.en.txt": {Data: []byte(embeddedText(t, "ack.en.txt"))}}); len(problems) != 1 || !strings.Contains(problems[0], "ack.zh-CN.txt") {
		t.Errorf("one language: %v", problems)
	}
	if problems := Check(fstest.MapFS{"akc.en.txt": {Data: []byte("x")}}); len(problems) != 1 {
		t.Errorf("an unknown letter: %v", problems)
	}
}

// Not in parallel: what is used holds for the whole program.
func TestOwnTextsAreUsedAndHaveAnotherVersion(t *testing.T) {
	before := Version(Ack, "en")
	own := fstest.MapFS{"ack.zh-CN.txt": {Data: []byte(embeddedText(t, "ack.zh-CN.txt"))},
		"ack.en.txt": {Data: []byte(strings.Replace(embeddedText(t, "ack.en.txt"), "## By when", "## Our promise", 1))}}
	if err := Use(own); err != nil {
		t.Fatal(err)
	}
	defer current.Store(&sources)
	m, err := Render(Ack, "en", Sample())
	if err != nil || !strings.Contains(m.Text, "Our promise") || Version(Ack, "en") == before {
		t.Errorf("%v, version %s then %s:\n%s", err, before, Version(Ack, "en"), m.Text)
	}
	if err := Use(fstest.MapFS{"akc.en.txt": {Data: []byte("x")}}); err == nil {
		t.Error("a folder with faults was used")
	}
}

func TestDigestTellsNumbersAlone(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"zh", "en"} {
		m, err := RenderDigest(lang, Digest{Cases: []string{"3d: 7QK2M-9XH4T, access, review"}, Tasks: []string{"8AB2M-9XH4T: review"}})
		if err != nil || !strings.Contains(m.Text, "7QK2M-9XH4T") || !strings.Contains(m.HTML, "8AB2M-9XH4T") || !strings.Contains(m.Subject, "2") {
			t.Errorf("%s: %v\n%s", lang, err, m.Text)
		}
	}
	if _, err := RenderDigest("en", Digest{Cases: []string{"a\nb"}}); err == nil {
		t.Error("a line broke out")
	}
}
