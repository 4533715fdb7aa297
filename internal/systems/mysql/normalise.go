package mysql

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// sameSQL is the expression that makes two spellings of an identity equal, over the SQL text x in
// UTF-8. It says the same as the one of PostgreSQL; the kinds are those of the data map, and one
// of the company's own has a normaliser there. TRIM takes blanks alone.
//
// A mobile becomes its E.164 form: separators go, 00 is a plus, and what has no country code is
// Chinese. A number that is foreign by its plus is never taken for a Chinese one.
func (s *session) sameSQL(identity, x string) string {
	switch s.system.Normaliser(identity) {
	case datamap.IdentityEmail, datamap.NormaliserCasefold:
		x = "LOWER(TRIM(" + x + "))"
	case datamap.IdentityNationalID, datamap.IdentityEnterpriseCode:
		x = "UPPER(TRIM(" + x + "))"
	case datamap.NormaliserDigits:
		x = s.replaced(narrow(x, "０１２３４５６７８９"), "[^0-9]", "")
	case datamap.IdentityMobile:
		x = s.replaced(narrow(x, "０１２３４５６７８９＋"), "[^0-9+]", "")
		x = s.replaced(x, "^00", "+")
		x = s.replaced(x, "^86(1[0-9]{10})$", "+86<1>")
		x = s.replaced(x, "^([+]86)?0*([1-9])", "+86<2>")
	default:
		x = "TRIM(" + x + ")"
	}
	return x
}

// bytes makes a text be compared byte for byte, blanks at its end included.
func (s *session) bytes(x string) string { return x + " COLLATE " + s.nopad }

// narrow turns full-width digits, and the plus that follows them, into plain ones.
func narrow(x, wide string) string {
	for i, r := range []rune(wide) {
		x = "REPLACE(" + x + ", '" + string(r) + "', '" + "0123456789+"[i:i+1] + "')"
	}
	return x
}

// replaced is REGEXP_REPLACE; <n> in with is the nth group, which the two servers write differently.
func (s *session) replaced(x, pattern, with string) string {
	group := "$"
	if s.maria {
		group = `\\`
	}
	with = strings.NewReplacer("<", group, ">", "").Replace(with)
	return "REGEXP_REPLACE(" + x + ", '" + pattern + "', '" + with + "')"
}

// blind are collations that call equal whatever LOWER or UPPER make equal, but for the signs of
// ohm, kelvin and angstrom, the dotless i and the iota below; a test holds every letter against
// each.
var blind = []string{"general_ci", "unicode_ci", "unicode_520_ci"}

// sargable reports whether an index on the column can find an identity of the kind: whether what
// the normaliser calls equal is equal by the column's own collation too, blanks in front aside.
func (sh *shape) sargable(live column, identity string) bool {
	if live.class() != textClass || slices.Contains([]string{"enum", "set"}, live.Type) || live.Collation == nil {
		return false
	}
	charset, rules, _ := strings.Cut(*live.Collation, "_")
	if !slices.Contains([]string{"utf8mb4", "utf8mb3", "utf8"}, charset) || strings.Contains(rules, "nopad") || strings.Contains(rules, "0900") {
		return false
	}
	switch sh.c.System.Normaliser(identity) {
	case datamap.IdentityMobile, datamap.NormaliserDigits:
		return false
	case datamap.IdentityEmail, datamap.NormaliserCasefold, datamap.IdentityNationalID, datamap.IdentityEnterpriseCode:
		return slices.Contains(blind, rules)
	}
	return true
}

// near is the condition that finds by an index of the column what may be the value in the
// variable: equal by the column's own rules, or with a blank in front.
func near(live column, variable string) string {
	charset, _, _ := strings.Cut(*live.Collation, "_")
	return "(" + live.of() + " = TRIM(CONVERT(" + variable + " USING " + charset + ")) COLLATE " + *live.Collation + " OR " + live.of() + " LIKE ' %')"
}
