package datamap

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// shaped are the identities that a value shows by its shape alone.
var shaped = []string{IdentityEmail, IdentityMobile, IdentityNationalID}

var looks = map[string]*regexp.Regexp{
	IdentityEmail:      regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`),
	IdentityMobile:     regexp.MustCompile(`(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}`),
	IdentityNationalID: regexp.MustCompile(`\d{17}[\dXx]`),
}

// ShapeOf says as what kind of identity the whole value is shaped: an e-mail address, a mobile of
// mainland China or a citizen's ID number with its check digit; "" when it is none of them.
func ShapeOf(value string) string {
	for _, kind := range shaped {
		if shapedLike(kind, value) {
			return kind
		}
	}
	return ""
}

// shapedLike is stricter than a normaliser: a mobile is one of mainland China, and an ID number
// holds a day, as one in eleven numbers of 18 digits has the right check digit by chance.
func shapedLike(kind, value string) bool {
	form, err := Normalise(kind, value)
	switch {
	case err != nil:
		return false
	case kind == IdentityMobile:
		return mainlandMobile(form)
	case kind == IdentityNationalID:
		born, err := time.Parse("20060102", form[6:14])
		return err == nil && born.Year() >= 1850 && born.Year() < 2150
	}
	return true
}

// ShapesIn lists the kinds of identity that stand anywhere in a text, each once: an e-mail in a
// remark, a mobile in a JSON value. Digits inside longer runs of letters and digits are none.
func ShapesIn(text string) []string {
	var found []string
	for _, kind := range shaped {
		for _, at := range looks[kind].FindAllStringIndex(text, -1) {
			if inside(text, at) {
				continue
			}
			if shapedLike(kind, strings.Trim(text[at[0]:at[1]], ".-'")) {
				found = append(found, kind)
				break
			}
		}
	}
	return found
}

// inside reports whether letters or digits go on before or behind.
func inside(text string, at []int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
	after, _ := utf8.DecodeRuneInString(text[at[1]:])
	goesOn := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	return goesOn(before) || goesOn(after)
}

// holds lists the families of categories in which a value of the kind is no surprise. A family is
// compared part by part: user.contact is one of user.contact.email, not of user.contacts.
var holds = map[string][]string{
	IdentityEmail:      {"user.contact", "user.account", "user.unique_id", "user.content", "user.authorization", "pd:EmailAddress", "pd:EmailAddressPersonal", "pd:EmailAddressWork", "pd:Contact", "pd:Username", "pd:AccountIdentifier", "pd:EmailContent", "pd:Communication"},
	IdentityMobile:     {"user.contact", "user.account", "user.content", "user.authorization", "pd:TelephoneNumber", "pd:Contact", "pd:Username", "pd:AccountIdentifier", "pd:Communication"},
	IdentityNationalID: {"user.government_id", "user.content", "user.authorization", "pd:OfficialID", "pd:Identifying", "pd:Passport", "pd:Communication"},
}

// Expects reports whether a column of this category may hold values of the identity: whether the
// map says so already. A column that is ignored ("") expects none.
func Expects(category, identity string) bool {
	return slices.ContainsFunc(holds[identity], func(family string) bool {
		return category == family || strings.HasPrefix(category, family+".")
	})
}
