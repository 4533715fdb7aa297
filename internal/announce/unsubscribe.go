package announce

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// unsubscribeMAC is how many bytes of the HMAC stand in a token: nobody guesses 128 bits.
const unsubscribeMAC = 16

// UnsubscribeToken is what stands in the List-Unsubscribe of a letter (RFC 8058): the notice's number,
// that of the letter, and an HMAC over both that only this installation can make. It holds nothing of
// the reader, and is worth nothing once the notice is forgotten.
func UnsubscribeToken(key *seal.RefKey, id string, n int64) string {
	return fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(id, "-", ""), n, hex.EncodeToString(unsubscribe(key, id, n)))
}

func unsubscribe(key *seal.RefKey, id string, n int64) []byte {
	mac := hmac.New(sha256.New, key.Derive("notice unsubscribe v1"))
	fmt.Fprintf(mac, "%s %d", id, n)
	return mac.Sum(nil)[:unsubscribeMAC]
}

// ReadUnsubscribeToken gives the notice and the number of the letter in a token, and its HMAC, which
// UnsubscribeRight holds against the notice's key; false when it cannot be one.
func ReadUnsubscribeToken(token string) (id string, n int64, mac []byte, ok bool) {
	parts := strings.Split(token, "-")
	if len(parts) != 3 || len(token) > 100 {
		return "", 0, nil, false
	}
	id, err := contract.ParseID(parts[0])
	if err != nil {
		return "", 0, nil, false
	}
	n, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil || n < 1 {
		return "", 0, nil, false
	}
	mac, err = hex.DecodeString(parts[2])
	return id, n, mac, err == nil && len(mac) == unsubscribeMAC
}

// UnsubscribeRight says whether the HMAC of a token is that of the letter.
func UnsubscribeRight(key *seal.RefKey, id string, n int64, mac []byte) bool {
	return subtle.ConstantTimeCompare(mac, unsubscribe(key, id, n)) == 1
}
