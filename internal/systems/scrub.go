package systems

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Removed stands where a known value stood.
const Removed = "[removed]"

// leastDigits and leastLetters are how short a known value may be: shorter ones are everybody's.
const (
	leastDigits  = 5
	leastLetters = 2
)

// Scrubber replaces a person's known values inside texts. Upper and lower case are the same, and
// so are full-width and plain forms. A number counts where no digit stands beside it, whatever
// separates its own digits; a word of an alphabet where no letter or digit of one does; a text
// with Chinese, Japanese or Korean characters everywhere.
type Scrubber struct {
	known []pattern // the longest first
}

type pattern struct {
	runes  []rune
	digits bool // nothing but digits count
	inside bool // as part of longer words too
}

// NewScrubber makes a scrubber of the values; those too short to tell a person are left out.
func NewScrubber(known []string) Scrubber {
	var s Scrubber
	for _, value := range known {
		s.add(value)
	}
	slices.SortStableFunc(s.known, func(a, b pattern) int { return len(b.runes) - len(a.runes) })
	return s
}

func (s *Scrubber) add(value string) {
	runes := foldAll(strings.TrimSpace(value))
	digits, others := 0, 0
	ideographs := false
	for _, r := range runes {
		switch {
		case isDigit(r):
			digits++
		case !separates(r) && r != '+':
			others++
		}
		ideographs = ideographs || ideograph(r)
	}
	switch {
	case others == 0 && digits >= leastDigits:
		number := slices.DeleteFunc(runes, func(r rune) bool { return !isDigit(r) })
		s.put(pattern{runes: number, digits: true})
		if mainland := strings.TrimPrefix(string(number), "86"); len(mainland) == 11 && len(number) == 13 {
			s.put(pattern{runes: []rune(mainland), digits: true})
			s.put(pattern{runes: []rune("0086" + mainland), digits: true})
		}
	case others > 0 && len(runes) >= leastLetters:
		s.put(pattern{runes: runes, inside: ideographs})
	}
}

func (s *Scrubber) put(p pattern) {
	if !slices.ContainsFunc(s.known, func(k pattern) bool { return k.digits == p.digits && slices.Equal(k.runes, p.runes) }) {
		s.known = append(s.known, p)
	}
}

// Text gives the text without the known values.
func (s Scrubber) Text(text string) string {
	if len(s.known) == 0 {
		return text
	}
	var out strings.Builder
	plain, ends := foldText(text)
	from := 0 // byte from which the text is not written yet
	for i := 0; i < len(plain); {
		n := s.at(plain, i)
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[from:start(ends, i)])
		out.WriteString(Removed)
		i += n
		from = ends[i-1]
	}
	if from == 0 {
		return text
	}
	out.WriteString(text[from:])
	return out.String()
}

func start(ends []int, i int) int {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// at gives how many characters a known value takes that begins at i; 0 when none does.
func (s Scrubber) at(text []rune, i int) int {
	for _, p := range s.known {
		if n := p.match(text, i); n > 0 {
			return n
		}
	}
	return 0
}

func (p pattern) match(text []rune, i int) int {
	at := i
	for n, r := range p.runes {
		if p.digits && n > 0 {
			for at < len(text) && separates(text[at]) && at-i < 3*len(p.runes) {
				at++
			}
		}
		if !p.digits && unicode.IsSpace(r) { // any blanks are as good as one
			before := at
			for at < len(text) && unicode.IsSpace(text[at]) {
				at++
			}
			if at == before {
				return 0
			}
			continue
		}
		if at >= len(text) || text[at] != r {
			return 0
		}
		at++
	}
	goesOn := func(r rune) bool { return !ideograph(r) && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_') }
	if p.digits {
		goesOn = isDigit
	}
	if !p.inside && ((i > 0 && goesOn(text[i-1])) || (at < len(text) && goesOn(text[at]))) {
		return 0
	}
	return at - i
}

// JSON gives the document without the known values: inside its texts, and where a number is one.
func (s Scrubber) JSON(document string) (string, error) {
	var tree any
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return "", err
	}
	clean, changed := s.tree(tree)
	if !changed {
		return document, nil
	}
	return encode(clean)
}

func encode(tree any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}

func (s Scrubber) tree(node any) (any, bool) {
	changed := false
	switch v := node.(type) {
	case string:
		clean := s.Text(v)
		return clean, clean != v
	case json.Number:
		if s.Text(v.String()) != v.String() {
			return Removed, true
		}
	case []any:
		for i := range v {
			var now bool
			v[i], now = s.tree(v[i])
			changed = changed || now
		}
	case map[string]any:
		for key, inner := range v {
			clean, now := s.tree(inner)
			changed = changed || now
			if name := s.Text(key); name != key {
				delete(v, key)
				key, changed = name, true
			}
			v[key] = clean
		}
	}
	return node, changed
}

// foldText is the text in plain forms and lower case, one rune for one, and where each ends.
func foldText(text string) (plain []rune, ends []int) {
	plain, ends = make([]rune, 0, len(text)), make([]int, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		plain, ends = append(plain, fold(r)), append(ends, i)
	}
	return plain, ends
}

func foldAll(text string) []rune {
	plain, _ := foldText(text)
	return plain
}

func fold(r rune) rune {
	switch {
	case r >= 0xff01 && r <= 0xff5e:
		r -= 0xfee0
	case r == 0x3000:
		r = ' '
	}
	return unicode.ToLower(r)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// separates reports whether the character may stand between the digits of one number.
func separates(r rune) bool {
	return r == ' ' || r == '-' || r == '.' || r == '(' || r == ')' || r == '\t' || r == 0xa0
}

func ideograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

// Without is the document without what refers to one of the keys: elements of a list, or the
// value at the end of the path, which becomes null.
func Without(document string, expr *datamap.Expr, keys map[string]bool) (string, error) {
	var tree any
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return "", err
	}
	return encode(without(tree, expr.JSONPath, expr.ArrayElement, keys))
}

func without(node any, path []string, list bool, keys map[string]bool) any {
	if len(path) > 0 {
		if object, ok := node.(map[string]any); ok {
			if inner, there := object[path[0]]; there {
				object[path[0]] = without(inner, path[1:], list, keys)
			}
		}
		return node
	}
	elements, ok := node.([]any)
	switch {
	case list && ok:
		return slices.DeleteFunc(elements, func(element any) bool { return keys[plainText(element)] })
	case !list && keys[plainText(node)]:
		return nil
	}
	return node
}

func plainText(node any) string {
	switch v := node.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return "\x00"
}
