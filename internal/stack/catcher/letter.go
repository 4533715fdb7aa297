package catcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // GBK, Big5 and the like, as real mail carries them
	"github.com/emersion/go-message/mail"
)

// Letter is one letter decoded: what its reader would see.
type Letter struct {
	Summary
	Headers     []Header     `json:"headers"` // in their order, decoded
	Text        string       `json:"text"`
	HTML        string       `json:"html"`
	Attachments []Attachment `json:"attachments"`
	Raw         string       `json:"raw"`
	Problems    []string     `json:"problems,omitempty"` // what in the MIME was wrong
}

// Header is one line of the head.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Header returns the first value of a header, or "".
func (l Letter) Header(name string) string {
	for _, h := range l.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Attachment is a part that is neither the text nor the HTML.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size"`
}

// decode never fails: a broken letter is shown as far as it goes, with what is wrong with it.
func decode(head Summary, raw []byte) Letter {
	l := Letter{Summary: head, Raw: string(raw), Headers: []Header{}, Attachments: []Attachment{}}
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		l.problem("reading the letter", err)
		if entity == nil {
			return l
		}
	}
	for fields := entity.Header.Fields(); fields.Next(); {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
			l.problem("header "+fields.Key(), err)
		}
		l.Headers = append(l.Headers, Header{Name: fields.Key(), Value: value})
	}
	reader := mail.NewReader(entity)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		if err != nil {
			l.problem("reading a part", err)
			if !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) || part == nil {
				return l
			}
		}
		l.add(part)
	}
}

// add puts a part where its reader would see it: the first plain text, the first HTML, the rest
// as attachments.
func (l *Letter) add(part *mail.Part) {
	body, err := io.ReadAll(part.Body)
	if err != nil {
		l.problem("reading a part's body", err)
	}
	kind, name := "application/octet-stream", ""
	switch h := part.Header.(type) {
	case *mail.InlineHeader:
		kind, _, _ = h.ContentType()
	case *mail.AttachmentHeader:
		kind, _, _ = h.ContentType()
		name, _ = h.Filename()
		l.Attachments = append(l.Attachments, Attachment{Name: name, Type: kind, Size: len(body)})
		return
	}
	switch {
	case kind == "text/html" && l.HTML == "":
		l.HTML = string(body)
	case strings.HasPrefix(kind, "text/") && kind != "text/html" && l.Text == "":
		l.Text = strings.ReplaceAll(string(body), "\r\n", "\n")
	default:
		l.Attachments = append(l.Attachments, Attachment{Name: name, Type: kind, Size: len(body)})
	}
}

func (l *Letter) problem(doing string, err error) {
	l.Problems = append(l.Problems, fmt.Sprintf("%s: %v", doing, err))
}

// heads reads what a list shows of a letter.
func heads(raw []byte) (subject, messageID string) {
	entity, err := message.Read(bytes.NewReader(raw))
	if entity == nil || (err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return "", ""
	}
	subject, err = entity.Header.Text("Subject")
	if err != nil {
		subject = entity.Header.Get("Subject")
	}
	return subject, entity.Header.Get("Message-Id")
}

// kindOf is the media type without its parameters, for requests.
func kindOf(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return kind
}
