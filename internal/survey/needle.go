package survey

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/unicode/norm"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Bounds of a value that is hunted for: shorter ones stand everywhere, longer ones nowhere.
const (
	shortestNeedle = 2   // characters
	longestNeedle  = 512 // bytes
	packedDigits   = 6   // from how many digits on separators are overlooked
)

// needleOf gives the forms in which a value may stand somewhere: as it is, normalised, without
// country code and separators, escaped as in JSON, and in the encodings of binary columns.
// The error never holds the value.
func needleOf(value string) (systems.Needle, error) {
	value = strings.TrimSpace(value)
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return systems.Needle{}, fault.New(contract.ErrBadInput, "the value must be one line of UTF-8 text", nil)
	case utf8.RuneCountInString(value) < shortestNeedle || len(value) > longestNeedle:
		return systems.Needle{}, fault.Newf(contract.ErrBadInput, "the value must have %d characters at least and %d bytes at most", shortestNeedle, longestNeedle)
	}
	var n systems.Needle
	add := func(texts ...string) {
		for _, text := range texts {
			if text != "" && !slices.Contains(n.Texts, text) {
				n.Texts = append(n.Texts, text)
			}
		}
	}
	add(value, norm.NFKC.String(value), norm.NFC.String(value), norm.NFD.String(value))
	for _, kind := range []string{datamap.IdentityEmail, datamap.IdentityNationalID} {
		if form, err := datamap.Normalise(kind, value); err == nil {
			add(form)
		}
	}
	if packed := pack(value); packed != "" {
		if form, err := datamap.Normalise(datamap.IdentityMobile, value); err == nil {
			packed = strings.TrimPrefix(strings.TrimPrefix(form, "+"), "86")
			add(form)
		}
		n.Packed = packed
		add(packed)
		if strings.Trim(packed, "0123456789") == "" {
			n.Number = packed
		}
	}
	for _, text := range slices.Clone(n.Texts) {
		n.Bytes = append(n.Bytes, binaryForms(text)...)
		add(escaped(text, false), escaped(text, true))
	}
	return n, nil
}

// pack takes the separators out of a number; "" when it is none.
func pack(value string) string {
	packed := strings.Map(func(r rune) rune {
		if strings.ContainsRune(systems.Separators, r) {
			return -1
		}
		return r
	}, norm.NFKC.String(value))
	packed = strings.TrimPrefix(packed, "+")
	body := strings.TrimRight(packed, "Xx")
	if len(body) < packedDigits || len(packed)-len(body) > 1 || strings.Trim(body, "0123456789") != "" {
		return ""
	}
	return packed
}

// escaped is the text as it stands inside a JSON string: with its letters, or with \u for those
// outside ASCII.
func escaped(text string, ascii bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case ascii && r >= utf8.RuneSelf:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// binaryForms are the bytes of a text in the encodings that files and old programs use, in the
// capitals in which an address is most often written.
func binaryForms(text string) [][]byte {
	var forms [][]byte
	add := func(form []byte) {
		same := func(b []byte) bool { return string(b) == string(form) }
		if len(form) > 0 && !slices.ContainsFunc(forms, same) {
			forms = append(forms, form)
		}
	}
	for _, spelling := range []string{text, strings.ToLower(text), strings.ToUpper(text)} {
		add([]byte(spelling))
		var little, big []byte
		for _, unit := range utf16.Encode([]rune(spelling)) {
			little = append(little, byte(unit), byte(unit>>8))
			big = append(big, byte(unit>>8), byte(unit))
		}
		add(little)
		add(big)
		if chinese, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(spelling)); err == nil {
			add(chinese)
		}
	}
	return forms
}
