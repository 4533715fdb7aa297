package systems

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Live is what a strategy must know of a column. Values are text as the database writes it;
// binary is hex digits alone.
type Live struct {
	Class  string // one of datamap.Class…
	Type   string // as the engine writes it
	Length int    // characters of a text, bytes of binary; 0: no bound
	Filled bool   // NOT NULL
}

// Anonymiser makes new values. It keeps nothing between calls: the same row and value give the
// same result, so that what was done is known again.
type Anonymiser struct {
	secret []byte
	scrub  Scrubber
}

// NewAnonymiser takes the key of the keyed strategies and the values that scrubbing looks for.
func NewAnonymiser(secret []byte, known []string) Anonymiser {
	return Anonymiser{secret: secret, scrub: NewScrubber(known)}
}

// Mac is HMAC-SHA-256 (RFC 2104) of the text.
func Mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Sizes of what the keyed strategies make, in hex digits: the value's own and the mark behind it.
const (
	hashDigits, hashMark           = 48, 16
	pseudonymDigits, pseudonymMark = 16, 8
	shortDigits, shortMark         = 10, 6
	leastPlaceholder               = 8
)

// Fits says why the strategy is not for such a column; "" when it is.
func Fits(s datamap.Strategy, live Live) string {
	text, room := live.Class == datamap.ClassText, func(n int) bool { return live.Length == 0 || live.Length >= n }
	wide := live.Type == "bigint" || live.Type == "numeric"
	ok := true
	why := live.Type + " has no such strategy"
	switch s.With {
	case datamap.StrategyNull:
		ok, why = !live.Filled, "it must hold a value"
	case datamap.StrategyConstant:
	case datamap.StrategyEmpty:
		ok = text || live.Class == datamap.ClassJSON || live.Class == datamap.ClassArray || live.Class == datamap.ClassBinary
	case datamap.StrategyHash:
		ok = (text && room(hashDigits+hashMark)) || (live.Class == datamap.ClassBinary && room((hashDigits+hashMark)/2))
		why = "a hash needs a text of 64 characters or 32 bytes"
	case datamap.StrategyPseudonym:
		ok = (text && room(shortDigits+shortMark)) || live.Class == datamap.ClassUUID || wide || (live.Class == datamap.ClassBinary && room(12))
		why = "a pseudonym needs a text of 16 characters, a uuid, a bigint or 12 bytes"
	case datamap.StrategyPlaceholder:
		ok = (text && room(leastPlaceholder)) || live.Class == datamap.ClassUUID || wide || (live.Class == datamap.ClassBinary && room(12))
		why = "a placeholder needs a text of 8 characters, a uuid, a bigint or 12 bytes"
	case datamap.StrategyRandom:
		ok = live.Class != datamap.ClassArray && (live.Class != datamap.ClassOther || address(live))
	case datamap.StrategyTruncate:
		ok = text || (s.To == datamap.TruncateNetwork && address(live)) || (s.To == datamap.TruncateYear && live.Class == datamap.ClassTime && !strings.HasPrefix(live.Type, "time ") && live.Type != "time")
	case datamap.StrategyScrub:
		ok = text || live.Class == datamap.ClassJSON
	}
	if ok {
		return ""
	}
	return why
}

func address(live Live) bool {
	return live.Type == "inet" || live.Type == "inet4" || live.Type == "inet6"
}

// Value is the new value in place of old; nil is NULL. where names the column, and key is that of
// the row.
func (a Anonymiser) Value(s datamap.Strategy, live Live, where string, key []string, old *string) (*string, error) {
	out := ""
	switch {
	case s.With == datamap.StrategyNull:
		return nil, nil
	case s.With == datamap.StrategyConstant:
		return &s.Value, nil
	case old == nil:
		return nil, nil
	}
	row := where + "\x00" + strings.Join(key, "\x00")
	switch s.With {
	case datamap.StrategyEmpty:
		out = empty(live, *old)
	case datamap.StrategyHash:
		out = a.hash(live, *old)
	case datamap.StrategyPseudonym:
		out = a.pseudonym(live, *old)
	case datamap.StrategyPlaceholder:
		out = a.placeholder(live, row)
	case datamap.StrategyRandom:
		return a.random(live, row, *old)
	case datamap.StrategyTruncate:
		out = truncate(s, live, *old)
	case datamap.StrategyScrub:
		if live.Class == datamap.ClassJSON {
			clean, err := a.scrub.JSON(*old)
			return &clean, err
		}
		out = cutTo(a.scrub.Text(*old), live.Length)
	default:
		return nil, fmt.Errorf("there is no strategy %q", s.With)
	}
	return &out, nil
}

