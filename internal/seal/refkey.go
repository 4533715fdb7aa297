package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// RefKey is the data key of one reference. When its wrapped form is destroyed, everything that it
// sealed is unreadable for good. It is safe for concurrent use.
type RefKey struct {
	ref   contract.Ref
	aead  tink.AEAD
	parts refKeyParts
}

// refKeyParts is what is wrapped, as JSON.
type refKeyParts struct {
	Version int    `json:"version"`
	AEAD    []byte `json:"aead"` // a Tink keyset, binary
	Code    []byte `json:"code"` // 32 bytes, key of the HMAC behind one-time codes
	Age     string `json:"age"`  // AGE-SECRET-KEY-1…
}

const refKeyVersion = 1

// NewRefKey makes the data key of ref and its wrapped form, which is what is stored. The wrapped
// form opens for this ref only.
func (k *Keys) NewRefKey(ref contract.Ref) (r *RefKey, wrapped []byte, err error) {
	handle, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("making a data key: %w", err)
	}
	var set bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&set)); err != nil {
		return nil, nil, fmt.Errorf("making a data key: %w", err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, nil, fmt.Errorf("making an age identity: %w", err)
	}
	code := make([]byte, sha256.Size)
	_, _ = rand.Read(code) // never fails: crypto/rand ends the process instead
	plain, err := json.Marshal(refKeyParts{Version: refKeyVersion, AEAD: set.Bytes(), Code: code, Age: identity.String()})
	if err != nil {
		return nil, nil, fmt.Errorf("writing a data key: %w", err)
	}
	if wrapped, _, err = k.sealWith(plain, bind(domainRefKey, string(ref))); err != nil {
		return nil, nil, fmt.Errorf("wrapping a data key: %w", err)
	}
	if r, err = parseRefKey(ref, plain); err != nil {
		return nil, nil, err
	}
	return r, wrapped, nil
}

// OpenRefKey opens the wrapped data key of ref: contract.ErrTampered when the bytes were changed,
// belong to another ref, or were wrapped by another installation.
func (k *Keys) OpenRefKey(ref contract.Ref, wrapped []byte) (*RefKey, error) {
	plain, err := k.openWith(wrapped, bind(domainRefKey, string(ref)))
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "the data key of "+ref.String()+" does not open", err).
			WithHint("is HABEAS_KEYS the key folder of this casefile?")
	}
	return parseRefKey(ref, plain)
}

// Rewrap wraps the data key of ref with the wrapping key that seals now. The data key itself stays,
// so nothing that it sealed is touched. Bytes that this key wrapped already are given back.
func (k *Keys) Rewrap(ref contract.Ref, wrapped []byte) ([]byte, error) {
	ad := bind(domainRefKey, string(ref))
	plain, err := k.openWith(wrapped, ad)
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "the data key of "+ref.String()+" does not open", err)
	}
	if sealedBy(wrapped) == k.KeyID() {
		return wrapped, nil
	}
	out, _, err := k.sealWith(plain, ad)
	if err != nil {
		return nil, fmt.Errorf("wrapping a data key: %w", err)
	}
	return out, nil
}

func parseRefKey(ref contract.Ref, plain []byte) (*RefKey, error) {
	r := &RefKey{ref: ref}
	// What was authenticated but cannot be read was written by a later version of ours.
	if err := json.Unmarshal(plain, &r.parts); err != nil || r.parts.Version != refKeyVersion || len(r.parts.Code) != sha256.Size {
		return nil, fault.Newf(contract.ErrTampered, "the data key of %s has a form that this version does not know", ref)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(r.parts.AEAD)))
	if err != nil {
		return nil, fmt.Errorf("reading the data key of %s: %w", ref, err)
	}
	if r.aead, err = aead.New(handle); err != nil {
		return nil, fmt.Errorf("reading the data key of %s: %w", ref, err)
	}
	return r, nil
}

// Ref is the reference whose key this is.
func (r *RefKey) Ref() contract.Ref { return r.ref }

// Seal seals plain for one field of the reference, such as "request" or "letter/<id>/to".
func (r *RefKey) Seal(field string, plain []byte) ([]byte, error) {
	sealed, err := r.aead.Encrypt(plain, bind(domainField, string(r.ref), field))
	if err != nil {
		return nil, fmt.Errorf("sealing a field of %s: %w", r.ref, err)
	}
	return sealed, nil
}

// Open opens what Seal sealed for this reference and this very field: anything else is
// contract.ErrTampered.
func (r *RefKey) Open(field string, sealed []byte) ([]byte, error) {
	plain, err := r.aead.Decrypt(sealed, bind(domainField, string(r.ref), field))
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "a sealed field of "+r.ref.String()+" does not open", err)
	}
	return plain, nil
}

// MaxCodeDigits is the longest code that Code makes.
const MaxCodeDigits = 18

// Code is the one-time code of a challenge: HMAC-SHA-256 of the challenge id, cut as RFC 4226 5.3
// cuts it but to 63 bits instead of 31, modulo 10^digits, padded with zeros. The same challenge
// always has the same code, so a letter sent again says the same.
//
// 2^63 is no multiple of 10^digits, so the lower codes are likelier, each by at most the factor
// 1 + 10^digits/2^63: 1.1e-13 for 6 digits, 1.1e-7 for 12, 0.11 for 18. Guessing within five tries
// gains nothing from it.
//
// It panics when digits is not 1 to 18: that is a mistake in a program, and a shorter code than
// was asked for would be worse.
func (r *RefKey) Code(challengeID string, digits int) string {
	if digits < 1 || digits > MaxCodeDigits {
		panic(fmt.Sprintf("seal: a code of %d digits", digits))
	}
	mac := hmac.New(sha256.New, r.parts.Code)
	mac.Write(bind(domainCode, challengeID))
	return truncate(mac.Sum(nil), digits)
}

// Derive is a key of 32 bytes for a purpose of the reference. It goes with the data key, so that
// what was keyed by it cannot be undone once the reference is forgotten.
func (r *RefKey) Derive(purpose string) []byte {
	mac := hmac.New(sha256.New, r.parts.Code)
	mac.Write(bind(domainDerived, purpose))
	return mac.Sum(nil)
}

// truncate is the dynamic truncation of RFC 4226 5.3 with eight bytes instead of four. The offset
// is 15 at most, so the eight bytes lie within the 32 of SHA-256.
func truncate(sum []byte, digits int) string {
	offset := sum[len(sum)-1] & 0x0f
	value := binary.BigEndian.Uint64(sum[offset:offset+8]) &^ (1 << 63)
	modulus := uint64(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, value%modulus)
}

// Age is the identity to which the blobs of the reference are encrypted.
func (r *RefKey) Age() (*age.X25519Identity, error) {
	identity, err := age.ParseX25519Identity(r.parts.Age)
	if err != nil {
		// age's message may quote the key.
		return nil, fault.New(contract.ErrTampered, "the age identity of "+r.ref.String()+" cannot be read", err)
	}
	return identity, nil
}
