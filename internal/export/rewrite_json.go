package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// member is one column of a row as JSON has it. Value is raw: numbers keep their digits.
type member struct {
	Key    string
	Value  json.RawMessage
	rawKey []byte // with its quotes
}

// eachRow reads a JSON array of objects and calls row with the members of each, in their order.
// Slice and values are used again for the next row. row returns false to stop early.
func eachRow(r io.Reader, row func([]member) (bool, error)) (rows int64, err error) {
	all := json.NewDecoder(r)
	if err := want(all, json.Delim('[')); err != nil {
		return 0, err
	}
	var members []member
	var raw json.RawMessage
	for all.More() {
		if err := all.Decode(&raw); err != nil {
			return rows, rowError(err)
		}
		if members, err = split(raw, members[:0]); err != nil {
			return rows, err
		}
		rows++
		goOn, err := row(members)
		if err != nil || !goOn {
			return rows, err
		}
	}
	if err := want(all, json.Delim(']')); err != nil {
		return rows, err
	}
	if _, err := all.Token(); err != io.EOF {
		return rows, rowError(err)
	}
	return rows, nil
}

// split takes an object apart that is known to be valid JSON, without copying it.
func split(object []byte, into []member) ([]member, error) {
	i := space(object, 0)
	if object[i] != '{' {
		return nil, rowError(nil)
	}
	for i = space(object, i+1); object[i] != '}'; i = space(object, i) {
		if object[i] == ',' {
			i = space(object, i+1)
		}
		end := skip(object, i)
		m := member{rawKey: object[i:end]}
		if n := len(into); n < cap(into) && bytes.Equal(into[:n+1][n].rawKey, m.rawKey) {
			m = into[:n+1][n] // the row before had the same column here; rawKey is its own copy
		} else if err := json.Unmarshal(m.rawKey, &m.Key); err != nil {
			return nil, rowError(err)
		} else {
			m.rawKey = bytes.Clone(m.rawKey) // the row's memory is used again
		}
		i = space(object, space(object, end)+1) // behind the colon
		end = skip(object, i)
		m.Value = object[i:end]
		into = append(into, m)
		i = end
	}
	return into, nil
}

// space is the first place from i on that is no white space.
func space(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skip is the place behind the value that begins at i.
func skip(b []byte, i int) int {
	for depth := 0; ; i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // of the object around a number or a word
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
}

func want(d *json.Decoder, delim json.Delim) error {
	if got, err := d.Token(); err != nil || got != delim {
		return rowError(err)
	}
	return nil
}

// rowError keeps what is classified already; the text of a JSON error may quote a value.
func rowError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return inflateError(err)
}

// rewriteJSON writes the array anew, one object a line, with the edits applied to every row.
func rewriteJSON(r io.Reader, w io.Writer, edits map[string]edit) (rows int64, err error) {
	out := bufio.NewWriterSize(w, blockSize)
	_, _ = out.WriteString("[\n") // bufio keeps the first error until Flush
	rows, err = eachRow(r, func(row []member) (bool, error) {
		if rows++; rows > 1 {
			_, _ = out.WriteString(",\n")
		}
		return true, writeRow(out, row, edits)
	})
	if err != nil {
		return rows, err
	}
	if rows > 0 {
		_ = out.WriteByte('\n')
	}
	_, _ = out.WriteString("]\n")
	if err := out.Flush(); err != nil {
		return rows, fmt.Errorf("writing rows: %w", err)
	}
	return rows, nil
}

func writeRow(out *bufio.Writer, row []member, edits map[string]edit) error {
	_ = out.WriteByte('{')
	first := true
	for _, m := range row {
		change, ok := edits[m.Key]
		if change.drop {
			continue
		}
		value := []byte(m.Value)
		if ok {
			var err error
			if value, err = maskValue(value, change.mask); err != nil {
				return err
			}
		} else if bytes.ContainsAny(value, "\n\r") { // PostgreSQL keeps the lines of its json type
			var line bytes.Buffer
			if err := json.Compact(&line, value); err != nil {
				return rowError(err)
			}
			value = line.Bytes()
		}
		if !first {
			_ = out.WriteByte(',')
		}
		first = false
		_, _ = out.Write(m.rawKey)
		_ = out.WriteByte(':')
		if _, err := out.Write(value); err != nil {
			return fmt.Errorf("writing rows: %w", err)
		}
	}
	return out.WriteByte('}')
}

// maskValue masks one value; what is not text becomes text, null stays null.
func maskValue(raw []byte, mask func(string) string) ([]byte, error) {
	if string(raw) == "null" {
		return raw, nil
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fault.New(contract.ErrTampered, "a part cannot be read as rows", nil)
		}
	}
	return marshal(mask(text))
}

// marshal is json.Marshal of a text that leaves < > & as they are.
func marshal(text string) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return nil, fmt.Errorf("writing a value: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
