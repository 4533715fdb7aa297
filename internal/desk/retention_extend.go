package desk

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
)

// longestExtension is how long an extension stands at most: whoever needs more decides anew.
const longestExtension = 366 * 24 * time.Hour

// ExtensionOrder asks to keep rows beyond their time: those of one rule, or of one person.
type ExtensionOrder struct {
	Rule   string        // "system.rule"
	Person *dsr.Identity // as people write it; normalised here
	Until  time.Time
	Law    string // what permits it
	Reason string
}

// ExtendRetention asks two people to keep rows longer. Nothing follows from it before both have signed.
func (d *Desk) ExtendRetention(ctx context.Context, o ExtensionOrder, by string) (contract.Ref, error) {
	e, err := d.extension(o)
	if err != nil {
		return "", err
	}
	ref, err := d.Store.AskExtension(ctx, e, by)
	if err != nil {
		return "", err
	}
	_, err = d.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: string(ref), TaskQueue: contract.QueueCore, StaticSummary: "keep rows longer"},
		contract.RetentionExtend.Name, contract.ExtendInput{Ref: ref})
	return ref, d.temporalError(err)
}

// extension checks an order and writes it as it is signed.
func (d *Desk) extension(o ExtensionOrder) (casefile.ExtensionStatement, error) {
	bad := func(format string, args ...any) error { return fault.Newf(contract.ErrBadInput, format, args...) }
	e := casefile.ExtensionStatement{Until: o.Until.UTC().Truncate(time.Second), Law: strings.TrimSpace(o.Law), Reason: o.Reason, Nonce: make([]byte, 16)}
	_, _ = rand.Read(e.Nonce) // never fails
	switch {
	case (o.Rule == "") == (o.Person == nil):
		return e, bad("an extension is over one rule or one person: say which")
	case e.Law == "" || len(e.Law) > 500:
		return e, bad("say with --law, in at most 500 bytes, what permits to keep the rows longer")
	case o.Reason == "" || len(o.Reason) > 4000:
		return e, bad("say with --reason, in at most 4,000 bytes, why")
	case !o.Until.After(d.Now()):
		return e, bad("an extension cannot end in the past (%s)", o.Until.Format(time.RFC3339))
	case o.Until.After(d.Now().Add(longestExtension)):
		return e, fault.New(contract.ErrBadInput, "an extension ends within a year", nil).WithHint("ask for a year and decide anew then, or change the rule in the data map")
	}
	if o.Person != nil {
		value, err := d.Map.Normalise(o.Person.Kind, o.Person.Value)
		if err != nil {
			return e, err
		}
		e.Scope, e.Kind, e.Person = casefile.ExtendPerson, o.Person.Kind, o.Person.Kind+": "+dsr.Mask(o.Person.Kind, value)
		e.Index = d.Keys.BlindIndex(o.Person.Kind, value)
		return e, nil
	}
	system, rule, _ := strings.Cut(o.Rule, ".")
	sys := d.Map.System(system)
	if sys == nil {
		return e, bad("the data map has no system %q", system)
	}
	r, err := retention.Find(sys, rule)
	if err != nil {
		return e, fault.New(contract.ErrBadInput, "the data map has no rule of retention "+o.Rule, err).WithHint("`habeas retention apply --diff` names the rules; write SYSTEM.RULE")
	}
	e.Scope, e.System, e.Rule = casefile.ExtendRule, system, r.Name()
	return e, nil
}
