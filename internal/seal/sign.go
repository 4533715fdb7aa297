package seal

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Sign signs message with the installation's key, in a domain such as "checkpoint" or "manifest".
// The signature (64 bytes) verifies in that domain only.
func (k *Keys) Sign(domain string, message []byte) ([]byte, error) {
	sig, err := k.signer.Sign(bind(domainSignature, []byte(domain), message))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return sig, nil
}

// PublicKey is the key that verifies what Sign signs.
func (k *Keys) PublicKey() ed25519.PublicKey { return append(ed25519.PublicKey(nil), k.public...) }

// VerifySignature checks what Sign made: contract.ErrBadSignature when it is not the signature of
// this message in this domain by this key.
func VerifySignature(pub ed25519.PublicKey, domain string, message, sig []byte) error {
	// ed25519.Verify panics on a key of another length.
	if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, bind(domainSignature, []byte(domain), message), sig) {
		return fault.New(contract.ErrBadSignature, "the signature does not match", nil)
	}
	return nil
}

// publicPrefix marks a public key of ours, version 1: Ed25519.
const publicPrefix = "hk1:"

// EncodePublic writes a public key on one line: "hk1:" and base64url without padding.
func EncodePublic(pub ed25519.PublicKey) string {
	return publicPrefix + base64.RawURLEncoding.EncodeToString(pub)
}

// DecodePublic reads what EncodePublic wrote; anything else is contract.ErrBadInput.
func DecodePublic(s string) (ed25519.PublicKey, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), publicPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if !ok || err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fault.New(contract.ErrBadInput, "not a public key", err).
			WithHint("it is one line that starts with " + publicPrefix + ", as `habeas keys new` prints it")
	}
	return ed25519.PublicKey(raw), nil
}
