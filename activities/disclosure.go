package activities

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// EnterDisclosure enters what two people signed into the register; the casefile verifies them.
func (a *Activities) EnterDisclosure(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.EnterDisclosure(ctx, in.Ref, in.Task, a.Pins)
}

// RefuseDisclosure ends an entry that somebody said no to; the casefile verifies the signature.
func (a *Activities) RefuseDisclosure(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.RefuseDisclosure(ctx, in.Ref, in.Task, a.Pins)
}

// showDisclosure shows an entry to whoever signs it.
func (a *Activities) showDisclosure(ctx context.Context, s *dsr.Shown) error {
	d, err := a.Store.Disclosure(ctx, s.Ref, a.Pins)
	if err != nil {
		return err
	}
	digest, err := d.Statement.Digest(a.Keys.Installation())
	if err != nil {
		return err
	}
	st := d.Statement
	s.Disclosure = &dsr.ShownDisclosure{Authority: st.Authority, Ground: st.Ground, At: st.At, Categories: st.Categories, Person: st.Person,
		Confidential: st.Confidential, Reason: st.Reason, AskedBy: d.AskedBy, Statement: hex.EncodeToString(digest)}
	return nil
}

// disclosed are the entries of the register about the person of a case that an answer tells of: those that
// the person may know of, and that were decided by then. Of the others nothing comes this far.
func (a *Activities) disclosed(ctx context.Context, c casefile.Case, account subject.Account, by time.Time) ([]casefile.Disclosure, error) {
	if c.Kind != dsr.Access && c.Kind != dsr.EraseAfterAccess {
		return nil, nil
	}
	indexes := map[string][][]byte{}
	for _, id := range account.Identities {
		value, err := a.Map.Normalise(id.Kind, id.Value)
		if err != nil || id.Shared {
			continue // a value that several people have is nobody's
		}
		indexes[id.Kind] = append(indexes[id.Kind], a.Keys.BlindIndex(id.Kind, value))
	}
	return a.Store.DisclosuresOf(ctx, indexes, by, a.Pins)
}

// showDisclosed shows a reviewer what of the register goes into the package.
func (a *Activities) showDisclosed(ctx context.Context, s *dsr.Shown, account subject.Account) error {
	c, err := a.Store.Case(ctx, s.Ref)
	if err != nil {
		return err
	}
	list, err := a.disclosed(ctx, c, account, a.Now())
	for _, d := range list {
		s.Disclosed = append(s.Disclosed, d.Statement.At+", "+d.Statement.Authority+", "+d.Statement.Ground)
	}
	return err
}

// packDisclosed puts into the package what the review was shown.
func (a *Activities) packDisclosed(ctx context.Context, c casefile.Case, account subject.Account, review casefile.Task, pack *export.Package) error {
	list, err := a.disclosed(ctx, c, account, review.OpenedAt)
	for _, d := range list {
		pack.Facts.Disclosures = append(pack.Facts.Disclosures, export.Disclosure{
			Authority: d.Statement.Authority, Ground: d.Statement.Ground, At: d.Statement.At, Categories: d.Statement.Categories})
	}
	return err
}
