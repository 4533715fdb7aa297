package letters

import (
	"bufio"
	"errors"
	"io"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
)

// The classes of a bounce.
const (
	BounceHard   = "hard"
	BounceSoft   = "soft"
	BounceFull   = "full"
	BouncePolicy = "policy"
	BounceAuto   = "auto-reply"
	BounceOther  = "other" // nothing that says what became of the letter
)

// Bounced is what a message says that came back to a return path.
type Bounced struct {
	Class string // Bounce…
	Reply Reply  // of the server that refused, where it is told
}

var (
	statusShape = regexp.MustCompile(`\b([245])\.(\d{1,3})\.(\d{1,3})\b`)
	codeInDSN   = regexp.MustCompile(`\b([245]\d\d)[ -]`)
)

// maxParts bounds the parts of a message that are looked at.
const maxParts = 20

// ReadBounce reads a message that came back: a delivery status notification (RFC 3464), or an
// automatic answer (RFC 3834). Nothing of its text leaves this function.
func ReadBounce(r io.Reader) Bounced {
	entity, err := message.Read(r)
	if entity == nil || (err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)) {
		return Bounced{Class: BounceOther}
	}
	kind, params, _ := entity.Header.ContentType()
	if strings.EqualFold(kind, "multipart/report") && strings.EqualFold(params["report-type"], "delivery-status") {
		return statusOf(entity)
	}
	auto := strings.ToLower(strings.TrimSpace(entity.Header.Get("Auto-Submitted")))
	if (auto != "" && auto != "no") || entity.Header.Has("X-Autoreply") || strings.EqualFold(entity.Header.Get("Precedence"), "auto_reply") {
		return Bounced{Class: BounceAuto}
	}
	return Bounced{Class: BounceOther}
}

// statusOf finds the part with the status, and judges its first recipient that failed.
func statusOf(entity *message.Entity) Bounced {
	parts := entity.MultipartReader()
	if parts == nil {
		return Bounced{Class: BounceOther}
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		if kind, _, _ := part.Header.ContentType(); !strings.EqualFold(kind, "message/delivery-status") {
			continue
		}
		lines := textproto.NewReader(bufio.NewReader(io.LimitReader(part.Body, 64<<10)))
		for range maxParts {
			fields, err := lines.ReadMIMEHeader()
			if b, found := judge(fields); found {
				return b
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					break
				}
				return Bounced{Class: BounceOther}
			}
		}
	}
	return Bounced{Class: BounceOther}
}

// judge classifies the fields of one recipient (RFC 3464, 2.3). Those of the message, and a
// delivery that went well, say nothing.
func judge(fields textproto.MIMEHeader) (Bounced, bool) {
	action := strings.ToLower(strings.TrimSpace(fields.Get("Action")))
	status := statusShape.FindStringSubmatch(fields.Get("Status"))
	if action == "" || (action != "failed" && action != "delayed") {
		return Bounced{}, false
	}
	b := Bounced{Class: BounceSoft}
	if status != nil {
		b.Reply.Enhanced = status[0]
	}
	if m := codeInDSN.FindStringSubmatch(fields.Get("Diagnostic-Code")); m != nil {
		b.Reply.Code = int(m[1][0]-'0')*100 + int(m[1][1]-'0')*10 + int(m[1][2]-'0')
	}
	if action == "delayed" {
		return Bounced{Class: BounceOther}, true // its server goes on trying
	}
	switch {
	case status == nil:
		b.Class = BounceHard
		if b.Reply.Code/100 == 4 {
			b.Class = BounceSoft
		}
	case status[2] == "2" && status[3] == "2":
		b.Class = BounceFull
	case status[1] == "4":
		b.Class = BounceSoft
	case status[2] == "7":
		b.Class = BouncePolicy
	default:
		b.Class = BounceHard
	}
	if b.Reply.Code == 0 {
		b.Reply.Code = map[string]int{"4": 450, "5": 550, "2": 550}[b.Reply.first()]
	}
	return b, true
}

func (r Reply) first() string {
	if r.Enhanced == "" {
		return "5"
	}
	return r.Enhanced[:1]
}
