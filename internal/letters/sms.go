package letters

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The header fields of a request to the SMS webhook.
const (
	HeaderKey       = "Idempotency-Key"
	HeaderTimestamp = "X-Habeas-Timestamp" // Unix seconds
	HeaderSignature = "X-Habeas-Signature" // "v1=" and the hex HMAC-SHA256 of timestamp, "." and body
)

// SMSOptions tune an SMSGateway. The zero value is right for most.
type SMSOptions struct {
	Client *http.Client     // its Transport and Timeout are used; redirects are never followed
	Now    func() time.Time // the clock of the timestamp; time.Now
}

// SMSGateway hands text messages to the company's webhook: POST of {"to","text","key"} as JSON,
// signed, with an idempotency key, so that a request sent again is one message.
type SMSGateway struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

var (
	mobileShape = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`) // E.164
	keyShape    = regexp.MustCompile(`^[0-9A-Za-z._:/-]{1,200}$`)
)

const (
	longestSMS   = 600              // runes
	longestDelay = time.Hour        // of a Retry-After
	smsTimeout   = 30 * time.Second // of a whole request
)

// NewSMSGateway takes the webhook's URL (http or https) and the shared secret, of 16 bytes at
// least. What is wrong is a contract.ErrBadInput that quotes neither.
func NewSMSGateway(rawURL string, secret []byte, opts SMSOptions) (*SMSGateway, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.Fragment != "" {
		return nil, fault.Newf(contract.ErrBadInput, "the SMS webhook's URL is wrong").
			WithHint("write https://host/path in HABEAS_SMS_URL")
	}
	if len(secret) < 16 {
		return nil, fault.Newf(contract.ErrBadInput, "the SMS webhook's secret is missing or shorter than 16 bytes")
	}
	client := &http.Client{Timeout: smsTimeout}
	if opts.Client != nil {
		copied := *opts.Client
		client = &copied
		if client.Timeout <= 0 {
			client.Timeout = smsTimeout
		}
	}
	// Whoever can answer with a redirect would otherwise choose who reads the codes.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	return &SMSGateway{url: u.String(), secret: bytes.Clone(secret), client: client, now: now}, nil
}

// Send hands over one message. to is E.164 ("+86…"); key is the outbox key, the same when it is
// sent again. Every error is a *fault.Error that quotes neither the request nor the answer:
//   - contract.ErrBusy: 429, or 503 with a delay, which is RetryAfter (an hour at most);
//   - contract.ErrUnavailable: no answer, 408, another 5xx, a redirect;
//   - contract.ErrUndeliverable: another 4xx, or a number that is not one.
func (g *SMSGateway) Send(ctx context.Context, to, text, key string) error {
	switch {
	case !mobileShape.MatchString(to):
		return fault.Newf(contract.ErrUndeliverable, "an SMS cannot be sent: the number is not in the form +86…")
	case text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > longestSMS:
		return fault.Newf(contract.ErrBadInput, "an SMS cannot be sent: its text is empty, too long or not UTF-8")
	case !keyShape.MatchString(key):
		return fault.Newf(contract.ErrBadInput, "an SMS cannot be sent: its key is malformed")
	}
	request, err := g.request(ctx, to, text, key)
	if err != nil {
		return fault.Newf(contract.ErrInternal, "a request to the SMS webhook could not be made")
	}
	answer, err := g.client.Do(request)
	if err != nil {
		return fault.New(contract.ErrUnavailable, "the SMS webhook did not answer", cleanHTTP(err)).
			WithHint("check HABEAS_SMS_URL and that it can be reached from here")
	}
	defer answer.Body.Close()
	// What it says is of no use, but reading it lets the connection live on.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	return g.judge(answer)
}

func (g *SMSGateway) request(ctx context.Context, to, text, key string) (*http.Request, error) {
	body, err := json.Marshal(struct {
		To   string `json:"to"`
		Text string `json:"text"`
		Key  string `json:"key"`
	}{to, text, key})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	stamp := strconv.FormatInt(g.now().Unix(), 10)
	mac := hmac.New(sha256.New, g.secret)
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "habeas")
	request.Header.Set(HeaderKey, key)
	request.Header.Set(HeaderTimestamp, stamp)
	request.Header.Set(HeaderSignature, "v1="+hex.EncodeToString(mac.Sum(nil)))
	return request, nil
}

// ourFault are answers about how we ask, not about whom we write to: a wrong address or secret is put
// right, and the letter then goes.
var ourFault = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired}

// judge turns the status into an error.
func (g *SMSGateway) judge(answer *http.Response) error {
	code := answer.StatusCode
	delay := g.delay(answer.Header.Get("Retry-After"))
	text := "the SMS webhook answered " + strconv.Itoa(code)
	switch {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && delay > 0:
		return fault.New(contract.ErrBusy, text, nil).After(delay)
	case code/100 == 5, code == http.StatusRequestTimeout:
		return fault.New(contract.ErrUnavailable, text, nil).After(delay)
	case slices.Contains(ourFault, code):
		return fault.New(contract.ErrUnavailable, text, nil).After(delay).
			WithHint("check HABEAS_SMS_URL and HABEAS_SMS_SECRET_FILE: the webhook does not know us")
	case code/100 == 4:
		return fault.New(contract.ErrUndeliverable, text, nil)
	}
	return fault.New(contract.ErrUnavailable, text+", which is not followed", nil).
		WithHint("set HABEAS_SMS_URL to the address that takes the request itself")
}

// delay reads a Retry-After: seconds or a date (RFC 9110, 10.2.3).
func (g *SMSGateway) delay(s string) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(g.now())
	}
	return min(max(d, 0), longestDelay)
}

// cleanHTTP drops the URL, which may carry a token, and anything that quotes the peer.
func cleanHTTP(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() && !errors.Is(err, context.Canceled) {
			return context.DeadlineExceeded
		}
		err = wrapped.Err
	}
	if clean := clean(err); !errors.Is(clean, errMalformed) {
		return clean
	}
	return errors.New("the webhook did not speak HTTP")
}
