package letters

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// writeKey puts a private key into a PEM file.
func writeKey(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestDKIMVerifies(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"RSA, PKCS #1":     writeKey(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
		"RSA, PKCS #8":     writeKey(t, "PRIVATE KEY", pkcs8(t, rsaKey)),
		"Ed25519, PKCS #8": writeKey(t, "PRIVATE KEY", pkcs8(t, edKey)),
	} {
		sign, err := LoadDKIM(path, "Cloud.example", "h2026")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, lang := range Languages() {
			raw, err := Compose(envelope(), letter(t, lang), sign)
			if err != nil {
				t.Fatal(err)
			}
			checkLines(t, raw)
			if err := verify(raw, sign); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for what, forged := range map[string][]byte{
				"another subject":  bytes.Replace(raw, []byte("\r\nSubject: "), []byte("\r\nSubject: x"), 1),
				"a second From":    append([]byte("From: <x@y.example>\r\n"), raw...),
				"a second Subject": append([]byte("Subject: hello\r\n"), raw...),
				"another type":     bytes.Replace(raw, []byte("multipart/alternative"), []byte("multipart/mixed"), 1),
				"another id":       bytes.Replace(raw, []byte("\r\nMessage-Id: <"), []byte("\r\nMessage-Id: <0"), 1),
				"another body":     append(bytes.Clone(raw), "x\r\n"...),
			} {
				if bytes.Equal(forged, raw) {
					t.Fatalf("%s changes nothing", what)
				}
				if verify(forged, sign) == nil {
					t.Errorf("%s: the signature stands with %s", name, what)
				}
			}
		}
	}
}

// verify checks a message as a receiver does, with the record that sign asks to publish.
func verify(raw []byte, sign *DKIM) error {
	name, record := sign.Record()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		LookupTXT: func(domain string) ([]string, error) {
			if domain != name {
				return nil, fmt.Errorf("asked for %s, want %s", domain, name)
			}
			return []string{record}, nil
		},
	})
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("%d signatures", len(found))
	}
	return found[0].Err
}

func TestDKIMRefusals(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, good, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := writeKey(t, "PRIVATE KEY", pkcs8(t, good))
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("secret-looking text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][3]string{
		"short RSA":    {writeKey(t, "PRIVATE KEY", pkcs8(t, small)), "cloud.example", "s"},
		"a curve":      {writeKey(t, "PRIVATE KEY", pkcs8(t, curve)), "cloud.example", "s"},
		"broken":       {writeKey(t, "PRIVATE KEY", []byte("x")), "cloud.example", "s"},
		"certificate":  {writeKey(t, "CERTIFICATE", []byte("x")), "cloud.example", "s"},
		"no PEM":       {plain, "cloud.example", "s"},
		"no file":      {plain + "x", "cloud.example", "s"},
		"bad domain":   {path, "cloud.example; t=y", "s"},
		"no selector":  {path, "cloud.example", ""},
		"bad selector": {path, "cloud.example", "a b"},
	} {
		_, err := LoadDKIM(c[0], c[1], c[2])
		if !fault.Is(err, contract.ErrBadInput) || strings.Contains(err.Error(), "secret-looking") {
			t.Errorf("%s: got %v, want a bad input that does not quote the file", name, err)
		}
	}
	other, err := LoadDKIM(path, "other.example", "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compose(envelope(), letter(t, "en"), other); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a key of another domain signed: %v", err)
	}
	if above, err := LoadDKIM(path, "example", "s"); err != nil || !above.Covers("a@cloud.example") || above.Covers("a@notexample") {
		t.Errorf("the domain above does not cover rightly: %v", err)
	}
}

// testKey is a fresh Ed25519 key for cloud.example.
func testKey(t *testing.T) *DKIM {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign, err := LoadDKIM(writeKey(t, "PRIVATE KEY", pkcs8(t, key)), "cloud.example", "h2026")
	if err != nil {
		t.Fatal(err)
	}
	return sign
}
