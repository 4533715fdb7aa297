package catcher

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"
)

func postSMS(t *testing.T, base, key string, change func(*http.Request)) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"to": "+8619900000001", "text": "验证码 123456", "key": key})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/sms", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sign(req, body, time.Now())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func sign(r *http.Request, body []byte, at time.Time) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s", stamp, body)
	r.Header.Set("X-Habeas-Timestamp", stamp)
	r.Header.Set("X-Habeas-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)))
}

func TestSMSWebhook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := run(t, Options{Dir: dir})
	if got := postSMS(t, c.base, "k1", nil); got != http.StatusAccepted {
		t.Fatalf("a good message: %d", got)
	}
	refused := map[string]func(*http.Request){
		"unsigned": func(r *http.Request) { r.Header.Del("X-Habeas-Signature") },
		"tampered": func(r *http.Request) { r.Header.Set("X-Habeas-Timestamp", strconv.FormatInt(time.Now().Unix()+1, 10)) },
		"old": func(r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(b))
			sign(r, b, time.Now().Add(-time.Hour))
		},
		"other key": func(r *http.Request) { r.Header.Set("Idempotency-Key", "k9") },
	}
	for name, change := range refused {
		if got := postSMS(t, c.base, "k2", change); got != http.StatusUnauthorized && got != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got)
		}
	}
	if err := c.Arm(t.Context(), Fault{SMS: 503, RetryAfter: 3, Match: "+86199", Count: 1}); err != nil {
		t.Fatal(err)
	}
	if got := postSMS(t, c.base, "k3", nil); got != http.StatusServiceUnavailable {
		t.Errorf("with a fault: %d", got)
	}
	c.stop()
	c = run(t, Options{Dir: dir}) // the keys are still known
	if got := postSMS(t, c.base, "k1", nil); got != http.StatusOK {
		t.Errorf("the same key again: %d", got)
	}
	list, err := c.SMS(t.Context(), "0001")
	if err != nil || len(list) != 1 || list[0].Text != "验证码 123456" {
		t.Errorf("want one message; got %+v, %v", list, err)
	}
}
