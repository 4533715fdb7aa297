package datamap

import (
	"strings"
	"unicode"
)

// normaliseNationalID reads a citizen identification number (GB 11643-1999). Only the check digit
// is checked: area codes come and go, and a wrong one is no reason to turn a person away.
func normaliseNationalID(s string) string {
	s = strings.ToUpper(withoutSpaces(compact(s)))
	if len(s) != 18 || !digits(s[:17]) || s[17] != NationalIDCheck(s[:17]) {
		return ""
	}
	return s
}

// NationalIDCheck is the check character of GB 11643-1999 (ISO 7064, MOD 11-2) for 17 digits;
// 0 when they are not 17 digits.
func NationalIDCheck(body string) byte {
	if len(body) != 17 || !digits(body) {
		return 0
	}
	sum, weight := 0, 1
	for i := len(body) - 1; i >= 0; i-- {
		weight = weight * 2 % 11
		sum += int(body[i]-'0') * weight
	}
	return "10X98765432"[sum%11]
}

// creditAlphabet are the characters of GB 32100-2015 in the order of their values: no I, O, S, V, Z.
const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// normaliseEnterpriseCode reads a unified social credit code (GB 32100-2015).
func normaliseEnterpriseCode(s string) string {
	s = strings.ToUpper(withoutSpaces(compact(s)))
	if len(s) != 18 || !digits(s[2:8]) || s[17] != EnterpriseCodeCheck(s[:17]) {
		return ""
	}
	return s
}

// EnterpriseCodeCheck is the check character of GB 32100-2015 for the first 17 characters; 0 when
// they are not 17 of its alphabet.
func EnterpriseCodeCheck(body string) byte {
	if len(body) != 17 {
		return 0
	}
	sum, weight := 0, 1
	for i := range len(body) {
		value := strings.IndexByte(creditAlphabet, body[i])
		if value < 0 {
			return 0
		}
		sum += value * weight
		weight = weight * 3 % 31
	}
	return creditAlphabet[(31-sum%31)%31]
}

func withoutSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