func cutTo(text string, length int) string {
	if runes := []rune(text); length > 0 && len(runes) > length {
		return string(runes[:length])
	}
	return text
}

func empty(live Live, old string) string {
	switch {
	case live.Class == datamap.ClassArray:
		return "{}"
	case live.Class == datamap.ClassJSON && strings.HasPrefix(strings.TrimSpace(old), "["):
		return "[]"
	case live.Class == datamap.ClassJSON:
		return "{}"
	}
	return ""
}

// marked is digits of the MAC of a value, and behind them the MAC of those: a second run sees
// that it made the value.
func (a Anonymiser) marked(use, old string, digits, mark int) string {
	if len(old) == digits+mark && old[digits:] == a.mark(use, old[:digits], mark) {
		return old
	}
	own := hex.EncodeToString(Mac(a.secret, old))[:digits]
	if use != "" { // of a hash the digits are the plain HMAC of the value
		own = hex.EncodeToString(Mac(a.secret, use+"\x00"+old))[:digits]
	}
	return own + a.mark(use, own, mark)
}

func (a Anonymiser) mark(use, own string, digits int) string {
	return hex.EncodeToString(Mac(a.secret, "mark\x00"+use+"\x00"+own))[:digits]
}

func (a Anonymiser) hash(_ Live, old string) string { return a.marked("", old, hashDigits, hashMark) }

func (a Anonymiser) pseudonym(live Live, old string) string {
	const use = "pseudonym"
	switch {
	case live.Class == datamap.ClassUUID:
		return dashed(a.marked(use, strings.ReplaceAll(old, "-", ""), 24, 8))
	case live.Class == datamap.ClassBinary:
		return a.marked(use, old, pseudonymDigits, pseudonymMark)
	case live.Class == datamap.ClassNumber:
		if n, err := strconv.ParseUint(old, 10, 63); err == nil && n&0x7fffffff == a.short(use, n>>31) {
			return old
		}
		own := uint64(binary.BigEndian.Uint32(Mac(a.secret, use+"\x00"+old)))
		return strconv.FormatUint(own<<31|a.short(use, own), 10)
	case live.Length > 0 && live.Length < pseudonymDigits+pseudonymMark:
		return a.marked(use, old, shortDigits, shortMark)
	}
	return a.marked(use, old, pseudonymDigits, pseudonymMark)
}

func (a Anonymiser) short(use string, own uint64) uint64 {
	return uint64(binary.BigEndian.Uint32(Mac(a.secret, "mark\x00"+use+"\x00"+strconv.FormatUint(own, 10)))) & 0x7fffffff
}

func (a Anonymiser) placeholder(live Live, row string) string {
	sum := Mac(a.secret, "placeholder\x00"+row)
	digits := hex.EncodeToString(sum)
	switch {
	case live.Class == datamap.ClassUUID:
		return dashed(digits[:32])
	case live.Class == datamap.ClassNumber:
		return strconv.FormatUint(binary.BigEndian.Uint64(sum)>>1, 10)
	case live.Length > 0 && live.Length < 24 && live.Class == datamap.ClassText:
		return digits[:live.Length]
	}
	return digits[:24]
}

func dashed(digits string) string {
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:32]
}

// truncate makes a value less exact; what does not look like one of its kind becomes empty.
func truncate(s datamap.Strategy, live Live, old string) string {
	switch s.To {
	case datamap.TruncatePrefix:
		return cutTo(old, s.Keep)
	case datamap.TruncateYear:
		if len(old) < 4 || strings.ContainsFunc(old[:4], func(r rune) bool { return !isDigit(r) }) {
			if live.Class == datamap.ClassTime {
				return "2000-01-01"
			}
			return ""
		}
		if live.Class == datamap.ClassTime {
			return old[:4] + "-01-01" + midnight(live, old)
		}
		return old[:4]
	}
	text, _, _ := strings.Cut(strings.TrimSpace(old), "/")
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	bits := 48
	if ip = ip.Unmap(); ip.Is4() {
		bits = 24
	}
	network, _ := ip.WithZone("").Prefix(bits)
	if live.Type == "inet" {
		return network.String()
	}
	return network.Addr().String()
}

// midnight is the rest of a time of day zero, in the form of the old one.
func midnight(live Live, old string) string {
	if live.Type == "date" || !strings.Contains(old, ":") {
		return ""
	}
	if strings.HasSuffix(old, "+00") {
		return " 00:00:00+00"
	}
	return " 00:00:00"
}
