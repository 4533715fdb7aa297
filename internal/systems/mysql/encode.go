package mysql

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendJSON adds the value as JSON; nil is null.
func (x cell) appendJSON(to, v []byte) []byte {
	if v == nil {
		return append(to, "null"...)
	}
	switch x.form {
	case numberForm:
		return append(to, v...)
	case paddedForm:
		return append(to, unpadded(v)...)
	case singleForm:
		return appendSingle(to, v)
	case momentForm, stampForm:
		return x.appendMoment(to, v)
	case binaryForm:
		to = append(to, '"')
		to = base64.StdEncoding.AppendEncode(to, v)
		return append(to, '"')
	case jsonForm:
		if json.Valid(v) {
			return appendLine(to, v)
		}
	}
	return appendString(to, v)
}

// appendCSV adds the value as a field; nil is nothing, an empty text a pair of quotes.
func (x cell) appendCSV(to, v []byte) []byte {
	if v == nil {
		return to
	}
	switch x.form {
	case numberForm, paddedForm, plainForm, momentForm:
		return append(to, v...)
	case stampForm:
		return append(append(to, v...), "+00"...)
	case singleForm:
		return appendSingle(to, v)
	case binaryForm:
		v = base64.StdEncoding.AppendEncode(nil, v)
	}
	to = append(to, '"')
	if x.form != wordForm && formula(v) {
		to = append(to, '\'')
	}
	for {
		i := bytes.IndexByte(v, '"')
		if i < 0 {
			return append(append(to, v...), '"')
		}
		to = append(append(to, v[:i+1]...), '"')
		v = v[i+1:]
	}
}

// unpadded takes the zeros off the front of a number.
func unpadded(v []byte) []byte {
	for len(v) > 1 && v[0] == '0' && v[1] != '.' {
		v = v[1:]
	}
	return v
}

// appendSingle writes the shortest text that is this number of single precision.
func appendSingle(to, v []byte) []byte {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return appendString(to, v)
	}
	form := byte('f')
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(to, f, form, -1, 32)
}

// appendMoment writes a moment as RFC 3339 has it, with a zone where it has one.
func (x cell) appendMoment(to, v []byte) []byte {
	to = append(to, '"')
	start := len(to)
	to = append(to, v...)
	if i := bytes.IndexByte(to[start:], ' '); i >= 0 {
		to[start+i] = 'T'
	}
	if x.form == stampForm {
		to = append(to, "+00:00"...)
	}
	return append(to, '"')
}

// appendLine adds a JSON document on one line: a line break can only stand between its parts.
func appendLine(to, v []byte) []byte {
	start := len(to)
	to = append(to, v...)
	for i, c := range to[start:] {
		if c == '\n' || c == '\r' {
			to[start+i] = ' '
		}
	}
	return to
}

const hexDigits = "0123456789abcdef"

// appendString adds a JSON string.
func appendString(to, v []byte) []byte {
	if !utf8.Valid(v) {
		v = bytes.ToValidUTF8(v, []byte("\ufffd"))
	}
	to = append(to, '"')
	from := 0
	for i, c := range v {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, v[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, `\n`...)
		case '\r':
			to = append(to, `\r`...)
		case '\t':
			to = append(to, `\t`...)
		case '\b':
			to = append(to, `\b`...)
		case '\f':
			to = append(to, `\f`...)
		default:
			to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(to, v[from:]...), '"')
}

// formula reports whether a spreadsheet would take the text for one: it begins with = + - @,
// their full-width forms (East Asian spreadsheets take those too), tab, line feed or carriage
// return.
func formula(v []byte) bool {
	r, _ := utf8.DecodeRune(v)
	return len(v) > 0 && strings.ContainsRune("=+-@\t\n\r＝＋－＠", r)
}
