package letters

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// DKIM signs letters for one domain (RFC 6376, relaxed/relaxed).
type DKIM struct {
	domain, selector string
	key              crypto.Signer
}

// signedFields are the fields under the signature. Those named twice may not be added a second
// time on the way (RFC 6376, 8.15).
var signedFields = []string{
	"From", "From", "To", "To", "Subject", "Subject", "Date", "Date", "Reply-To", "Reply-To",
	"Message-ID", "Auto-Submitted", "Content-Language", "Content-Type", "Content-Type", "MIME-Version",
}

// unsubscribeFields are signed as well where they stand (RFC 8058, 4).
var unsubscribeFields = []string{"List-Unsubscribe", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Unsubscribe-Post"}

var domainShape = regexp.MustCompile("^" + domainPattern + "$")

// LoadDKIM reads a private key in PEM from path: RSA of at least 2048 bits (PKCS #1 or PKCS #8) or
// Ed25519 (PKCS #8). Domain and selector are those under which the public key is published, as
// Record writes it. Anything wrong is a contract.ErrBadInput.
func LoadDKIM(path, domain, selector string) (*DKIM, error) {
	domain, selector = strings.ToLower(domain), strings.ToLower(selector)
	if !domainShape.MatchString(domain) || !domainShape.MatchString(selector) {
		return nil, fault.Newf(contract.ErrBadInput, "DKIM: domain %q or selector %q is not a DNS name", domain, selector)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "DKIM: the private key cannot be read", err).
			WithHint("check the path and that this user may read it")
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fault.Newf(contract.ErrBadInput, "DKIM: the private key cannot be used: %v", err).
			WithHint("make one with: openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048")
	}
	return &DKIM{domain: domain, selector: selector, key: key}, nil
}

// parseKey's errors are fixed texts: none of them quotes the file.
func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the file is not PEM")
	}
	var parsed any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, errors.New("the PEM block is neither RSA PRIVATE KEY nor PRIVATE KEY, without a passphrase")
	}
	if err != nil {
		return nil, errors.New("the PEM block does not hold a key of its type")
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return nil, errors.New("RSA keys need at least 2048 bits (RFC 8301)")
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errors.New("it is neither RSA nor Ed25519")
}

// Covers reports whether a letter from this mailbox passes as signed by its own domain (DMARC's
// relaxed alignment: the key's domain or one below it).
func (d *DKIM) Covers(from string) bool {
	a, err := address(from)
	if err != nil {
		return false
	}
	of := strings.ToLower(domainOf(a.Address))
	return of == d.domain || strings.HasSuffix(of, "."+d.domain)
}

// Record is the TXT record to publish: its name and its text (RFC 6376, 3.6.1; RFC 8463).
func (d *DKIM) Record() (name, text string) {
	name = d.selector + "._domainkey." + d.domain
	switch public := d.key.Public().(type) {
	case ed25519.PublicKey:
		return name, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	default:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return name, ""
		}
		return name, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
}

func (d *DKIM) sign(msg []byte, unsubscribes bool) ([]byte, error) {
	fields := signedFields
	if unsubscribes {
		fields = slices.Concat(fields, unsubscribeFields)
	}
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(msg), &dkim.SignOptions{
		Domain: d.domain, Selector: d.selector, Signer: d.key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             fields,
	})
	if err != nil {
		return nil, fault.New(contract.ErrInternal, "a letter could not be signed", fmt.Errorf("signing with DKIM: %w", err))
	}
	return out.Bytes(), nil
}
