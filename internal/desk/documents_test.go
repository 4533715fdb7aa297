package desk

import (
	"strings"
	"testing"
)

func TestPlainFacts(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"1990-01-02", "1990-01-02T00:00:00Z", "1990/1/2", "1990年1月2日", "19900102", "１９９０.０１.０２", "1990-01-02 00:00:00"},
		{"Tower St. 7", "tower st 7", " TOWER  ST.7 ", "Ｔower Ｓt 7"},
		{"示例市示例路1号", "示例市 示例路 １号"},
		{"990101199001011234", "990101 19900101 1234"},
	} {
		for _, s := range same[1:] {
			if sameFact(same[0], s) != 1 {
				t.Errorf("%q and %q are told apart: %q, %q", same[0], s, plainFact(same[0]), plainFact(s))
			}
		}
	}
	for _, other := range [][2]string{{"1990-01-02", "1990-02-01"}, {"Tower St. 7", "Tower St. 17"}, {"a", ""}, {"1990-11-02", "1990-1-102"}} {
		if sameFact(other[0], other[1]) != 0 {
			t.Errorf("%q and %q are one", other[0], other[1])
		}
	}
}

// TestFileNames: nothing of a path, no control character, no sign that turns the direction.
func TestFileNames(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"id.pdf": "id.pdf", "../../x": "x", `C:\a\b`: "b", "/etc/passwd": "passwd", `a/b\c`: "c", "a\x00b": "ab", "": "document", "..": "document",
		" . ": "document", "\u202egpj.exe": "gpj.exe", "a\nb": "ab", "con:.txt": "con.txt", "身份证.jpg": "身份证.jpg", "\xff\xfe": "document",
		strings.Repeat("x", 5000): strings.Repeat("x", longestName), "/": "document",
	} {
		if got := fileName(raw); got != want {
			t.Errorf("%.40q is called %q, want %q", raw, got, want)
		}
	}
}

func TestDocumentTypes(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"%PDF-1.4": "pdf", "\xff\xd8\xff\xdb": "jpeg", "\x89PNG\r\n\x1a\nIHDR": "png", "\x00\x00\x00\x18ftypheic": "heic", "PK\x03\x04": "archive",
		"7z\xbc\xaf\x27\x1c": "archive", "Rar!\x1a\x07\x01": "archive", "\x1f\x8b\x08": "archive", "": "", "\x00\x00\x00\x18ftypmp42": "", "RIFF": "",
		"<svg>": "", "\xef\xbb\xbf<svg>": "", "\xff\xfe<\x00s\x00": "", "MZ": "", "\xff\xd8": "",
	} {
		if got := documentType([]byte(head)); got != want {
			t.Errorf("%q is %q, want %q", head, got, want)
		}
	}
}
