package desk

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ReopenCase takes up a case again that was closed because nobody proved who they are: as a new case with what was
// asked, linked to it, whose clock begins with the day on which the person came back (docs/decisions/0012). A case
// that was taken up already gives the case that did, and a contract.ErrConflict.
func (d *Desk) ReopenCase(ctx context.Context, id, by string) (contract.Ref, error) {
	old := contract.NewRef(contract.KindCase, id)
	c, err := d.Store.Case(ctx, old)
	if err != nil {
		return "", err
	}
	if c.State != dsr.StateClosed || c.Outcome != dsr.Unverified {
		return "", fault.Newf(contract.ErrNotOpen, "case %s was not closed because nobody proved who they are", id).
			WithHint("only such a case is taken up again; for anything else open a new one: habeas case open")
	}
	request, err := d.Store.Request(ctx, old)
	if err != nil {
		return "", err
	}
	ref, err := d.OpenCase(ctx, Opening{
		Kind: c.Kind, Identities: request.Identities, Laws: c.Laws, Lang: c.Lang, Channel: c.Channel, Requester: c.Requester,
		Note: request.Note, Ground: c.Ground, Wishes: request.Wishes, Scope: c.Scope, OpenedBy: by, Representative: request.Representative, reopens: old,
	})
	if fault.Is(err, contract.ErrConflict) {
		taken, readErr := d.Store.ReopenedAs(ctx, old)
		if readErr != nil {
			return "", readErr
		}
		return taken, fault.Newf(contract.ErrConflict, "case %s was taken up again already, as %s", id, taken.ID()).
			WithHint("habeas case show " + taken.ID())
	}
	return ref, err
}
