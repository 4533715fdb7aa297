package endtoend

import (
	"bytes"
	"regexp"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// entered writes a disclosure down about the person and has two people sign it.
func (r *recorder) entered(s *stubborn, authority string, confidential bool) contract.Ref {
	order := desk.DisclosureOrder{Authority: authority, Ground: "税收征管法 54", At: time.Now().AddDate(0, 0, -3), Categories: []string{"orders"},
		Person: &dsr.Identity{Kind: "account", Value: s.p.Login}, Confidential: confidential}
	wrong := order
	wrong.Ground = ""
	if _, err := r.d.AddDisclosure(r.ctx, wrong, "bo"); !fault.Is(err, contract.ErrBadInput) {
		r.t.Errorf("an entry without its ground was taken: %v", err)
	}
	ref, err := r.d.AddDisclosure(r.ctx, order, "bo")
	r.must(err)
	task, err := demo.WaitTask(r.ctx, r.d, ref, dsr.TaskDisclosure)
	r.must(err)
	for _, name := range []string{"cao", "dai"} {
		_, err := r.d.Decide(r.ctx, task.ID, dsr.Approve, "", r.c.Staff[name])
		r.must(err)
	}
	r.must(r.d.Temporal.GetWorkflow(r.ctx, string(ref), "").Get(r.ctx, nil))
	return ref
}

var (
	times   = regexp.MustCompile(`\d{4}[-年]\d{1,2}[-月]\d{1,2}日?([T ]?\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:\d{2})?|\d{1,2} [A-Z][a-z]+ \d{4}(, \d{2}:\d{2})?`)
	digests = regexp.MustCompile(`[0-9a-f]{64}`)
	sizes   = regexp.MustCompile(`"size": ?[0-9]+`)
)

// same is a text without its times, the number of its case, and the hashes and sizes over those: a time is
// written without the zeros at its end. Every file whose size is left out is compared itself.
func same(text []byte, ref contract.Ref) string {
	out := times.ReplaceAllString(strings.ReplaceAll(string(text), ref.ID(), "CASE"), "TIME")
	return sizes.ReplaceAllString(digests.ReplaceAllString(out, "HASH"), "SIZE")
}

// disclosed compares what a person gets with and without a confidential entry, byte for byte but for times,
// and reads of one that they may know of.
func (r *recorder) disclosed(s *stubborn) string {
	access := func() (contract.Ref, map[string][]byte, []string) {
		r.must(s.p.ForgetUnread(r.ctx))
		ref, files := s.answered(desk.Opening{Kind: dsr.Access})
		list, err := s.p.Letters(r.ctx)
		r.must(err)
		var letters []string
		for _, m := range list {
			if strings.Contains(m.Subject, ref.ID()) && demo.CodeIn(m.Text) == "" {
				letters = append(letters, same([]byte(m.Subject+"\n"+m.Text), ref))
			}
		}
		return ref, files, letters
	}
	first, without, lettersWithout := access()
	entry := r.entered(s, "Bureau of Secret Affairs", true)
	second, with, lettersWith := access()
	if len(with) != len(without) || len(lettersWith) != len(lettersWithout) || len(lettersWith) == 0 {
		r.t.Errorf("%d files and %d letters with a confidential entry, %d and %d without", len(with), len(lettersWith), len(without), len(lettersWithout))
	}
	for name, content := range without {
		if strings.HasSuffix(name, ".sig") || strings.Contains(name, "signature") {
			continue // random over the hashes of what is compared here
		}
		if same(content, first) != same(with[name], second) {
			r.t.Errorf("%s tells that there is a confidential entry", name)
		}
		if bytes.Contains(with[name], []byte("Secret Affairs")) {
			r.t.Errorf("%s names it", name)
		}
	}
	for i := range lettersWith {
		if lettersWith[i] != lettersWithout[i] {
			r.t.Errorf("letter %d tells that there is a confidential entry", i)
		}
	}
	r.entered(s, "Example Tax Office", false)
	_, open, _ := access()
	for _, page := range []string{"index.html", "context.json"} {
		text := string(open[page])
		if !strings.Contains(text, "Example Tax Office") || !strings.Contains(text, "税收征管法 54") || strings.Contains(text, "Secret Affairs") {
			r.t.Errorf("%s does not tell of the disclosure that the person may know of, or of another one", page)
		}
	}
	return string(entry)
}
