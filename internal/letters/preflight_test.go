package letters

import (
	"context"
	"net"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers questions for TXT from records, on loopback; what it does not hold does not exist.
func nameServer(t *testing.T, records map[string]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			name := m.Questions[0].Name
			if text, ok := records[name.String()]; ok {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1},
					Body: &dnsmessage.TXTResource{TXT: []string{text}}}}
			} else {
				m.RCode = dnsmessage.RCodeNameError
			}
			if raw, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(raw, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Those who approve see what receivers will look for: each record that is there, that is missing, that
// is something else, and that DNS did not answer.
func TestPreflightSaysWhatDNSHolds(t *testing.T) {
	t.Parallel()
	r := nameServer(t, map[string]string{
		"yunzhan.example.": "v=spf1 ip4:192.0.2.1 -all", "habeas._domainkey.yunzhan.example.": "v=DKIM1; k=rsa; p=AAAA", "other.example.": "some other text",
	})
	dead := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }}
	for _, tc := range []struct {
		r      *net.Resolver
		from   string
		signed bool
		want   []string
	}{
		{r, "privacy@yunzhan.example", true, []string{"SPF: published", "DMARC: there is no record", "DKIM: published"}},
		{r, "privacy@other.example", true, []string{"SPF: there is no record", "DMARC: there is no record", "DKIM: there is no record"}},
		{r, "privacy@yunzhan.example", false, []string{"SPF: published", "DMARC: there is no record", "DKIM: letters are not signed (HABEAS_DKIM_KEY is not set)"}},
		{dead, "privacy@yunzhan.example", true, []string{"SPF: DNS did not answer", "DMARC: DNS did not answer", "DKIM: DNS did not answer"}},
	} {
		if got := Preflight(t.Context(), tc.r, tc.from, "habeas", tc.signed); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.from, got, tc.want)
		}
	}
}
