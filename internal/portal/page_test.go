package portal

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

// everyPage visits each page in lang and returns it by name.
func everyPage(t *testing.T, b *bench, lang string) map[string]answer {
	t.Helper()
	b.get("/?lang=" + lang) // sets the cookie
	all := map[string]answer{
		"home": b.get("/"), "ended": b.get("/?ended=1"), "left": b.get("/?left=1"), "bad id": b.get("/case?id=1"),
		"verified": b.get("/case/verified?id=" + b.known), "missing": b.get("/nothing"),
		"operator": b.get("/codec/sign-in"), "signed in": b.get("/codec/sign-in?done=1"),
		"bad token": b.post("/codec/sign-in", "token", "x"), "method": b.do(b.request("PUT", "/", nil)),
		"form": b.post("/case/code", "id", b.known), "gone": {},
	}
	for _, purpose := range purposes {
		all["case "+purpose] = b.get("/case?sent=1&purpose=" + purpose + "&id=" + b.known)
		all["wrong code "+purpose] = b.post("/case/"+purpose, "id", b.known, "code", "000000")
	}
	b.post("/case/status", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus))
	show := func(state, outcome string) answer {
		b.desk.mu.Lock()
		c := &b.desk.cases[b.known].status
		c.State, c.Outcome, c.Downloadable = state, outcome, state == string(dsr.StateReady)
		b.desk.mu.Unlock()
		return b.get("/case/status")
	}
	for _, state := range []dsr.State{
		dsr.StateReceived, dsr.StateVerifying, dsr.StateFinding, dsr.StateCollecting,
		dsr.StateReview, dsr.StateRelease, dsr.StateReady, "a later state",
	} {
		all["state "+string(state)] = show(string(state), "")
	}
	for _, o := range []dsr.Outcome{
		dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.NoData, dsr.Unverified, dsr.Withdrawn, "a later outcome",
	} {
		all["outcome "+string(o)] = show(string(dsr.StateClosed), string(o))
	}
	all["gone"] = b.post("/case/download", "id", b.known, "code", b.desk.code(b.known, dsr.CodeDownload))
	return all
}

func TestEveryPageIsSoundInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{zh, en} {
		b := newBench(t, func(o *Options) { o.Codec = sealing(t) })
		for name, got := range everyPage(t, b, lang) {
			if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || got.StatusCode >= 500 {
				t.Errorf("%s %s: %d %s", lang, name, got.StatusCode, got.Header.Get("Content-Type"))
				continue
			}
			for _, problem := range inspect(t, got.body, map[string]string{zh: "zh-CN", en: "en"}[lang]) {
				t.Errorf("%s %s: %s", lang, name, problem)
			}
			han := regexp.MustCompile(`\p{Han}`).FindString(strings.ReplaceAll(got.body, "中文", ""))
			if (lang == zh) != (han != "") {
				t.Errorf("%s %s: the page is in the other language", lang, name)
			}
		}
		for outcome, stepped := range map[dsr.Outcome]bool{dsr.Fulfilled: true, dsr.Unverified: false} {
			v := newCaseView(Status{State: string(dsr.StateClosed), Outcome: string(outcome)}, lang)
			if (len(v.Steps) == len(steps)) != stepped {
				t.Errorf("%s: %d steps", outcome, len(v.Steps))
			}
		}
	}
}

// inspect finds what must not stand in a page, and what must.
func inspect(t *testing.T, page, lang string) (problems []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	ids, labels, seen := map[string]bool{}, map[string]bool{}, map[string]int{}
	var inputs []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		seen[n.Data]++
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
				complain("<%s> has %s", n.Data, a.Key)
			case slices.Contains([]string{"href", "src", "action", "formaction", "poster", "data"}, a.Key):
				if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
					complain("<%s %s=%q> leads elsewhere", n.Data, a.Key, a.Val)
				}
			}
		}
		if slices.Contains([]string{"script", "iframe", "object", "embed", "style", "base", "img"}, n.Data) {
			complain("there is a <%s>", n.Data)
		}
		if id := attr["id"]; id != "" {
			if ids[id] {
				complain("two elements have the id %s", id)
			}
			ids[id] = true
		}
		labels[attr["for"]] = true
		if n.Data == "input" && attr["type"] != "hidden" {
			inputs = append(inputs, attr["id"])
			for _, by := range strings.Fields(attr["aria-describedby"]) {
				defer func() {
					if !ids[by] {
						complain("aria-describedby names %s, which is not there", by)
					}
				}()
			}
		}
		if n.Data == "html" && attr["lang"] != lang {
			complain("the language is said to be %q", attr["lang"])
		}
	}
	for _, id := range inputs {
		if id == "" || !labels[id] {
			complain("an input has no label: %q", id)
		}
	}
	for _, one := range []string{"h1", "main", "title", "header", "footer"} {
		if seen[one] != 1 {
			complain("%d <%s>", seen[one], one)
		}
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "%!") {
		complain("a value did not fit into the template")
	}
	return problems
}

