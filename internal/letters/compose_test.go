package letters

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func envelope() Envelope {
	from := Mailbox("示例云计算", "privacy@cloud.example")
	return Envelope{
		From: from, To: "zhang.san@reader.example", ReplyTo: "privacy@cloud.example",
		MessageID: MessageID("case/7QK2M-9XH4T ack 1", from),
		Date:      time.Date(2026, 11, 23, 10, 0, 0, 0, beijing),
	}
}

func letter(t *testing.T, lang string) Message {
	t.Helper()
	m, err := Render(AccessReady, lang, full())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestComposeReadsBack(t *testing.T) {
	t.Parallel()
	for _, lang := range Languages() {
		m, e := letter(t, lang), envelope()
		raw, err := Compose(e, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, raw)

		std, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		from, err := std.Header.AddressList("From")
		if err != nil || len(from) != 1 || from[0].Name != "示例云计算" || from[0].Address != "privacy@cloud.example" {
			t.Errorf("From reads as %v, %v", from, err)
		}
		date, err := std.Header.Date()
		if err != nil || !date.Equal(e.Date) {
			t.Errorf("Date reads as %v, %v", date, err)
		}
		for field, want := range map[string]string{
			"To": "zhang.san@reader.example", "Reply-To": "privacy@cloud.example",
			"Message-ID": "<" + e.MessageID + ">", "Auto-Submitted": "auto-generated",
			"Content-Language": lang, "MIME-Version": "1.0",
		} {
			if got := std.Header[textproto.CanonicalMIMEHeaderKey(field)]; len(got) != 1 || got[0] != want {
				t.Errorf("%s reads as %q, want %q once", field, got, want)
			}
		}

		r, err := gomail.CreateReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if subject, err := r.Header.Subject(); err != nil || subject != m.Subject {
			t.Errorf("Subject reads as %q, %v", subject, err)
		}
		got := map[string]string{}
		for {
			part, err := r.NextPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			kind, _, _ := part.Header.(*gomail.InlineHeader).ContentType()
			body, err := io.ReadAll(part.Body)
			if err != nil {
				t.Fatal(err)
			}
			got[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
		}
		if diff := cmp.Diff(map[string]string{"text/plain": m.Text, "text/html": m.HTML}, got); diff != "" {
			t.Errorf("%s: the parts differ (-want +got):\n%s", lang, diff)
		}
	}
}

// checkLines holds RFC 5322, 2.1.1 and 2.3: CRLF only, short lines, seven bits.
func checkLines(t *testing.T, raw []byte) {
	t.Helper()
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Error("the message does not end with CRLF")
	}
	rest := bytes.ReplaceAll(raw, []byte("\r\n"), nil)
	if bytes.ContainsAny(rest, "\r\n") {
		t.Error("a bare CR or LF")
	}
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("a line of %d octets", len(line))
		}
		for _, b := range line {
			if b > 126 || (b < 32 && b != '\t') {
				t.Fatalf("an octet %d in %q", b, line)
			}
		}
	}
}

