package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// private looks for the values in Temporal's store and in every log, in the forms in which they might stand
// there. What the logs certainly hold must be found, or the search finds nothing.
func (a *auditor) private(context.Context) error {
	control := map[string]bool{}
	for _, place := range a.h.Logs {
		err := filepath.WalkDir(place, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("reading a log: %w", err)
			}
			a.report.Counts["bytes of logs and of Temporal's store"] += len(raw)
			for _, word := range a.h.Control {
				control[word] = control[word] || bytes.Contains(raw, []byte(word))
			}
			for name, value := range a.h.Values {
				if form := standsIn(raw, value); form != "" {
					a.broken(Private, "", "%s holds the %s (%s)", filepath.Base(path), name, form)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	a.report.Counts["values that stand nowhere"] = len(a.h.Values)
	for _, word := range a.h.Control {
		if !control[word] {
			a.broken(Private, "", "the search does not find %q, which certainly stands there: it finds nothing", word)
		}
	}
	return nil
}

// standsIn names the form in which a value stands in some bytes; "" is not at all.
func standsIn(raw []byte, value string) string {
	if len(value) < 6 {
		return "" // too short to be sure that it is what was meant
	}
	for form, needles := range forms(value) {
		for _, needle := range needles {
			if bytes.Contains(raw, needle) {
				return form
			}
		}
	}
	return ""
}

func forms(value string) map[string][][]byte {
	f := map[string][][]byte{
		"as it is": {[]byte(value), []byte(strings.ToUpper(value))},
		"hex":      {[]byte(hex.EncodeToString([]byte(value)))},
	}
	var escaped strings.Builder
	for _, unit := range utf16.Encode([]rune(value)) {
		if unit < 0x80 {
			escaped.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&escaped, `\u%04x`, unit)
		}
	}
	if escaped.String() != value {
		f["JSON"] = [][]byte{[]byte(escaped.String())}
	}
	for before := range 3 { // the value may begin at any of three places in a group
		whole := base64.StdEncoding.EncodeToString(append(make([]byte, before), value...))
		f["base64"] = append(f["base64"], []byte(whole[(before*8+5)/6:(before+len(value))*8/6]))
	}
	return f
}
