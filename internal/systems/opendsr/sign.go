package opendsr

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Header fields. The first two are the protocol's, of a processor's answers and callbacks (section 8);
// the others are of a controller's requests, by agreement.
const (
	HeaderProcessor  = "X-OpenDSR-Processor-Domain"
	HeaderSignature  = "X-OpenDSR-Signature"
	HeaderController = "X-OpenDSR-Controller-Domain"
	HeaderTime       = "X-OpenDSR-Timestamp" // Unix seconds
)

// Fresh is how far the clocks of two companies may be apart.
const Fresh = 10 * time.Minute

// Requesting is what a controller signs: method, path and time before the body, so that a signature is
// good for one call and not for long.
func Requesting(method, path, at string, body []byte) []byte {
	return append([]byte("opendsr request\n"+method+"\n"+path+"\n"+at+"\n"), body...)
}

// Sign signs message: SHA-256 with the key (FIPS 186-4), base64.
func (p *Peers) Sign(message []byte) (string, error) {
	sum := sha256.Sum256(message)
	raw, err := p.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// SignRequest signs a request of ours to a processor.
func (p *Peers) SignRequest(r *http.Request, body []byte, now time.Time) error {
	at := strconv.FormatInt(now.Unix(), 10)
	signature, err := p.Sign(Requesting(r.Method, r.URL.Path, at, body))
	if err != nil {
		return err
	}
	r.Header.Set(HeaderController, p.Domain)
	r.Header.Set(HeaderTime, at)
	r.Header.Set(HeaderSignature, signature)
	return nil
}

// Verify holds a signature against a certificate. Error: contract.ErrBadSignature.
func Verify(cert *x509.Certificate, message []byte, signature string) error {
	sum := sha256.Sum256(message)
	return VerifyDigest(cert, sum[:], signature)
}

// VerifyDigest is Verify for a message of which only the SHA-256 was kept.
func VerifyDigest(cert *x509.Certificate, digest []byte, signature string) error {
	refused := fault.New(contract.ErrBadSignature, "an OpenDSR signature does not fit the certificate of its domain", nil)
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(digest) != sha256.Size {
		return refused
	}
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(key, digest, raw) {
			return nil
		}
	case *rsa.PublicKey:
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, raw) == nil {
			return nil
		}
	}
	return refused
}

// Certificate reads a PEM file with a certificate and those that lead to an authority, and holds it
// against the authorities, the time and the domain. One that signed itself is no certificate here.
// Error: contract.ErrBadSignature.
func (p *Peers) Certificate(file []byte, domain string, at time.Time) (*x509.Certificate, error) {
	refuse := func(why string, cause error) (*x509.Certificate, error) {
		return nil, fault.New(contract.ErrBadSignature, "the certificate of "+domain+" is not accepted: "+why, cause)
	}
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return refuse("it cannot be read", err)
		}
		if leaf == nil {
			leaf = c
		} else {
			between.AddCert(c)
		}
	}
	switch {
	case leaf == nil:
		return refuse("there is none in the file", nil)
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return refuse("it signed itself", nil)
	case p.revoked[serial(leaf)]:
		return refuse("it was revoked", nil)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: domain, Roots: p.authorities, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return refuse("authority, time or domain do not hold", err)
	}
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return leaf, nil
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 {
			return leaf, nil
		}
	}
	return refuse("its key is neither ECDSA nor RSA of 2048 bits", nil)
}

// serial is a certificate's number, in hex.
func serial(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// Digest is the SHA-256 that a signature is over.
func Digest(message []byte) []byte {
	sum := sha256.Sum256(message)
	return sum[:]
}
