package datamap

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// homeRegion is where a telephone number without a country code is at home.
const homeRegion = "CN"

// maxIdentity bounds what is looked at: no identity is longer, and the text comes from strangers.
const maxIdentity = 512 // bytes

// normalisers turn one kind of identity into the one form in which it is compared; "" when the
// text is none of that kind.
var normalisers = map[string]func(string) string{
	IdentityEmail:          normaliseEmail,
	IdentityMobile:         normaliseMobile,
	IdentityNationalID:     normaliseNationalID,
	IdentityAccount:        normaliseAccount,
	IdentityEnterpriseCode: normaliseEnterpriseCode,
}

// malformed says what is wrong, without the value: people paste these texts into tickets.
var malformed = map[string]string{
	IdentityEmail:          "the e-mail address is malformed; it looks like name@company.example",
	IdentityMobile:         "the mobile number is malformed; a mainland number has 11 digits, any other begins with + and its country code",
	IdentityNationalID:     "the ID number is malformed; it has 17 digits and a check digit that must fit them",
	IdentityAccount:        "the account name is malformed; it is empty, too long or holds control characters",
	IdentityEnterpriseCode: "the unified social credit code is malformed; it has 18 characters, of which the last must fit the others",
}

// Normalise gives value in the one form in which identities of this kind are compared:
//
//	email            trimmed, NFKC, lower case as a whole; the domain stays as it is written
//	mobile           E.164; a number without a country code is taken for one of mainland China
//	national_id      18 characters (GB 11643), without spaces, a final x in upper case
//	account          trimmed, NFKC; upper and lower case stay different
//	enterprise_code  18 characters in upper case (GB 32100)
//
// Normalising twice is the same as once. The error is a contract.ErrBadInput whose text never
// holds the value.
func Normalise(identity, value string) (string, error) {
	normalise, ok := normalisers[identity]
	if !ok {
		err := fault.Newf(contract.ErrBadInput, "unknown kind of identity %s; it is one of %s", quoted(identity), listed(identities))
		if hint := nearest(identity, identities); hint != "" {
			_ = err.WithHint("did you mean " + hint + "?")
		}
		return "", err
	}
	// A form that is still changing is none: the same person would be looked up under two.
	if utf8.ValidString(value) && len(value) <= maxIdentity {
		if once := normalise(value); once != "" && normalise(once) == once {
			return once, nil
		}
	}
	return "", fault.New(contract.ErrBadInput, malformed[identity], nil)
}

// compact brings full-width letters and digits to plain ones (NFKC) and trims.
func compact(s string) string {
	return strings.TrimFunc(norm.NFKC.String(s), func(r rune) bool {
		return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b'
	})
}

func normaliseEmail(s string) string {
	s = norm.NFKC.String(strings.ToLower(compact(s)))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(s) > 254 || strings.ContainsFunc(s, unfitForMail) {
		return ""
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return ""
	}
	for _, label := range labels {
		if label == "" || len(label) > 63*4 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, unfitForDomain) {
			return ""
		}
	}
	return s
}

// unfitForMail finds what an address without quotes never holds (RFC 5321, RFC 6531).
func unfitForMail(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`()<>[]:;,\"`, r)
}

func unfitForDomain(r rune) bool {
	return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

func normaliseMobile(s string) string {
	s = compact(s)
	if plus := strings.IndexByte(s, '+'); plus > 0 && strings.Trim(s[:plus], "( ") != "" ||
		strings.Count(s, "+") > 1 || strings.ContainsFunc(s, unfitForPhone) {
		return ""
	}
	number, err := phonenumbers.Parse(s, homeRegion)
	if err != nil || number.GetExtension() != "" {
		return ""
	}
	out := phonenumbers.Format(number, phonenumbers.E164)
	if mainlandMobile(out) {
		return out
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return out
	}
	return ""
}

// unfitForPhone finds letters among others: the library would read 1-800-FLOWERS as digits.
func unfitForPhone(r rune) bool {
	return (r < '0' || r > '9') && !strings.ContainsRune("+ -.()\u2010\u2013", r)
}

// mainlandMobile goes by the shape of the numbering plan, as new blocks are handed out before the
// library hears of them, and nobody may be turned away for having one.
func mainlandMobile(e164 string) bool {
	return len(e164) == len("+8613800000000") && strings.HasPrefix(e164, "+861") && e164[4] >= '3'
}

func normaliseAccount(s string) string {
	s = compact(s)
	if len(s) > 256 || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}
