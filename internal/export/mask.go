package export

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Hidden stands in place of what a reviewer had hidden.
const Hidden = "***"

// maskFor is what the reviewer's "mask" does to a value of that category. A name keeps its first
// character. Text that people write (user.content and the like) keeps its words and loses what
// looks like an address or a number of somebody: a name in a sentence stays, and who wants that
// gone drops the column. Everything else is hidden whole.
func maskFor(category string) func(string) string {
	segments := strings.Split(category, ".")
	switch last := segments[len(segments)-1]; {
	case last == "name" || strings.HasSuffix(last, "_name"):
		return maskName
	case isText(segments):
		return maskRuns
	}
	return func(value string) string {
		if value == "" {
			return ""
		}
		return Hidden
	}
}

// isText: categories of what people write. One that is not known here is hidden whole, which is
// the safe side.
func isText(segments []string) bool {
	for _, s := range segments {
		switch s {
		case "content", "text", "message", "messages", "comment", "note", "communication", "communications", "correspondence":
			return true
		}
	}
	return false
}

// maskName keeps the first character.
func maskName(value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		return ""
	}
	_, n := utf8.DecodeRuneInString(value)
	return value[:n] + "**"
}

// dD is a digit, also of full width, and dS what people write between digits.
const (
	dD = `[0-9０-９]`
	dS = `[\s\x{00a0}.\-－–]?`
)

// addresses finds e-mail: ASCII only, because Chinese has no spaces to end it.
var addresses = regexp.MustCompile(`[A-Za-z0-9._%+\-]+\s?[@＠]\s?[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*`)

// numbers finds the numbers of people, the longer kinds first. It finds too much rather than too
// little (order numbers, too), but leaves dates and times. Each has six digits at least.
var numbers = regexp.MustCompile(strings.Join([]string{
	// cards and accounts in groups of four
	`(?:` + dD + `{4}[\s\-]){2,4}` + dD + `{1,4}`,
	// with a country code
	`[+＋]` + dD + `(?:[\s()（）.\-–－]{0,2}` + dD + `){6,14}`,
	// mobile numbers of mainland China
	`[1１][3-9３-９]` + dD + dS + dD + `{4}` + dS + dD + `{4}`,
	// land lines and hotlines
	`[(（]?[0０]` + dD + `{2,3}[)）]?` + dS + dD + `{3,4}` + dS + dD + `{4}`,
	`[48]00` + dS + dD + `{3}` + dS + dD + `{4}`,
	`\(?` + dD + `{3}\)?[\s.\-]` + dD + `{3}[\s.\-]` + dD + `{4}`,
	// ID numbers, passports, account numbers, messenger numbers: a letter or two before and a
	// check letter behind
	`[A-Za-z]{0,2}` + dD + `{7,}[Xx]?`,
	// Hong Kong
	`\b[A-Z]{1,2}` + dD + `{6}\(?[0-9A]\)?`,
}, "|"))

// maskRuns hides every address and number in a text.
func maskRuns(value string) string {
	if strings.ContainsAny(value, "@＠") {
		value = addresses.ReplaceAllLiteralString(value, Hidden)
	}
	return maskNumbers(value)
}

// leastDigits is the fewest digits that any of the numbers has.
const leastDigits = 6

// maskNumbers looks with the expression only where enough digits stand close together: matching
// is slow and most text has none.
func maskNumbers(value string) string {
	var out strings.Builder
	done, start, digits := 0, -1, 0 // value[:done] is written; a run began at start
	for i := 0; i <= len(value); {
		r, n := utf8.DecodeRuneInString(value[i:])
		digit := r >= '0' && r <= '9' || r >= '０' && r <= '９'
		if n > 0 && (digit || strings.ContainsRune(" \t\n\r\u00a0.-–－()（）+＋", r)) {
			if start < 0 {
				start, digits = i, 0
			}
			if digit {
				digits++
			}
			i += n
			continue
		}
		if start >= 0 && digits >= leastDigits {
			from, to := start, i
			for from > done && start-from < 2 && isLetter(value[from-1]) {
				from--
			}
			if to < len(value) && isLetter(value[to]) {
				to++
			}
			out.WriteString(value[done:from])
			out.WriteString(numbers.ReplaceAllLiteralString(value[from:to], Hidden))
			done = to
		}
		start = -1
		i += max(n, 1)
	}
	if done == 0 {
		return value
	}
	out.WriteString(value[done:])
	return out.String()
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }
