package example

import (
	"strconv"
	"time"
)

// MobilePrefix starts every mobile number made here. A valid mobile number in China may start so,
// but the tables of libphonenumber know no carrier and no town for it.
const MobilePrefix = "1629"

// mobileRoom is how many numbers the block holds; its parts are kept for one use each, so that two
// people never share a number by chance.
const (
	mobileRoom     = 10_000_000
	mobileContacts = MaxPeople // two for every account holder follow
	mobileCast     = 9_000_000 // fixed numbers of the cast
	mobileOthers   = 9_500_000 // people who are only spoken of
	mobileStride   = 7_654_321 // has no factor in common with mobileRoom: every index its own number
)

// mobile is the n-th number of the block, scattered over it.
func mobile(n int) string {
	digits := strconv.Itoa((n*mobileStride + 2_718_281) % mobileRoom)
	return MobilePrefix + "0000000"[len(digits):] + digits
}

// idNumber is a resident identity number (GB 11643): area, birthday, order, check character. The
// area 99xxxx is no administrative division.
func idNumber(area int, born time.Time, order int) string {
	b := make([]byte, 0, 18)
	b = strconv.AppendInt(b, int64(990000+area%10000), 10)
	b = born.AppendFormat(b, "20060102")
	b = append(b, byte('0'+order/100%10), byte('0'+order/10%10), byte('0'+order%10))
	return string(append(b, idCheck(b)))
}

// idCheck is the check character over 17 digits: ISO 7064 MOD 11-2.
func idCheck(digits []byte) byte {
	sum := 0
	for i, c := range digits {
		weight := 1
		for range 17 - i {
			weight = weight * 2 % 11
		}
		sum += int(c-'0') * weight
	}
	return "10X98765432"[sum%11]
}

// The alphabet of GB 32100: digits and letters without I, O, S, V, Z.
const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// creditCode is a unified social credit code (GB 32100) of an enterprise registered in area 99xxxx,
// around an organisation code (GB 11714); both check characters are right.
func creditCode(area, organisation int) string {
	b := make([]byte, 0, 18)
	b = append(b, "91"...)
	b = strconv.AppendInt(b, int64(990000+area%10000), 10)
	org := strconv.Itoa(organisation % 100_000_000)
	b = append(b, "00000000"[len(org):]...)
	b = append(b, org...)
	b = append(b, organisationCheck(b[8:16]))
	sum, weight := 0, 1
	for _, c := range b {
		sum += creditValue(c) * weight
		weight = weight * 3 % 31
	}
	return string(append(b, creditAlphabet[(31-sum%31)%31]))
}

func creditValue(c byte) int {
	for i := range len(creditAlphabet) {
		if creditAlphabet[i] == c {
			return i
		}
	}
	return 0
}

// organisationCheck is the check character of GB 11714 over 8 digits.
func organisationCheck(digits []byte) byte {
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * weights[i]
	}
	return "0X987654321"[sum%11]
}
