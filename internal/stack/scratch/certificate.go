package scratch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Certificate names the files with which a server of a test speaks TLS: a certificate for 127.0.0.1
// that is its own authority, and the key, which belongs to whom the server runs as.
type Certificate struct{ Cert, Key string }

// NewCertificate makes both in a folder; as is whom the server runs as, nil for ourselves.
func NewCertificate(dir string, as *syscall.Credential) (Certificate, error) {
	c := Certificate{Cert: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, fmt.Errorf("drawing a key: %w", err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a server for tests"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return c, fmt.Errorf("making a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return c, fmt.Errorf("encoding a key: %w", err)
	}
	err = errors.Join(
		os.WriteFile(c.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644), // a certificate is for everybody
		os.WriteFile(c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	if err == nil && as != nil {
		err = os.Chown(c.Key, int(as.Uid), int(as.Gid))
	}
	if err != nil {
		return c, fmt.Errorf("writing a certificate: %w", err)
	}
	return c, nil
}
