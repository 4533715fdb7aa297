package letters

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// Preflight says, one line each, what DNS holds of the sender's domain: SPF, DKIM and DMARC. Where
// DNS does not answer it says so. It is for people to read before they let letters go.
// r is asked; nil is this machine's own.
func Preflight(ctx context.Context, r *net.Resolver, from, selector string, signed bool) []string {
	domain := domainOf(from)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if r == nil {
		r = net.DefaultResolver
	}
	look := func(what, name, prefix string) string {
		records, err := r.LookupTXT(ctx, name)
		if err != nil {
			if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
				return what + ": there is no record"
			}
			return what + ": DNS did not answer"
		}
		for _, record := range records {
			if strings.HasPrefix(strings.ToLower(record), prefix) {
				return what + ": published"
			}
		}
		return what + ": there is no record"
	}
	lines := []string{look("SPF", domain, "v=spf1"), look("DMARC", "_dmarc."+domain, "v=dmarc1")}
	if signed {
		return append(lines, look("DKIM", selector+"._domainkey."+domain, "v=dkim1"))
	}
	return append(lines, "DKIM: letters are not signed (HABEAS_DKIM_KEY is not set)")
}
