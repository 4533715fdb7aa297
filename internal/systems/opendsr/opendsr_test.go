package opendsr

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr/opendsrtest"
)

const (
	ours   = "dsr.yunzhan.example"
	theirs = "dsr.mailing.example"
)

// peersOf writes the file of one party and loads it.
func peersOf(t *testing.T, dir, domain, more string) (*Peers, error) {
	t.Helper()
	path := filepath.Join(dir, domain+".yaml")
	text := "domain: " + domain + "\ncertificate: " + domain + ".crt\nkey: " + domain + ".key\nauthorities: ca.pem\n" + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, time.Now())
}

func both(t *testing.T) (dir string, a *opendsrtest.Authority, us, them *Peers) {
	t.Helper()
	dir = t.TempDir()
	a = opendsrtest.New(t, dir)
	a.Issue(ours)
	a.Issue(theirs)
	var err error
	if us, err = peersOf(t, dir, ours, ""); err != nil {
		t.Fatal(err)
	}
	if them, err = peersOf(t, dir, theirs, "controllers:\n  - {domain: "+ours+", certificate: "+ours+".crt, callbacks: ['127.0.0.1:9']}\n"); err != nil {
		t.Fatal(err)
	}
	return dir, a, us, them
}

func TestCertificatesAreHeldAgainstEverything(t *testing.T) {
	t.Parallel()
	dir, a, us, _ := both(t)
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if _, err := us.Certificate(read(theirs), theirs, time.Now()); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	a.IssueSelf("self.example")
	a.IssueUntil("late.example", time.Now().Add(-time.Hour))
	other := t.TempDir()
	opendsrtest.New(t, other).Issue(theirs)
	foreign, err := os.ReadFile(filepath.Join(other, theirs+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file   []byte
		domain string
	}{
		"of another domain":    {read(theirs), ours},
		"signed by itself":     {read("self.example"), "self.example"},
		"past its time":        {read("late.example"), "late.example"},
		"of another authority": {foreign, theirs},
		"none":                 {[]byte("nothing"), theirs},
	} {
		if _, err := us.Certificate(c.file, c.domain, time.Now()); !fault.Is(err, contract.ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cert, err := us.Certificate(read(theirs), theirs, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	us.revoked[serial(cert)] = true
	if _, err := us.Certificate(read(theirs), theirs, time.Now()); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("revoked: %v", err)
	}
}

func TestPeersFile(t *testing.T) {
	t.Parallel()
	dir, a, _, _ := both(t)
	a.IssueSelf("self.example")
	for name, c := range map[string]struct{ domain, more string }{
		"a key that nobody knows":    {ours, "listens: 127.0.0.1:1\n"},
		"served, and not reached":    {ours, "listen: 127.0.0.1:1\n"},
		"reached without encryption": {ours, "url: http://dsr.yunzhan.example\n"},
		"a callback without port":    {ours, "controllers:\n  - {domain: a.example, certificate: " + ours + ".crt, callbacks: [a.example]}\n"},
		"a controller without one":   {ours, "controllers:\n  - {domain: a.example, certificate: none.crt}\n"},
		"our own signed itself":      {"self.example", ""},
	} {
		if _, err := peersOf(t, dir, c.domain, c.more); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// answering is a processor whose answers a test bends.
type answering struct {
	*httptest.Server
	t      *testing.T
	peers  *Peers
	code   int
	body   func(request []byte) any
	bend   func(http.Header)
	moved  string // where the certificate is said to be
	asked  int
	change func([]byte) []byte
}

func answer(t *testing.T, p *Peers) *answering {
	a := &answering{t: t, peers: p, code: http.StatusCreated, bend: func(http.Header) {}, change: func(b []byte) []byte { return b },
		body: func(request []byte) any {
			var r Request
			if err := json.Unmarshal(request, &r); err != nil {
				t.Error(err)
			}
			return Receipt{ID: r.ID, Encoded: "the person's data", Signature: "x", Expected: time.Now().Add(time.Hour)}
		}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case Root + "/discovery":
		where := a.URL + Root + "/certificate.pem"
		if a.moved != "" {
			where = a.moved
		}
		_ = json.NewEncoder(w).Encode(Discovery{Certificate: where})
		return
	case Root + "/certificate.pem":
		_, _ = w.Write(a.peers.Chain)
		return
	}
	a.asked++
	request, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Error(err)
	}
	_, cert, err := a.peers.Controller(r.Header.Get(HeaderController), time.Now())
	if err != nil {
		a.t.Error(err)
	} else if err := Verify(cert, Requesting(r.Method, r.URL.Path, r.Header.Get(HeaderTime), request), r.Header.Get(HeaderSignature)); err != nil {
		a.t.Errorf("the request is not signed: %v", err)
	}
	body, err := json.Marshal(a.body(request))
	if err != nil {
		a.t.Error(err)
	}
	signature, err := a.peers.Sign(body)
	if err != nil {
		a.t.Error(err)
	}
	w.Header().Set(HeaderProcessor, a.peers.Domain)
	w.Header().Set(HeaderSignature, signature)
	a.bend(w.Header())
	w.WriteHeader(a.code)
	_, _ = w.Write(a.change(body))
}

func TestAsk(t *testing.T) {
	t.Parallel()
	_, _, us, them := both(t)
	for name, c := range map[string]struct {
		bend func(*answering)
		want string // error type; empty: taken
	}{
		"taken":                    {func(*answering) {}, ""},
		"another domain answers":   {func(a *answering) { a.bend = func(h http.Header) { h.Set(HeaderProcessor, ours) } }, contract.ErrBadSignature},
		"no signature":             {func(a *answering) { a.bend = func(h http.Header) { h.Del(HeaderSignature) } }, contract.ErrBadSignature},
		"changed on the way":       {func(a *answering) { a.change = func(b []byte) []byte { return append(b, ' ') } }, contract.ErrBadSignature},
		"of another request":       {func(a *answering) { a.body = func([]byte) any { return Receipt{ID: NewID()} } }, contract.ErrRefused},
		"the certificate is moved": {func(a *answering) { a.moved = "https://elsewhere.example/cert.pem" }, contract.ErrRefused},
		"busy":                     {func(a *answering) { a.code = http.StatusTooManyRequests }, contract.ErrBusy},
		"ill":                      {func(a *answering) { a.code = http.StatusBadGateway }, contract.ErrUnavailable},
		"no":                       {func(a *answering) { a.code = http.StatusForbidden }, contract.ErrRefused},
		"sent elsewhere": {func(a *answering) {
			a.code, a.bend = http.StatusTemporaryRedirect, func(h http.Header) { h.Set("Location", "http://127.0.0.1:9/") }
		}, contract.ErrRefused},
		"too much": {func(a *answering) {
			a.change = func([]byte) []byte { return bytes.Repeat([]byte("x"), maxBody+1) }
		}, contract.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := answer(t, them)
			c.bend(server)
			client := Client{Peers: us, Now: time.Now}
			to := Processor{System: "mailing", URL: server.URL, Domain: theirs}
			r := Request{ID: NewID(), Type: Erasure, Identities: []Identity{{"email", "raw", "somebody@persons.example"}}}
			receipt, err := client.Ask(t.Context(), to, r)
			switch {
			case c.want == "" && (err != nil || receipt.ID != r.ID || receipt.Expected.IsZero()):
				t.Fatalf("%+v %v", receipt, err)
			case c.want != "" && !fault.Is(err, c.want):
				t.Errorf("got %v, want %s", err, c.want)
			case err != nil && strings.Contains(err.Error(), "somebody"):
				t.Error("the error names the person")
			}
			if receipt.Encoded != "" || receipt.Signature != "" {
				t.Error("encoded_request was handed on")
			}
		})
	}
}

// What a processor has signed is believed later too, and nothing else is.
func TestProof(t *testing.T) {
	t.Parallel()
	_, _, us, them := both(t)
	server := answer(t, them)
	id := NewID()
	server.code, server.body = http.StatusOK, func([]byte) any { return Status{ID: id, Status: Completed} }
	client := Client{Peers: us, Now: time.Now}
	status, proof, err := client.Status(t.Context(), Processor{System: "mailing", URL: server.URL, Domain: theirs}, id)
	if err != nil || status.Status != Completed {
		t.Fatalf("%+v %v", status, err)
	}
	if got, err := us.ReadProof(proof, theirs); err != nil || got.ID != id {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := us.ReadProof(proof, ours); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("of another domain: %v", err)
	}
	proof.Body = bytes.Replace(proof.Body, []byte(Completed), []byte(Cancelled), 1)
	if _, err := us.ReadProof(proof, theirs); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("changed: %v", err)
	}
}

func TestCallBackGoesNowhereElse(t *testing.T) {
	t.Parallel()
	_, _, _, them := both(t)
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(server.Close)
	client := Client{Peers: them, Now: time.Now}
	to := Controller{Domain: ours, Callbacks: []string{"127.0.0.1:9"}}
	if err := client.CallBack(t.Context(), to, server.URL+"/x", Status{}); !fault.Is(err, contract.ErrRefused) || called {
		t.Errorf("an address that is on no list: %v, called %v", err, called)
	}
	to.Callbacks = []string{strings.TrimPrefix(server.URL, "http://")}
	if err := client.CallBack(t.Context(), to, server.URL+"/x", Status{}); err != nil || !called {
		t.Errorf("one that is: %v, called %v", err, called)
	}
	for _, address := range []string{"http://dsr.yunzhan.example:9/", "ftp://127.0.0.1:9/", "http://user@127.0.0.1:9/", "//127.0.0.1:9"} {
		if (Controller{Callbacks: []string{"127.0.0.1:9", "dsr.yunzhan.example:9"}}).MayCallBack(address) {
			t.Errorf("%s may be called", address)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for range 20 {
		if id := NewID(); !IsID(id) {
			t.Errorf("%q is none of ours", id)
		}
	}
	for _, id := range []string{"", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-1ef8-bb6d-6bb9bd380a11", "../x"} {
		if IsID(id) {
			t.Errorf("%q is taken", id)
		}
	}
}
