package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// signer makes and reads short texts that carry an end and a tag: "<expiry unix>.<text>.<hex>".
type signer struct{ key []byte }

// newSigner derives a key of its own from key, so that what is signed for one purpose is worth
// nothing for another.
func newSigner(key []byte, purpose string) signer {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose))
	return signer{key: h.Sum(nil)}
}

func (g signer) tag(body string) string {
	h := hmac.New(sha256.New, g.key)
	h.Write([]byte(body))
	return hex.EncodeToString(h.Sum(nil))
}

func (g signer) sign(text string, expires time.Time) string {
	body := strconv.FormatInt(expires.Unix(), 10) + "." + text
	return body + "." + g.tag(body)
}

// open returns the text and its end when the tag is right and the end has not come. The tag is
// compared in constant time, and before anything else is read.
func (g signer) open(signed string, now time.Time) (text string, expires time.Time, ok bool) {
	cut := strings.LastIndexByte(signed, '.')
	if cut < 0 || !hmac.Equal([]byte(g.tag(signed[:cut])), []byte(signed[cut+1:])) {
		return "", time.Time{}, false
	}
	until, text, found := strings.Cut(signed[:cut], ".")
	unix, err := strconv.ParseInt(until, 10, 64)
	if !found || err != nil || now.Unix() >= unix {
		return "", time.Time{}, false
	}
	return text, time.Unix(unix, 0), true
}

func operatorSigner(key []byte) signer { return newSigner(key, "habeas operator token v1") }

// NewOperatorToken makes the bearer token with which a signed-in operator may use the codec
// endpoint until expires: "<expiry unix>.<operator>.<hex HMAC>". The key is the SessionKey of the
// portal's Options.
func NewOperatorToken(key []byte, operator string, expires time.Time) string {
	return operatorSigner(key).sign(operator, expires)
}
