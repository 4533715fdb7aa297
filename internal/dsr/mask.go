package dsr

import (
	"strings"
	"unicode/utf8"
)

// Mask hides most of a value, so that staff can tell two apart without reading either: the first
// rune of a name, the first rune and the domain of an e-mail, the last four digits of a number.
func Mask(kind, value string) string {
	switch kind {
	case "email":
		local, domain, ok := strings.Cut(value, "@")
		if !ok {
			return "***"
		}
		return first(local) + "***@" + domain
	case "mobile", "national_id", "enterprise_code", "bank_account":
		if utf8.RuneCountInString(value) < 8 {
			return "***"
		}
		return "***" + value[len(value)-4:]
	case "":
		return "***"
	}
	return first(value) + "***"
}

func first(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return ""
	}
	return string(r)
}