func TestWordsAreWholeAndUsed(t *testing.T) {
	t.Parallel()
	if len(words) != len(pageWords)+len(caseWords)+len(noticeWords)+len(optOutWords)+len(proofWords) {
		t.Error("a key stands in both catalogues")
	}
	for key, text := range words {
		if text.ZH == "" || text.EN == "" || strings.ContainsAny(text.EN, "，。") || strings.ContainsAny(text.ZH, ",;?!") {
			t.Errorf("%s: %q / %q", key, text.ZH, text.EN)
		}
	}
	used := sources(t)
	for key := range words {
		if !strings.Contains(used, `"`+key+`"`) && !drawn(key) {
			t.Errorf("%s is never shown", key)
		}
	}
	for _, prefix := range []string{"problem.", "state.", "outcome."} {
		for key := range words {
			if strings.HasPrefix(key, prefix) && !strings.HasSuffix(key, ".text") {
				if _, ok := words[key+".text"]; !ok {
					t.Errorf("%s has no text", key)
				}
			}
		}
	}
}

// drawn says that a key is put together while a page is drawn, so that it stands nowhere whole.
func drawn(key string) bool {
	return slices.ContainsFunc([]string{"problem.", "state.", "outcome.", "kind.", "step.at.", "purpose.", "code.", "error.document."},
		func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// sources are the templates and the program without the words themselves.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasPrefix(file, "words") || strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
	}
	return all.String()
}

func TestTheStyleSheetAsksNobody(t *testing.T) {
	t.Parallel()
	if bad := regexp.MustCompile(`(?i)url\(|@import|https?:|//`).Find(styleSheet); bad != nil {
		t.Errorf("the style sheet has %q", bad)
	}
	if bad := regexp.MustCompile(`(?i)<script|on\w+=|href=`).Find(icon); bad != nil {
		t.Errorf("the icon has %q", bad)
	}
}

func TestTheLanguageIsChosen(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	in := func(path, accept string) string {
		r := b.request(http.MethodGet, path, nil)
		r.Header.Set("Accept-Language", accept)
		return b.do(r).Header.Get("Content-Language")
	}
	for accept, want := range map[string]string{
		"zh-CN,zh;q=0.9,en;q=0.5": "zh-CN", "zh-TW": "zh-CN", "en-US": "en", "de,en;q=0.3": "en",
		"": "zh-CN", "!!": "zh-CN",
	} {
		if got := in("/", accept); got != want {
			t.Errorf("Accept-Language %q gives %s, want %s", accept, got, want)
		}
	}
	if in("/?lang=en", "zh") != "en" || in("/", "zh") != "en" {
		t.Error("a chosen language is not kept")
	}
	if in("/?lang=xx", "zh") != "en" {
		t.Error("an unknown language is taken")
	}
	page := b.get("/case?id=" + b.known + "&purpose=download")
	if !strings.Contains(page.body, `href="/case?id=`+b.known+`&amp;lang=zh&amp;purpose=download"`) {
		t.Errorf("the link to the other language leads away from the page:\n%s", page.body)
	}
	only := newBench(t, func(o *Options) { o.Company.Languages = []string{en} })
	if got := only.get("/?lang=zh"); got.Header.Get("Content-Language") != "en" || strings.Contains(got.body, "中文") {
		t.Error("a language is offered that the company does not have")
	}
}

func TestMomentsNameTheirZone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 5, 23, 59, 0, 0, time.FixedZone("", 8*3600))
	if got := newMoment(at, zh).Words; got != "2026年3月5日 23:59 (UTC+08:00)" {
		t.Error(got)
	}
	if got := newMoment(at.UTC(), en); got.Words != "5 March 2026, 15:59 (UTC)" || got.Machine != "2026-03-05T15:59:00Z" {
		t.Error(got)
	}
}
