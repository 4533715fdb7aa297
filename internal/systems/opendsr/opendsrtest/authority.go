// Package opendsrtest makes authorities and certificates for tests of OpenDSR. Nothing of it is for use.
package opendsrtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority issues certificates into a folder, where ca.pem is its own.
type Authority struct {
	t    testing.TB
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	next int64
}

// New makes an authority in dir.
func New(t testing.TB, dir string) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: dir, key: newKey(t), next: 2}
	raw := a.sign("Authority of a test", "", time.Now().AddDate(1, 0, 0), nil, &a.key.PublicKey)
	var err error
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.write("ca.pem", "CERTIFICATE", raw)
	return a
}

// Issue writes DOMAIN.crt and DOMAIN.key.
func (a *Authority) Issue(domain string) { a.IssueUntil(domain, time.Now().AddDate(1, 0, 0)) }

// IssueUntil is Issue with an end.
func (a *Authority) IssueUntil(domain string, until time.Time) {
	a.t.Helper()
	key := newKey(a.t)
	a.write(domain+".crt", "CERTIFICATE", a.sign(domain, domain, until, a.cert, &key.PublicKey))
	a.writeKey(domain, key)
}

// IssueSelf writes a certificate that signed itself.
func (a *Authority) IssueSelf(domain string) {
	a.t.Helper()
	key := newKey(a.t)
	template := a.template(domain, domain, time.Now().AddDate(1, 0, 0))
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(domain+".crt", "CERTIFICATE", raw)
	a.writeKey(domain, key)
}

func (a *Authority) template(name, domain string, until time.Time) *x509.Certificate {
	a.next++
	c := &x509.Certificate{SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature}
	if domain == "" {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		return c
	}
	c.DNSNames = []string{domain}
	return c
}

func (a *Authority) sign(name, domain string, until time.Time, parent *x509.Certificate, public *ecdsa.PublicKey) []byte {
	a.t.Helper()
	template := a.template(name, domain, until)
	if parent == nil {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

func (a *Authority) writeKey(domain string, key *ecdsa.PrivateKey) {
	a.t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(domain+".key", "PRIVATE KEY", raw)
}

func (a *Authority) write(name, kind string, raw []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
