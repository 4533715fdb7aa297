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
	return renderStaff("digest", lang, append(append([]string{}, d.Cases...), d.Tasks...), d)
}

// renderStaff writes one of the letters to staff; lines are the texts in data.
func renderStaff(name, lang string, lines []string, data any) (Message, error) {
	if lang == "zh" {
		lang = "zh-CN"
	}
	raw, err := digestFiles.ReadFile("digest/" + name + "." + lang + ".txt")
	if err != nil {
		return Message{}, fault.Newf(contract.ErrBadInput, "there is no %s in the language %q", name, lang)
	}
	for _, line := range lines {
		if breaksOut(line) {
			return Message{}, fault.Newf(contract.ErrBadInput, "a line of the %s is not one line of plain text", name)
		}
	}
	tree, err := template.New(name).Parse(string(raw))
	if err != nil {
		return Message{}, fault.Newf(contract.ErrInternal, "the %s does not parse", name)
	}
	var out bytes.Buffer
	if err := tree.Execute(&out, data); err != nil {
		return Message{}, fault.Newf(contract.ErrInternal, "the %s cannot be written", name)
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
		return Message{}, fault.Newf(contract.ErrInternal, "the %s cannot be written", name)
	}
	return Message{Subject: subject, Text: plain(blocks), HTML: page.String(), Lang: lang}, nil
}
