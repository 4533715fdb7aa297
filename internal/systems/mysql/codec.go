package mysql

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// codec is how a key travels to a column: as canonical text in a JSON list, as a typed column of
// JSON_TABLE, and in a comparison. The server would take 'x' for 0 and cut a number to fit, so
// a key is brought into form here and refused when it has none.
type codec struct {
	// value is the canonical text of a key. ok is false when it cannot be of the type; never is
	// true when it can, but no value of this column is equal to it.
	value func(key string) (text string, ok, never bool)
	// table is the column of JSON_TABLE; %d is the length of the longest key in characters.
	table string
	// cast makes the typed value of a variable.
	cast func(variable string) string
	// exact compares a key with the column, so that a set of keys can be looked into; seek the
	// same, or more, so that an index of the column can be.
	exact, seek func(key string) string
}

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$`)

// codec is that of the column.
func (s *session) codec(c column) codec {
	t := c.of()
	same := func(key string) string { return key + " = " + t }
	out := codec{exact: same, seek: same}
	switch c.class() {
	case numberClass, bitClass:
		if c.Type == "decimal" {
			scale := 0
			if c.Scale != nil {
				scale = *c.Scale
			}
			kind := "DECIMAL(65," + strconv.Itoa(scale) + ")"
			out.value, out.table = decimalKey(scale), kind
			out.cast = func(v string) string { return "CAST(" + v + " AS " + kind + ")" }
			return out
		}
		out.value, out.table = integerKey, "BIGINT"
		out.cast = func(v string) string { return "CAST(" + v + " AS SIGNED)" }
		if c.unsigned() {
			out.value, out.table = naturalKey, "BIGINT UNSIGNED"
			out.cast = func(v string) string { return "CAST(" + v + " AS UNSIGNED)" }
		}
		if c.Type == "bit" {
			out.exact = func(key string) string { return key + " = " + t + " + 0" }
		}
	case dateClass, momentClass, stampClass:
		out.value, out.table = momentKey, "DATETIME(6)"
		out.cast = func(v string) string { return "CAST(" + v + " AS DATETIME(6))" }
	case binaryClass:
		s.asText(&out, "HEX("+t+")")
		out.value = binaryKey
		out.seek = func(key string) string { return t + " = UNHEX(" + key + ")" }
	case wordClass:
		s.asText(&out, c.text())
		out.value = wordKey(c.Type)
		out.seek = func(key string) string { return t + " = " + key }
	case timeClass:
		s.asText(&out, "CAST(CAST("+t+" AS TIME(6)) AS CHAR CHARACTER SET utf8mb4)")
		out.value = timeKey
		out.seek = out.exact
	default:
		s.asText(&out, c.text())
		if c.class() == textClass && c.Collation != nil && c.Charset != nil {
			collation, charset := *c.Collation, *c.Charset
			out.seek = func(key string) string {
				return t + " = CONVERT(" + key + " USING " + charset + ") COLLATE " + collation
			}
		}
	}
	return out
}

// asText compares a text over the column byte for byte.
func (s *session) asText(out *codec, x string) {
	out.value = func(key string) (string, bool, bool) { return key, true, false }
	out.table = "VARCHAR(%d) CHARACTER SET utf8mb4 COLLATE " + s.nopad
	out.cast = func(v string) string { return s.bytes("CONVERT(" + v + " USING utf8mb4)") }
	out.exact = func(key string) string { return key + " = " + s.bytes(x) }
	out.seek = out.exact
}

func integerKey(key string) (string, bool, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(key), 10, 64)
	return strconv.FormatInt(n, 10), err == nil, false
}

func naturalKey(key string) (string, bool, bool) {
	key = strings.TrimSpace(key)
	if n, err := strconv.ParseInt(key, 10, 64); err == nil && n < 0 {
		return "0", true, true
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(key, "+"), 10, 64)
	return strconv.FormatUint(n, 10), err == nil, false
}

// decimalKey takes a number that is not rounded by the column's scale.
func decimalKey(scale int) func(string) (string, bool, bool) {
	return func(key string) (string, bool, bool) {
		key = strings.TrimPrefix(strings.TrimSpace(key), "+")
		if !decimal.MatchString(key) {
			return "", false, false
		}
		whole, rest, _ := strings.Cut(key, ".")
		rest = strings.TrimRight(rest, "0")
		sign := ""
		if strings.HasPrefix(whole, "-") {
			sign, whole = "-", whole[1:]
		}
		whole = strings.TrimLeft(whole, "0")
		if whole == "" {
			whole = "0"
		}
		if rest != "" {
			rest = "." + rest
		}
		return sign + whole + rest, true, len(rest) > scale+1 || len(whole) > 65-scale
	}
}

// momentLayouts are the forms in which other databases write a day or a moment.
var momentLayouts = []string{
	time.DateOnly, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", time.RFC3339,
}

func momentKey(key string) (string, bool, bool) {
	key = strings.TrimSpace(key)
	for _, layout := range momentLayouts {
		if at, err := time.Parse(layout, key); err == nil {
			at = at.UTC()
			return at.Format("2006-01-02 15:04:05.000000"), true, at.Nanosecond()%1000 != 0
		}
	}
	return "", false, false
}

var clock = regexp.MustCompile(`^(-?[0-9]{2,3}:[0-5][0-9]:[0-5][0-9])(\.[0-9]{1,6})?$`)

func timeKey(key string) (string, bool, bool) {
	parts := clock.FindStringSubmatch(strings.TrimSpace(key))
	if parts == nil {
		return "", false, false
	}
	fraction := parts[2]
	if fraction == "" {
		fraction = "."
	}
	return parts[1] + fraction + strings.Repeat("0", 7-len(fraction)), true, false
}

var hexadecimal = regexp.MustCompile(`^\\x([0-9a-fA-F]{2})*$`)

func binaryKey(key string) (string, bool, bool) {
	if !hexadecimal.MatchString(key) {
		return "", false, false
	}
	return strings.ToUpper(key[2:]), true, false
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$`)

func wordKey(kind string) func(string) (string, bool, bool) {
	return func(key string) (string, bool, bool) {
		key = strings.ToLower(strings.TrimSpace(key))
		if kind == "uuid" {
			if !uuid.MatchString(key) {
				return "", false, false
			}
			key = strings.ReplaceAll(key, "-", "")
			return key[:8] + "-" + key[8:12] + "-" + key[12:16] + "-" + key[16:20] + "-" + key[20:], true, false
		}
		addr, err := netip.ParseAddr(key)
		if err != nil || addr.Zone() != "" {
			return "", false, false
		}
		if kind == "inet6" && addr.Is4() {
			addr = netip.AddrFrom16(addr.As16())
		}
		return addr.String(), true, kind == "inet4" && !addr.Is4()
	}
}
