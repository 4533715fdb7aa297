package letters

import (
	"crypto/subtle"
	"regexp"
	"strconv"
	"strings"
)

// VERP gives every letter of a mass notice a return path of its own, "bounce+NUMBER.N.MAC@domain",
// so that a bounce tells whose letter it was, whatever the other server writes into it. mac keeps
// strangers from bouncing for others.
func VERP(notice string, n int64, mac []byte, domain string) string {
	return "bounce+" + strings.ToLower(strings.ReplaceAll(notice, "-", "")) + "." + strconv.FormatInt(n, 10) + "." + verpMAC(mac) + "@" + domain
}

var verpShape = regexp.MustCompile(`(?i)^bounce\+([0-9a-z]{10})\.([0-9]{1,18})\.([a-v0-9]{16})@`)

const verpAlphabet = "0123456789abcdefghijklmnopqrstuv"

// verpMAC is 80 bits of a keyed hash.
func verpMAC(mac []byte) string {
	var b strings.Builder
	bits, have := uint32(0), 0
	for _, c := range mac[:10] {
		bits, have = bits<<8|uint32(c), have+8
		for have >= 5 {
			have -= 5
			b.WriteByte(verpAlphabet[bits>>have&31])
		}
	}
	return b.String()
}

// ReadVERP reads a return path; mac gives the keyed hash for a notice and a number. It is false for
// everything that is not one of ours.
func ReadVERP(address string, mac func(notice string, n int64) []byte) (notice string, n int64, ok bool) {
	m := verpShape.FindStringSubmatch(address)
	if m == nil {
		return "", 0, false
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return "", 0, false
	}
	notice = strings.ToUpper(m[1][:5] + "-" + m[1][5:])
	want := verpMAC(mac(notice, n))
	return notice, n, subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(m[3]))) == 1
}
