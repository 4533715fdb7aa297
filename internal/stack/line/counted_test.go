package line

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func TestRoundTripsAreCounted(t *testing.T) {
	t.Parallel()
	message := func(kind string, body string) string {
		return kind + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))) + body
	}
	code := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	sent := message("", code(sslRequest)) + message("", code(3<<16)+"user\x00S\x00\x00") + // no types yet
		message("Q", "BEGIN\x00") + message("P", "\x00SELECT $1\x00") + message("B", "QS") + message("E", "") + message("S", "") + message("X", "")
	var p Counted
	var got bytes.Buffer
	_ = p.forward(strings.NewReader(sent), &got)
	if p.Trips() != 2 || got.String() != sent {
		t.Errorf("%d round trips, %q", p.Trips(), got.String())
	}
}
