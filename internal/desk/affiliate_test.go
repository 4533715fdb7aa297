package desk

import (
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// An affiliate is one of company.yaml, and the moment at which it got the request is said.
func TestReceivedByAnAffiliate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	d := &Desk{Map: &datamap.Map{Company: datamap.Company{Affiliates: []datamap.Affiliate{{Name: "yunzhan-pay"}}}}}
	for name, v := range map[string]struct {
		o    Opening
		hint string // empty: it is right
	}{
		"the company itself":   {Opening{}, ""},
		"a known one":          {Opening{ReceivedBy: "yunzhan-pay", ReceivedAt: at}, ""},
		"an unknown one":       {Opening{ReceivedBy: "yunzhan-bank", ReceivedAt: at}, "yunzhan-pay"},
		"one without a moment": {Opening{ReceivedBy: "yunzhan-pay"}, "--received-at"},
	} {
		err := d.wrongReceiver(v.o)
		if (err == nil) != (v.hint == "") || err != nil && (!fault.Is(err, contract.ErrBadInput) || !strings.Contains(fault.As(err).Hint, v.hint)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.Map = &datamap.Map{}
	if err := d.wrongReceiver(Opening{ReceivedBy: "x", ReceivedAt: at}); err == nil || !strings.Contains(fault.As(err).Hint, "affiliates") {
		t.Errorf("a company without affiliates: %v", err)
	}
}
