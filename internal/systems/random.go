package systems

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// dice gives bytes that depend on the row alone.
type dice struct {
	secret []byte
	row    string
	block  int
	left   []byte
}

func (d *dice) next(n int) int {
	if len(d.left) < 2 {
		d.block++
		d.left = Mac(d.secret, "random\x00"+strconv.Itoa(d.block)+"\x00"+d.row)
	}
	v := int(binary.BigEndian.Uint16(d.left))
	d.left = d.left[2:]
	return v % n
}

func (a Anonymiser) random(live Live, row, old string) (*string, error) {
	d := &dice{secret: a.secret, row: row}
	out := ""
	switch live.Class {
	case datamap.ClassUUID:
		digits := hex.EncodeToString(Mac(a.secret, "random\x00"+row))
		out = dashed(digits[:12] + "4" + digits[13:16] + "8" + digits[17:32])
	case datamap.ClassBoolean:
		out = []string{"false", "true"}[d.next(2)]
	case datamap.ClassNumber:
		out = d.number(old)
	case datamap.ClassTime:
		out = d.time(live, old)
	case datamap.ClassBinary:
		out = d.hexes(len(old))
	case datamap.ClassJSON:
		return d.document(old)
	case datamap.ClassOther:
		out = d.address(old)
	default:
		out = d.text(old)
	}
	return &out, nil
}

func (d *dice) hexes(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = "0123456789abcdef"[d.next(16)]
	}
	return string(out)
}

// text draws a character of the same kind for each.
func (d *dice) text(old string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case isDigit(r):
			return rune('0' + d.next(10))
		case r >= 'a' && r <= 'z':
			return rune('a' + d.next(26))
		case r >= 'A' && r <= 'Z':
			return rune('A' + d.next(26))
		case unicode.Is(unicode.Han, r):
			return rune(0x4e00 + d.next(20_000))
		case unicode.IsLetter(r):
			return rune('a' + d.next(26))
		}
		return r
	}, old)
}

// number draws the digits of a number of the same length that begins with 1, as every type that
// held the old one then holds it too.
func (d *dice) number(old string) string {
	mantissa, exponent, _ := strings.Cut(old, "e")
	whole, fraction, dot := strings.Cut(mantissa, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	digits := make([]byte, len(whole))
	for i := range digits {
		digits[i] = byte('0' + d.next(10))
	}
	switch {
	case strings.ContainsFunc(whole, func(r rune) bool { return !isDigit(r) }) || whole == "": // NaN, Infinity
		return "0"
	case len(digits) == 1:
		digits[0] = byte('1' + d.next(9))
	default:
		digits[0] = '1'
		if len(digits) == 3 {
			digits[1] = '0' // 109 is a tinyint
		}
	}
	out := sign + string(digits)
	if dot {
		part := make([]byte, len(fraction))
		for i := range part {
			part[i] = byte('1' + d.next(9)) // no zero at the end that would be lost
		}
		out += "." + string(part)
	}
	if exponent != "" {
		out += "e" + exponent
	}
	return out
}

// time draws a day within the same year, and a time of day where there was one.
func (d *dice) time(live Live, old string) string {
	day, month := 1+d.next(28), 1+d.next(12)
	clock := fmt.Sprintf("%02d:%02d:%02d", d.next(24), d.next(60), d.next(60))
	if len(old) >= 3 && old[2] == ':' {
		return clock
	}
	year := "2000"
	if len(old) >= 4 && !strings.ContainsFunc(old[:4], func(r rune) bool { return !isDigit(r) }) {
		year = old[:4]
	}
	if len(old) == 4 {
		return year
	}
	out := fmt.Sprintf("%s-%02d-%02d", year, month, day)
	if rest := midnight(live, old); rest != "" {
		out += strings.Replace(rest, "00:00:00", clock, 1)
	}
	return out
}

func (d *dice) address(old string) string {
	if strings.Contains(old, ":") {
		return fmt.Sprintf("2001:db8:%x:%x::%x", d.next(65536), d.next(65536), 1+d.next(65535))
	}
	return fmt.Sprintf("10.%d.%d.%d", d.next(256), d.next(256), 1+d.next(254))
}

// document draws every text and number inside a document; its keys stay.
func (d *dice) document(old string) (*string, error) {
	var tree any
	decoder := json.NewDecoder(strings.NewReader(old))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	out, err := encode(d.tree(tree))
	return &out, err
}

func (d *dice) tree(node any) any {
	switch v := node.(type) {
	case string:
		return d.text(v)
	case json.Number:
		return json.Number(d.number(v.String()))
	case bool:
		return d.next(2) == 1
	case []any:
		for i := range v {
			v[i] = d.tree(v[i])
		}
	case map[string]any:
		for _, key := range sorted(v) {
			v[key] = d.tree(v[key])
		}
	}
	return node
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
