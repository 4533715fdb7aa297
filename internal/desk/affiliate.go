package desk

import (
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// wrongReceiver refuses an affiliate that company.yaml does not know. The clock runs from the moment at
// which the affiliate got the request, so that moment must be said.
func (d *Desk) wrongReceiver(o Opening) error {
	switch {
	case o.ReceivedBy == "":
		return nil
	case d.Map.Affiliate(o.ReceivedBy) == nil:
		err := fault.Newf(contract.ErrBadInput, "company.yaml has no affiliate %q", o.ReceivedBy)
		if names := d.Map.AffiliateNames(); len(names) > 0 {
			return err.WithHint("it has " + strings.Join(names, ", "))
		}
		return err.WithHint("name the group's companies under affiliates in company.yaml")
	case o.ReceivedAt.IsZero():
		return fault.Newf(contract.ErrBadInput, "when did it reach %s? the time runs from then", o.ReceivedBy).WithHint("--received-at 2026-11-20")
	}
	return nil
}
