package postgres

import (
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// sameSQL is the expression that makes two spellings of an identity equal, over the SQL
// expression x. It is immutable, so that an index on it can serve the search; Check advises that
// index. The kinds are those of the data map; one of the company's own has a
// normaliser there.
//
// A mobile becomes its E.164 form: separators go, 00 is a plus, and what has no country code is
// Chinese. A number that is foreign by its plus is never taken for a Chinese one.
func (s *session) sameSQL(identity, x string) string {
	switch s.system.Normaliser(identity) {
	case "email", datamap.NormaliserCasefold:
		return "lower(btrim(" + x + "))"
	case "national_id", "enterprise_code":
		return "upper(btrim(" + x + "))"
	case datamap.NormaliserDigits:
		if s.utf8 {
			x = "translate(" + x + ", '０１２３４５６７８９', '0123456789')"
		}
		return "regexp_replace(" + x + ", '[^0-9]', '', 'g')"
	case "mobile":
		if s.utf8 {
			x = "translate(" + x + ", '０１２３４５６７８９＋', '0123456789+')"
		}
		x = "regexp_replace(" + x + ", '[^0-9+]', '', 'g')"
		x = "regexp_replace(" + x + ", '^00', '+')"
		x = `regexp_replace(` + x + `, '^86(1[0-9]{10})$', '+86\1')`
		return `regexp_replace(` + x + `, '^(\+86)?0*([1-9])', '+86\2')`
	}
	return "btrim(" + x + ")"
}

// literal quotes a text that is part of the program, never a value.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
