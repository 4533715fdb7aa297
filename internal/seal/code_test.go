package seal

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"testing"
)

// The hashes of RFC 4226 appendix D, with their first four bytes cut as the RFC cuts them: our
// truncation reads eight bytes at the same offset, so its top 32 bits are the RFC's number.
func TestTruncateAgreesWithRFC4226(t *testing.T) {
	t.Parallel()
	for count, want := range []uint32{
		1284755224, 1094287082, 137359152, 1726969429, 1640338314,
		868254676, 1918287922, 82162583, 673399871, 645520489,
	} {
		mac := hmac.New(sha1.New, []byte("12345678901234567890"))
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(count)))
		// Our truncation wants 32 bytes; the offset of the RFC stands in the last one.
		rfc := mac.Sum(nil)
		sum := make([]byte, 32)
		copy(sum, rfc)
		sum[31] = rfc[19]
		offset := sum[31] & 0x0f
		value := binary.BigEndian.Uint64(sum[offset:offset+8]) &^ (1 << 63)
		if got := uint32(value >> 32); got != want {
			t.Errorf("count %d: %d, want %d", count, got, want)
		}
		if got, want := truncate(sum, 18), fmt.Sprintf("%018d", value%1_000_000_000_000_000_000); got != want {
			t.Errorf("count %d: %s, want %s", count, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	a, wrapped := newRefKey(t, keys, refA)
	b, _ := newRefKey(t, keys, refB)
	for digits := 1; digits <= MaxCodeDigits; digits++ {
		got := a.Code("challenge-1", digits)
		if !regexp.MustCompile(fmt.Sprintf(`^[0-9]{%d}$`, digits)).MatchString(got) {
			t.Errorf("%d digits: %q", digits, got)
		}
	}
	opened, err := keys.OpenRefKey(refA, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	code := a.Code("challenge-1", 12)
	if got := opened.Code("challenge-1", 12); got != code {
		t.Errorf("after opening the key again: %s, want %s", got, code)
	}
	if a.Code("challenge-2", 12) == code || b.Code("challenge-1", 12) == code {
		t.Error("another challenge or reference has the same code")
	}
}

func TestCodeKeepsLeadingZeros(t *testing.T) {
	t.Parallel()
	if got := truncate(make([]byte, 32), 6); got != "000000" {
		t.Errorf("%q", got)
	}
}

func TestCodePanicsOutsideItsRange(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	a, _ := newRefKey(t, keys, refA)
	for _, digits := range []int{-1, 0, 19} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d digits did not panic", digits)
				}
			}()
			a.Code("c", digits)
		}()
	}
}

// Every digit is as likely as every other on every place: chi-squared over 20,000 codes.
func TestCodeDistribution(t *testing.T) {
	t.Parallel()
	const n = 20_000
	keys, _ := newKeys(t)
	a, _ := newRefKey(t, keys, refA)
	var seen [6][10]int
	for i := range n {
		for place, digit := range a.Code(fmt.Sprint("challenge-", i), 6) {
			seen[place][digit-'0']++
		}
	}
	for place, counts := range seen {
		chi := 0.0
		for _, c := range counts {
			chi += math.Pow(float64(c)-n/10, 2) / (n / 10)
		}
		// 9 degrees of freedom: above 50 once in ten million runs.
		if chi > 50 {
			t.Errorf("place %d: chi-squared %.1f, counts %v", place, chi, counts)
		}
	}
}
