package activities

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// showExtension shows a wish to keep rows beyond their time.
func (a *Activities) showExtension(ctx context.Context, s *dsr.Shown) error {
	e, err := a.Store.RetentionExtension(ctx, s.Ref, a.Pins)
	if err != nil {
		return err
	}
	digest, err := e.Statement.Digest(a.Keys.Installation())
	if err != nil {
		return err
	}
	over := e.Statement.Person
	if e.Statement.Scope == casefile.ExtendRule {
		over = e.Statement.System + "." + e.Statement.Rule
	}
	s.Extension = &dsr.ShownExtension{Over: over, Until: e.Statement.Until.Format(time.RFC3339), Law: e.Statement.Law, Reason: e.Statement.Reason,
		AskedBy: e.AskedBy, Statement: hex.EncodeToString(digest)}
	return nil
}

// GrantExtension puts an extension into force that two people signed; the casefile verifies them.
func (a *Activities) GrantExtension(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.GrantExtension(ctx, in.Ref, in.Task, a.Pins)
}

// RefuseExtension ends an extension that somebody said no to; the casefile verifies the signature.
func (a *Activities) RefuseExtension(ctx context.Context, in contract.TaskInput) (contract.Nothing, error) {
	return contract.Nothing{}, a.Store.RefuseExtension(ctx, in.Ref, in.Task, a.Pins)
}

// extendedBy says in words by what the rows of a run are kept longer; empty when by nothing.
func (a *Activities) extendedBy(ctx context.Context, run casefile.Run) (string, error) {
	e, err := a.Store.ExtendedRule(ctx, run.System, run.Rule, run.Nominal, a.Pins)
	if err != nil || e == nil {
		return "", err
	}
	return e.ID + " until " + e.Statement.Until.Format(time.RFC3339) + ", by " + e.Statement.Law, nil
}
