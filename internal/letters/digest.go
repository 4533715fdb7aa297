package letters

import (
	"bytes"
	"embed"
	"strings"
	"text/template"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

//go:embed digest
var digestFiles embed.FS

// Digest is what a member of staff is told of in one mail: lines without values of anybody.
type Digest struct {
	Cases []string
	Tasks []string
}

// N is how many things the digest tells of.
func (d Digest) N() int { return len(d.Cases) + len(d.Tasks) }

// RenderDigest writes a digest in lang ("zh", "zh-CN" or "en").
func RenderDigest(lang string, d Digest) (Message, error) {
	if lang == "zh" {
		lang = "zh-CN"
	}
	raw, err := digestFiles.ReadFile("digest/digest." + lang + ".txt")
	if err != nil {
		return Message{}, fault.Newf(contract.ErrBadInput, "there is no digest in the language %q", lang)
	}
	for _, line := range append(append([]string{}, d.Cases...), d.Tasks...) {
		if breaksOut(line) {
			return Message{}, fault.New(contract.ErrBadInput, "a line of the digest is not one line of plain text", nil)
		}
	}
	tree, err := template.New("digest").Parse(string(raw))
	if err != nil {
		return Message{}, fault.New(contract.ErrInternal, "the digest does not parse", err)
	}
	var out bytes.Buffer
	if err := tree.Execute(&out, d); err != nil {
		return Message{}, fault.New(contract.ErrInternal, "the digest cannot be written", err)
	}
	subject, body, _ := strings.Cut(out.String(), "\n")
	subject = strings.TrimPrefix(subject, "Subject: ")
	blocks := parseBlocks(body)
	var page bytes.Buffer
	err = layout.Execute(&page, struct {
		Lang, Subject string
		Blocks        []block
	}{lang, subject, blocks})
	if err != nil {
		return Message{}, fault.New(contract.ErrInternal, "the digest cannot be written", err)
	}
	return Message{Subject: subject, Text: plain(blocks), HTML: page.String(), Lang: lang}, nil
}
