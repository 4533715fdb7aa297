package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

func caller(t *testing.T) (Caller, ed25519.PublicKey) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := seal.Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Caller{Sign: keys.Sign, Public: seal.EncodePublic(keys.PublicKey()), Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}, keys.PublicKey()
}

func message() Message {
	return Message{ID: "0123", Event: contract.CallStopped, Purposes: []string{"marketing"}, At: time.Unix(1_800_000_000, 0).UTC(),
		Identities: []dsr.Identity{{Kind: "email", Value: "reader@persons.example"}}}
}

func TestACallIsSignedAndHoldsNoMoreThanIsNeeded(t *testing.T) {
	t.Parallel()
	c, public := caller(t)
	var raw []byte
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	status, err := c.Call(t.Context(), "newsletter", s.URL+"/hook", message())
	if err != nil || status != http.StatusAccepted {
		t.Fatal(status, err)
	}
	signature, err := base64.StdEncoding.DecodeString(header.Get(HeaderSignature))
	if err != nil {
		t.Fatal(err)
	}
	if err := seal.VerifySignature(public, SignatureDomain, Signed(header.Get(HeaderTime), raw), signature); err != nil {
		t.Error(err)
	}
	if err := seal.VerifySignature(public, SignatureDomain, Signed("1800000001", raw), signature); err == nil {
		t.Error("the signature is good at another time")
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil || len(fields) != 6 || header.Get(HeaderID) != "0123" {
		t.Errorf("%d fields: %v, key %q", len(fields), err, header.Get(HeaderID))
	}
}

func TestAnswersAreJudged(t *testing.T) {
	t.Parallel()
	c, _ := caller(t)
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for code, want := range map[int]string{200: "", 204: "", 307: contract.ErrRefused, 400: contract.ErrRefused, 404: contract.ErrRefused,
		408: contract.ErrUnavailable, 429: contract.ErrBusy, 500: contract.ErrUnavailable, 503: contract.ErrBusy} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "reader@persons.example is unknown here")
		}))
		_, err := c.Call(t.Context(), "newsletter", s.URL, message())
		s.Close()
		switch {
		case (err == nil) != (want == "") || err != nil && !fault.Is(err, want):
			t.Errorf("%d: %v, want %s", code, err, want)
		case err != nil && strings.Contains(err.Error(), "reader@"):
			t.Errorf("%d: the error repeats the answer", code)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
	if _, err := c.Call(t.Context(), "newsletter", "http://127.0.0.1:1/", message()); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}