func TestComposeIsStable(t *testing.T) {
	t.Parallel()
	m := letter(t, "zh")
	one, err := Compose(envelope(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Compose(envelope(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the same letter gives other bytes")
	}
}

func TestLongHeadersFold(t *testing.T) {
	t.Parallel()
	m, e := letter(t, "zh"), envelope()
	m.Subject = strings.Repeat("很长的标题", 60)
	e.From = Mailbox(strings.Repeat("很长的名字", 30), "privacy@cloud.example")
	raw, err := Compose(e, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, raw)
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := entity.Header.Text("Subject"); err != nil || got != m.Subject {
		t.Errorf("the subject reads as %q, %v", got, err)
	}
}

func TestInjectionIsRefused(t *testing.T) {
	t.Parallel()
	good := letter(t, "en")
	cases := map[string]struct {
		change func(*Envelope, *Message)
		want   string
	}{
		"From, line break":      {func(e *Envelope, _ *Message) { e.From = "a@b.example\r\nBcc: c@d.example" }, contract.ErrBadInput},
		"From, folded":          {func(e *Envelope, _ *Message) { e.From = "a\r\n <a@b.example>" }, contract.ErrBadInput},
		"From, two":             {func(e *Envelope, _ *Message) { e.From = "a@b.example, c@d.example" }, contract.ErrBadInput},
		"From, encoded break":   {func(e *Envelope, _ *Message) { e.From = "=?utf-8?q?a=0D=0ABcc:_x?= <a@b.example>" }, contract.ErrBadInput},
		"To, line break":        {func(e *Envelope, _ *Message) { e.To = "a@b.example\nCc: c@d.example" }, contract.ErrUndeliverable},
		"To, two":               {func(e *Envelope, _ *Message) { e.To = "a@b.example,c@d.example" }, contract.ErrUndeliverable},
		"To, group":             {func(e *Envelope, _ *Message) { e.To = "all: a@b.example;" }, contract.ErrUndeliverable},
		"To, SMTP parameter":    {func(e *Envelope, _ *Message) { e.To = "a@b.example> NOTIFY=NEVER <x" }, contract.ErrUndeliverable},
		"To, quoted":            {func(e *Envelope, _ *Message) { e.To = `"a b"@c.example` }, contract.ErrUndeliverable},
		"To, no domain":         {func(e *Envelope, _ *Message) { e.To = "a" }, contract.ErrUndeliverable},
		"To, beyond ASCII":      {func(e *Envelope, _ *Message) { e.To = "张@reader.example" }, contract.ErrUndeliverable},
		"Reply-To, line break":  {func(e *Envelope, _ *Message) { e.ReplyTo = "a@b.example\r\nX: y" }, contract.ErrBadInput},
		"Message-ID, break":     {func(e *Envelope, _ *Message) { e.MessageID = "a@b\r\nX: y" }, contract.ErrBadInput},
		"Message-ID, two":       {func(e *Envelope, _ *Message) { e.MessageID = "<a@b> <c@d>" }, contract.ErrBadInput},
		"Message-ID, none":      {func(e *Envelope, _ *Message) { e.MessageID = "" }, contract.ErrBadInput},
		"no date":               {func(e *Envelope, _ *Message) { e.Date = time.Time{} }, contract.ErrBadInput},
		"Subject, break":        {func(_ *Envelope, m *Message) { m.Subject = "a\r\nBcc: c@d.example" }, contract.ErrBadInput},
		"Subject, bare return":  {func(_ *Envelope, m *Message) { m.Subject = "a\rBcc: c@d.example" }, contract.ErrBadInput},
		"Subject, NUL":          {func(_ *Envelope, m *Message) { m.Subject = "a\x00" }, contract.ErrBadInput},
		"Language, break":       {func(e *Envelope, _ *Message) { e.Lang = "en\r\nX: y" }, contract.ErrBadInput},
		"no text":               {func(_ *Envelope, m *Message) { m.Text = "" }, contract.ErrBadInput},
		"no page":               {func(_ *Envelope, m *Message) { m.HTML = "" }, contract.ErrBadInput},
		"From, header in front": {func(e *Envelope, _ *Message) { e.From = "\r\n\r\nbody" }, contract.ErrBadInput},
	}
	for name, c := range cases {
		e, m := envelope(), good
		c.change(&e, &m)
		raw, err := Compose(e, m, nil)
		if !fault.Is(err, c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if raw != nil {
			t.Errorf("%s: a message came out all the same", name)
		}
		if err != nil && strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error quotes an address: %v", name, err)
		}
	}
}

// TestBodyCannotLeaveItsPart feeds what would end a part, a message or an SMTP transaction.
func TestBodyCannotLeaveItsPart(t *testing.T) {
	t.Parallel()
	m := letter(t, "en")
	plain, err := Compose(envelope(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(plain, []byte("boundary="))
	boundary := strings.Trim(string(rest[:bytes.IndexByte(rest, '\r')]), `"`)
	m.Text = "a\n--" + boundary + "--\n.\nQUIT\n" + strings.Repeat("x", 3000) + "\n"
	raw, err := Compose(envelope(), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, raw)
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	part, err := entity.MultipartReader().NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(part.Body)
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != m.Text {
		t.Errorf("the text reads back as %d bytes, %v", len(body), err)
	}
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	a := MessageID("case/1 ack 1", "privacy@cloud.example")
	if a != MessageID("case/1 ack 1", "Name <privacy@cloud.example>") || a == MessageID("case/1 ack 2", "privacy@cloud.example") {
		t.Error("the Message-ID does not follow from the key and the domain alone")
	}
	if !strings.HasSuffix(a, "@cloud.example") || strings.Contains(a, "case") || MessageID("k", "nonsense") != "" {
		t.Errorf("%q is not an opaque id under the sender's domain", a)
	}
}
