// Package webhook tells another company's program that a purpose has ended for somebody: one signed
// POST to the address that the data map names, and to no other.
//
// It promises that no redirect is followed, that a call ends in time, that what was sent and what was
// answered stands in no error, and that a repeat carries the same number, so that the recipient can tell
// it from a second wish. What does not belong here: whether somebody may be told, and of whom.
package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Version is the version of the message.
const Version = 1

// SignatureDomain is the domain of the signature: see seal.Keys.Sign.
const SignatureDomain = "webhook v1"

// Header fields beside Content-Type.
const (
	HeaderID        = "Idempotency-Key"
	HeaderTime      = "Habeas-Timestamp" // Unix seconds
	HeaderSignature = "Habeas-Signature" // base64 of Ed25519 over Signed
	HeaderKey       = "Habeas-Key"       // the public key, "hk1:…": hold it against the one you were given
)

// Message is what a recipient is told: no more of the person than what names them to it.
type Message struct {
	Version    int            `json:"version"`
	ID         string         `json:"id"`    // the same in every repeat
	Event      string         `json:"event"` // contract.CallStopped or contract.CallLifted
	Purposes   []string       `json:"purposes"`
	Identities []dsr.Identity `json:"identities"`
	At         time.Time      `json:"at"` // when it became so
}

// Signed is what is signed: the time of the call and the body, so that a signature is good for one call
// and not for long.
func Signed(at string, body []byte) []byte { return append([]byte(at+"\n"), body...) }

const (
	callTimeout = 30 * time.Second
	maxAnswer   = 64 << 10
)

// Caller sends messages.
type Caller struct {
	Sign   func(domain string, message []byte) ([]byte, error)
	Public string // the key that verifies, as seal.EncodePublic writes it
	Now    func() time.Time
}

// outward never follows a redirect: it could lead to a host that nobody has named.
var outward = &http.Client{Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Call sends a message to the recipient of that name and gives the status of its answer, which is 2xx.
// Errors: contract.ErrUnavailable and contract.ErrBusy, which pass; contract.ErrRefused, which does not.
func (c Caller) Call(ctx context.Context, who, address string, m Message) (int, error) {
	m.Version = Version
	body, err := json.Marshal(m)
	if err != nil {
		return 0, fault.New(contract.ErrInternal, "a message could not be written", err)
	}
	at := strconv.FormatInt(c.Now().Unix(), 10)
	signature, err := c.Sign(SignatureDomain, Signed(at, body))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, fault.New(contract.ErrMapMismatch, "the address of "+who+" in the data map cannot be used", err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", HeaderID: m.ID, HeaderTime: at,
		HeaderSignature: base64.StdEncoding.EncodeToString(signature), HeaderKey: c.Public} {
		r.Header.Set(name, value)
	}
	answer, err := outward.Do(r)
	if err != nil {
		return 0, fault.New(contract.ErrUnavailable, who+" did not answer", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // lets the connection be used again
	return answer.StatusCode, judge(who, answer.StatusCode, answer.Header)
}

// judge says what an answer means: whoever is overloaded or ill is asked again, a no is a no.
func judge(who string, code int, header http.Header) error {
	switch {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		busy := fault.Newf(contract.ErrBusy, "%s asks for patience (%d)", who, code)
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 3600 {
			return busy.After(time.Duration(seconds) * time.Second)
		}
		return busy
	case code >= 500 || code == http.StatusRequestTimeout:
		return fault.Newf(contract.ErrUnavailable, "%s is not well (%d)", who, code)
	}
	return fault.Newf(contract.ErrRefused, "%s did not take what it was told (%d)", who, code)
}
