package letters

import (
	"bytes"
	"errors"
	"html/template"
	"strings"

	texttemplate "text/template"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Render writes a letter in lang ("zh", "zh-CN" or "en"). A field that the letter needs and that
// is empty, malformed or of more than one line is a contract.ErrBadInput that names the field and
// never its value.
func Render(t Template, lang string, f Fields) (Message, error) {
	s, lang, err := find(t, lang)
	if err != nil {
		return Message{}, err
	}
	return render(s, t, lang, f)
}

func render(s *source, t Template, lang string, f Fields) (Message, error) {
	written, err := execute(s.letters[t], string(t), lang, f)
	if err != nil {
		return Message{}, stopped(t, err)
	}
	subject, body, found := strings.Cut(written, "\n")
	subject, marked := strings.CutPrefix(subject, "Subject: ")
	if !found || !marked {
		return Message{}, fault.Newf(contract.ErrInternal, "the letter %q has no subject line", string(t))
	}
	blocks := parseBlocks(body)
	var page bytes.Buffer
	err = layout.Execute(&page, struct {
		Lang, Subject string
		Blocks        []block
	}{lang, subject, blocks})
	if err != nil {
		return Message{}, stopped(t, err)
	}
	return Message{Subject: subject, Text: plain(blocks), HTML: page.String(), Lang: lang}, nil
}

// SMS writes a letter as a text message: one line that begins with the company's name, as carriers
// in China ask. Errors are those of Render.
func SMS(t Template, lang string, f Fields) (string, error) {
	s, lang, err := find(t, lang)
	if err != nil {
		return "", err
	}
	written, err := execute(s.sms, string(t), lang, f)
	if err != nil {
		return "", stopped(t, err)
	}
	return strings.TrimSpace(written), nil
}

func execute(t *texttemplate.Template, name, lang string, f Fields) (string, error) {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, view{f: f, zh: lang == "zh-CN"}); err != nil {
		return "", err
	}
	return b.String(), nil
}

// stopped turns what stopped a template into a text without values.
func stopped(t Template, err error) error {
	var bad badField
	if errors.As(err, &bad) {
		return fault.Newf(contract.ErrBadInput, "the letter %q cannot be written: %s", string(t), bad.Error())
	}
	return fault.New(contract.ErrInternal, "the letter "+string(t)+" cannot be written", err)
}

// layout is the HTML frame of every letter.
var layout = template.Must(template.ParseFS(files, "templates/layout.html"))

// block is one piece of a letter. The sources are written in a very small markup, so that the
// plain text and the HTML of a letter can never say different things.
type block struct {
	Kind  string     // "p", "h", "ol", "ul", "code" or "table"
	Text  string     // of p, h and code
	Items []string   // of ol and ul
	Rows  [][]string // of table; the first is its head
}

// parseBlocks reads the markup: blocks are parted by empty lines; "## " starts a heading, "> " a
// line to copy (a code, a case number), "1. " and "- " list items, "| " the row of a table, whose
// cells "|" parts, anything else a paragraph, whose lines are joined.
func parseBlocks(body string) []block {
	var blocks []block
	for part := range strings.SplitSeq(body, "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(part, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		blocks = append(blocks, parseBlock(lines))
	}
	return blocks
}

func parseBlock(lines []string) block {
	switch {
	case strings.HasPrefix(lines[0], "## "):
		return block{Kind: "h", Text: lines[0][3:]}
	case strings.HasPrefix(lines[0], "> "):
		return block{Kind: "code", Text: lines[0][2:]}
	case strings.HasPrefix(lines[0], "1. "):
		return block{Kind: "ol", Items: items(lines, "1. ")}
	case strings.HasPrefix(lines[0], "- "):
		return block{Kind: "ul", Items: items(lines, "- ")}
	case strings.HasPrefix(lines[0], "| "):
		return block{Kind: "table", Rows: cells(lines)}
	}
	return block{Kind: "p", Text: strings.Join(lines, "\n")}
}

func items(lines []string, mark string) []string {
	var found []string
	for _, line := range lines {
		found = append(found, strings.TrimPrefix(line, mark))
	}
	return found
}

func cells(lines []string) [][]string {
	var rows [][]string
	for _, line := range lines {
		var row []string
		for cell := range strings.SplitSeq(strings.TrimPrefix(line, "| "), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

// Lines are the lines of a paragraph.
func (b block) Lines() []string { return strings.Split(b.Text, "\n") }

// plain writes the blocks for readers without HTML.
func plain(blocks []block) string {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 {
			b.WriteString("\n")
			if block.Kind == "h" {
				b.WriteString("\n")
			}
		}
		switch block.Kind {
		case "code":
			b.WriteString("    " + block.Text + "\n")
		case "ol", "ul":
			for n, item := range block.Items {
				mark := "- "
				if block.Kind == "ol" {
					mark = grouped(n+1) + ". "
				}
				b.WriteString(mark + item + "\n")
			}
		case "table":
			writeRows(&b, block.Rows)
		default:
			b.WriteString(block.Text + "\n")
		}
	}
	return b.String()
}

// writeRows writes a table for readers without HTML: a paragraph a row, each cell behind its head.
func writeRows(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		if i == 0 {
			continue
		}
		if i > 1 {
			b.WriteString("\n")
		}
		for n, cell := range row {
			if n < len(rows[0]) {
				b.WriteString(rows[0][n] + ": ")
			}
			b.WriteString(cell + "\n")
		}
	}
}
