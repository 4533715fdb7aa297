package portal

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/habeas-dsr/habeas/internal/seal"
)

const ui = "https://temporal.cloud.example"

// sealing is the real codec, with keys of its own.
func sealing(t *testing.T) converter.PayloadCodec {
	t.Helper()
	dir := t.TempDir() + "/keys"
	if err := seal.Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys.Codec()
}

func codecBench(t *testing.T) *bench {
	return newBench(t, func(o *Options) { o.Codec, o.UIOrigin = sealing(t), ui })
}

// remote is the codec as the Temporal command line uses it.
func (b *bench) remote(token string) converter.PayloadCodec {
	return converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: b.url + "/codec",
		ModifyRequest: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		},
	})
}

func payload(t *testing.T, value any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheCodecServesOperators(t *testing.T) {
	t.Parallel()
	b := codecBench(t)
	c := b.remote(NewOperatorToken(testKey, "wei.ops", testNow.Add(time.Hour)))
	sealed, err := c.Encode([]*commonpb.Payload{payload(t, "case/7QK2M-9XH4T")})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed[0].Data, []byte("7QK2M")) {
		t.Fatal("the payload is not sealed")
	}
	foreign, err := sealing(t).Encode([]*commonpb.Payload{payload(t, "of another installation")})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := c.Decode([]*commonpb.Payload{sealed[0], foreign[0], payload(t, 7), payload(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range opened {
		got = append(got, converter.GetDefaultDataConverter().ToString(p))
	}
	want := []string{`"case/7QK2M-9XH4T"`, `"[sealed: key destroyed]"`, "7", "nil"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheCodecRefusesEverybodyElse(t *testing.T) {
	t.Parallel()
	b := codecBench(t)
	good := NewOperatorToken(testKey, "wei", testNow.Add(time.Hour))
	for name, header := range map[string]string{
		"nothing": "", "basic": "Basic d2VpOnNlY3JldA==", "empty": "Bearer ", "no scheme": good,
		"run out":     "Bearer " + NewOperatorToken(testKey, "wei", testNow),
		"other key":   "Bearer " + NewOperatorToken(bytes.Repeat([]byte{8}, 32), "wei", testNow.Add(time.Hour)),
		"no name":     "Bearer " + NewOperatorToken(testKey, "", testNow.Add(time.Hour)),
		"other name":  "Bearer " + strings.Replace(good, "wei", "lin", 1),
		"a session's": "Bearer " + newSigner(testKey, "habeas portal session v1").sign("wei", testNow.Add(time.Hour)),
	} {
		r := b.request(http.MethodPost, "/codec/decode", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		if got := b.do(r); got.StatusCode != http.StatusUnauthorized || got.body != "Unauthorized\n" {
			t.Errorf("%s: %d %q", name, got.StatusCode, got.body)
		}
	}
	r := b.request(http.MethodPost, "/codec/decode", nil)
	r.Header.Set("Authorization", "Bearer "+good)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, maxPayloads+1))), maxPayloads+1
	if got := b.do(r); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 10 MiB: %d", got.StatusCode)
	}
	if got := b.get("/codec/decode"); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got.StatusCode)
	}
}

func TestGuessingTokensIsLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) {
		o.Codec, o.Limits = sealing(t), Limits{AddressPerMinute: 1, AddressBurst: 2}
	})
	var codes []int
	for range 3 {
		codes = append(codes, b.post("/codec/decode").StatusCode)
	}
	if diff := cmp.Diff([]int{401, 401, 429}, codes); diff != "" {
		t.Error(diff)
	}
	c := b.remote(NewOperatorToken(testKey, "wei", testNow.Add(time.Hour)))
	for range 5 { // a good token is not limited
		if _, err := c.Encode([]*commonpb.Payload{payload(t, 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyTheTemporalUIMayReadAcrossOrigins(t *testing.T) {
	t.Parallel()
	b := codecBench(t)
	for origin, allowed := range map[string]string{ui: ui, "https://evil.example": "", "null": "", ui + ".evil.example": ""} {
		r := b.request(http.MethodOptions, "/codec/decode", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		got := b.do(r)
		if got.StatusCode != http.StatusNoContent || got.Header.Get("Access-Control-Allow-Origin") != allowed || got.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", origin, got.StatusCode, got.Header)
		}
		if names := got.Header.Get("Access-Control-Allow-Headers"); (allowed != "") != strings.Contains(names, "Authorization") {
			t.Errorf("%s: allows the headers %q", origin, names)
		}
	}
	r := b.request(http.MethodPost, "/case/code", formOf("id", b.known, "purpose", "verify"))
	r.Header.Set("Origin", ui)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	if got := b.do(r); got.StatusCode != http.StatusForbidden || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the UI may post a person's form: %d", got.StatusCode)
	}
}

// The Temporal UI has no token of ours: an operator signs in once and its pages send the cookie.
func TestAnOperatorSignsInForTheUI(t *testing.T) {
	t.Parallel()
	b := codecBench(t)
	decode := func(origin string) int {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.url+"/codec/decode", strings.NewReader(`{"payloads":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		return b.do(r).StatusCode
	}
	if got := b.post("/codec/sign-in", "token", "wrong"); got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) != 0 {
		t.Errorf("a wrong token: %d", got.StatusCode)
	}
	if code := decode(ui); code != http.StatusUnauthorized {
		t.Errorf("before: %d", code)
	}
	got := b.post("/codec/sign-in", "token", " "+NewOperatorToken(testKey, "wei", testNow.Add(time.Hour))+"\n")
	if got.StatusCode != http.StatusOK || !strings.Contains(got.body, "Signed in") {
		t.Fatalf("signing in: %d", got.StatusCode)
	}
	if code := decode(ui); code != http.StatusOK {
		t.Errorf("after: %d", code)
	}
	for _, origin := range []string{"https://evil.example", b.url, ""} {
		if code := decode(origin); code != http.StatusUnauthorized {
			t.Errorf("the cookie counts for %q: %d", origin, code)
		}
	}
	b.clock.Add(time.Hour)
	if code := decode(ui); code != http.StatusUnauthorized {
		t.Errorf("after its time: %d", code)
	}
}
