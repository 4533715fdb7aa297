package systems

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// span is where in a document the value at a path stands; nothing where there is no such path, or a list
// or an object stands at its end.
type span struct {
	from, to int64
	token    json.Token
	there    bool
}

// find looks a path of object keys up in a document, token by token, so that nothing else of it is read
// into another form. Of a key that stands twice the last one counts, as for the engines.
func find(document string, path []string) (span, error) {
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	var out span
	err := walkValue(decoder, document, path, &out)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the document")
		}
	}
	return out, err
}

// walkValue reads one value. path is what is still to go; nil: the value is passed over.
func walkValue(d *json.Decoder, document string, path []string, out *span) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	opened, container := token.(json.Delim)
	if path != nil && len(path) == 0 {
		*out = span{}
		if !container {
			to := d.InputOffset()
			*out = span{from: startOf(document, to, token), to: to, token: token, there: token != nil}
		}
	}
	if !container {
		return nil
	}
	for d.More() {
		var inner []string
		if opened == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if len(path) > 0 && key == path[0] {
				inner = path[1:]
				if inner == nil {
					inner = []string{}
				}
			}
		}
		if err := walkValue(d, document, inner, out); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// startOf is where a scalar that ends at to begins.
func startOf(document string, to int64, token json.Token) int64 {
	switch v := token.(type) {
	case json.Number:
		return to - int64(len(v.String()))
	case bool:
		return to - int64(len(fmt.Sprint(v)))
	case nil:
		return to - int64(len("null"))
	}
	// A text: back to the quote that opens it. An escaped quote has an odd number of backslashes before it.
	for i := to - 2; i >= 0; i-- {
		if document[i] != '"' {
			continue
		}
		slashes := int64(0)
		for i-slashes-1 >= 0 && document[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return to
}

// atPath is the text of the scalar at the path; nil where there is none, or null.
func atPath(document string, path []string) (*string, error) {
	at, err := find(document, path)
	if err != nil || !at.there {
		return nil, err
	}
	text := fmt.Sprint(at.token)
	return &text, nil
}

// setPath puts a text in place of the scalar at the path, and leaves everything else as it is written. A
// number stays one where the text is one. Without such a path nothing changes.
func setPath(document string, path []string, value string) (string, error) {
	at, err := find(document, path)
	if err != nil || !at.there {
		return document, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	written := strings.TrimSuffix(out.String(), "\n")
	if _, number := at.token.(json.Number); number && json.Valid([]byte(value)) && strings.Trim(value, "0123456789") == "" {
		written = value
	}
	return document[:at.from] + written + document[at.to:], nil
}
