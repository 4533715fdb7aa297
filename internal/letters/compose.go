package letters

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-message"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Envelope is who writes to whom, and under which identity of the message.
type Envelope struct {
	From      string // a mailbox, with a name ("Name <privacy@cloud.example>") or without
	To        string // one address
	ReplyTo   string // as From; may be empty
	MessageID string // "id@domain", with or without angle brackets; see MessageID
	Date      time.Time
	Lang      string // "zh", "zh-CN" or "en"; empty: the message's own
	// Unsubscribe is where one POST ends such letters (RFC 8058); empty in every letter that a law asks
	// for.
	Unsubscribe string
}

// Mailbox joins a name in any script and an address, as Envelope.From takes it. An empty name
// gives the address alone.
func Mailbox(name, address string) string {
	if name == "" {
		return address
	}
	return mailbox(&mail.Address{Name: name, Address: address})
}

// MessageID derives the identity of a message from its outbox key and the sender's domain, so that
// a letter sent again carries the same one (RFC 5322, 3.6.4). It is empty when from holds no
// address.
func MessageID(key, from string) string {
	a, err := address(from)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte("habeas message id v1\x00" + key))
	return hex.EncodeToString(sum[:16]) + "@" + domainOf(a.Address)
}

var (
	addressShape   = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]{1,64}@" + domainPattern + "$")
	messageIDShape = regexp.MustCompile(`^[0-9A-Za-z._+=/-]{1,128}@` + domainPattern + `$`)
)

const domainPattern = `([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?)(\.[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?)*`

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

var errAddress = errors.New("it is not an address that we can write to")

// address reads one mailbox, with a name or without.
func address(s string) (*mail.Address, error) {
	if breaksOut(s) {
		return nil, errAddress
	}
	a, err := mail.ParseAddress(s)
	if err != nil || !bare(a.Address) || breaksOut(a.Name) { // an encoded name may decode to anything
		return nil, errAddress
	}
	return a, nil
}

// bare reports whether s is one address and nothing else. Addresses beyond ASCII (RFC 6531) and
// quoted local parts are refused.
func bare(s string) bool { return len(s) <= 254 && addressShape.MatchString(s) }

// Compose builds the MIME message (RFC 5322, lines end with CRLF and are shorter than 998 octets)
// and signs it when sign is not nil. A reader's address that cannot be written to is a
// contract.ErrUndeliverable; anything else that is wrong with the envelope is a
// contract.ErrBadInput. The bytes are the same for the same input, but for the time in the
// signature.
func Compose(e Envelope, m Message, sign *DKIM) ([]byte, error) {
	header, boundary, err := headerOf(e, m)
	if err != nil {
		return nil, err
	}
	if sign != nil && !sign.Covers(e.From) {
		return nil, fault.Newf(contract.ErrBadInput, "the DKIM key is not for the sender's domain").
			WithHint("receivers would treat the letter as forged: use a key of the domain in company.yaml's from")
	}
	var b bytes.Buffer
	w, err := message.CreateWriter(&b, header)
	if err != nil {
		return nil, fault.New(contract.ErrInternal, "a letter could not be put together", err)
	}
	err = writePart(w, "text/plain", m.Text)
	if err == nil {
		err = writePart(w, "text/html", m.HTML)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fault.New(contract.ErrInternal, "a letter could not be put together", err)
	}
	if !bytes.Contains(b.Bytes(), []byte("\r\n--"+boundary+"--\r\n")) {
		b.WriteString("\r\n")
	}
	if sign == nil {
		return b.Bytes(), nil
	}
	return sign.sign(b.Bytes(), e.Unsubscribe != "")
}

// headerOf checks the envelope and writes the header fields, and gives the boundary of the parts.
func headerOf(e Envelope, m Message) (message.Header, string, error) {
	var none message.Header
	bad := func(what string, err error) (message.Header, string, error) {
		return none, "", fault.Newf(contract.ErrBadInput, "a letter cannot be addressed: %s: %v", what, err)
	}
	from, err := address(e.From)
	if err != nil {
		return bad("the sender", err)
	}
	if !bare(e.To) {
		return none, "", fault.Newf(contract.ErrUndeliverable, "a letter cannot be addressed: the reader: %v", errAddress)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(e.MessageID, "<"), ">")
	if !messageIDShape.MatchString(id) {
		return bad("the Message-ID", fmt.Errorf("it is malformed"))
	}
	if e.Date.IsZero() {
		return bad("the date", fmt.Errorf("it is missing"))
	}
	if err := oneLine("", m.Subject); err != nil || m.Subject == "" {
		return bad("the subject", fmt.Errorf("it is empty or not one line"))
	}
	if m.Text == "" || m.HTML == "" {
		return bad("the letter", fmt.Errorf("it is empty"))
	}
	lang := e.Lang
	if lang == "" {
		lang = m.Lang
	}
	if _, lang, err = find(Ack, lang); err != nil {
		return none, "", err
	}
	sum := sha256.Sum256([]byte(id + "\x00" + m.Text))
	boundary := "=_" + hex.EncodeToString(sum[:16]) // "=_" can occur in neither encoding (RFC 2045, 6.7)

	// go-message writes the fields in the reverse order of their adding.
	var h message.Header
	h.Add("Content-Type", mime.FormatMediaType("multipart/alternative", map[string]string{"boundary": boundary}))
	h.Add("MIME-Version", "1.0")
	h.Add("Content-Language", lang)
	if e.Unsubscribe != "" {
		if u, err := url.Parse(e.Unsubscribe); err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(e.Unsubscribe, "<>, \r\n") {
			return bad("the address for unsubscribing", fmt.Errorf("it is malformed"))
		}
		h.Add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
		h.Add("List-Unsubscribe", "<"+e.Unsubscribe+">")
	}
	h.Add("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
	h.Add("Subject", mime.BEncoding.Encode("utf-8", m.Subject))
	h.Add("Message-ID", "<"+id+">")
	h.Add("Date", e.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	if e.ReplyTo != "" {
		reply, err := address(e.ReplyTo)
		if err != nil {
			return bad("the address for replies", err)
		}
		h.Add("Reply-To", mailbox(reply))
	}
	h.Add("To", e.To)
	h.Add("From", mailbox(from))
	return h, boundary, nil
}

// mailbox writes an address with its name in base 64, which keeps Chinese short.
func mailbox(a *mail.Address) string {
	if a.Name == "" {
		return a.Address
	}
	name := mime.BEncoding.Encode("utf-8", a.Name)
	if name == a.Name { // ASCII alone: quoted as it needs
		return a.String()
	}
	return name + " <" + a.Address + ">"
}

// writePart writes one alternative in the shorter of the two encodings: quoted-printable spends
// nine octets on a Chinese character where base 64 spends four.
func writePart(w *message.Writer, mediaType, body string) error {
	beyond := 0
	for i := range len(body) {
		if body[i] >= 0x80 {
			beyond++
		}
	}
	encoding := "quoted-printable"
	if beyond*6 > len(body) {
		encoding = "base64"
	}
	var h message.Header
	h.Add("Content-Transfer-Encoding", encoding)
	h.Add("Content-Type", mime.FormatMediaType(mediaType, map[string]string{"charset": "utf-8"}))
	part, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	body = strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
	if _, err := io.WriteString(part, body); err != nil {
		return err
	}
	return part.Close()
}
