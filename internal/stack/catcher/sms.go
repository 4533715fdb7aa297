package catcher

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxSMSBody  = 64 << 10
	maxSMSDrift = 5 * time.Minute // older requests are taken for replays
)

// webhook takes one short message as a company's gateway would: signed, once per key.
func (c *catcher) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSMSBody))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "the message is too long")
		return
	}
	if !c.signed(r.Header, body) {
		fail(w, http.StatusUnauthorized, "the signature is missing, wrong or too old")
		return
	}
	var m SMS
	if kindOf(r.Header.Get("Content-Type")) != "application/json" || json.Unmarshal(body, &m) != nil || m.To == "" || m.Text == "" || m.Key == "" {
		fail(w, http.StatusBadRequest, "need a JSON object with to, text and key")
		return
	}
	if m.Key != r.Header.Get("Idempotency-Key") {
		fail(w, http.StatusBadRequest, "key and the header Idempotency-Key differ")
		return
	}
	if f, ok := c.faults.take(r.Context(), atSMS, m.To); ok && f.SMS != 0 {
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		fail(w, f.SMS, "fault armed in the catcher for "+m.To)
		return
	}
	fresh, err := c.store.putSMS(SMS{To: m.To, Text: m.Text, Key: m.Key})
	if err != nil {
		c.log.Error("storing a short message failed", "error", err)
		fail(w, http.StatusInternalServerError, "cannot store the message")
		return
	}
	status := http.StatusAccepted
	if !fresh {
		status = http.StatusOK
	}
	reply(w, status, map[string]bool{"accepted": true, "repeated": !fresh})
}

// signed checks X-Habeas-Signature: HMAC-SHA256 over timestamp, a dot and the body.
func (c *catcher) signed(h http.Header, body []byte) bool {
	stamp := h.Get("X-Habeas-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || c.now().Sub(time.Unix(seconds, 0)).Abs() > maxSMSDrift {
		return false
	}
	given, ok := strings.CutPrefix(h.Get("X-Habeas-Signature"), "v1=")
	if !ok {
		return false
	}
	got, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, c.opts.SMSSecret)
	_, _ = mac.Write([]byte(stamp + "."))
	_, _ = mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}
