package seal

import (
	"fmt"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// BounceMAC is what makes a return path one of ours: a keyed hash over the notice's number and that
// of the letter.
func BounceMAC(keys *Keys, notice string, n int64) []byte {
	return keys.KeyedHash("habeas notice bounce v1", fmt.Appendf(nil, "%s %d", notice, n))
}

// NoticeMessageID is the part of a letter's Message-ID before the domain: a letter sent again
// carries the same one.
func NoticeMessageID(keys *Keys, ref contract.Ref, n int64) string {
	return fmt.Sprintf("%x", keys.KeyedHash("habeas notice message v1", fmt.Appendf(nil, "%s %d", ref, n))[:16])
}
