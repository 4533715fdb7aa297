package desk

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// HoldOrder is a legal hold as it is ordered: over one person, one system, or one collection.
type HoldOrder struct {
	Matter     string        // the proceedings that it is for
	Person     *dsr.Identity // as people write it; normalised here
	System     string
	Collection string     // "system.collection"
	Until      *time.Time // nil: until it is released
	Reason     string
}

// AddHold signs a legal hold and places it. It stands from the moment this returns.
func (d *Desk) AddHold(ctx context.Context, o HoldOrder, key seal.StaffKey) (contract.Ref, error) {
	bad := func(format string, args ...any) error { return fault.Newf(contract.ErrBadInput, format, args...) }
	h := casefile.HoldStatement{Matter: strings.TrimSpace(o.Matter), Reason: o.Reason, Until: o.Until, Nonce: make([]byte, 16)}
	_, _ = rand.Read(h.Nonce) // never fails
	scopes := 0
	if o.Person != nil {
		value, err := d.Map.Normalise(o.Person.Kind, o.Person.Value)
		if err != nil {
			return "", err
		}
		h.Scope, h.Kind, h.Person = casefile.HoldPerson, o.Person.Kind, o.Person.Kind+": "+dsr.Mask(o.Person.Kind, value)
		h.Index = d.Keys.BlindIndex(o.Person.Kind, value)
		scopes++
	}
	if o.System != "" {
		if d.Map.System(o.System) == nil {
			return "", bad("the data map has no system %q", o.System)
		}
		h.Scope, h.System = casefile.HoldSystem, o.System
		scopes++
	}
	if o.Collection != "" {
		system, name, _ := strings.Cut(o.Collection, ".")
		if sys := d.Map.System(system); sys == nil || sys.Collection(name) == nil {
			return "", bad("the data map has no collection %q", o.Collection)
		}
		h.Scope, h.System, h.Collection = casefile.HoldCollection, system, name
		scopes++
	}
	switch {
	case scopes != 1:
		return "", bad("a hold covers one person, one system or one collection: say which")
	case h.Matter == "" || len(h.Matter) > 500:
		return "", bad("say with --matter, in at most 500 bytes, which proceedings the hold is for")
	case h.Reason == "" || len(h.Reason) > 4000:
		return "", bad("say with --reason, in at most 4,000 bytes, why")
	case o.Until != nil && !o.Until.After(d.Now()):
		return "", bad("a hold cannot end in the past (%s)", o.Until.Format(time.RFC3339))
	}
	signed, err := h.Bytes(d.Keys.Installation())
	if err != nil {
		return "", err
	}
	return d.Store.AddHold(ctx, h, key.Name, ed25519.Sign(key.Private, signed), d.Pins)
}

// ReleaseHold asks two people whether a hold may end; until both have signed it stands.
func (d *Desk) ReleaseHold(ctx context.Context, ref contract.Ref, by string) error {
	if _, err := d.Store.AskRelease(ctx, ref, by, d.Pins); err != nil {
		return err
	}
	return d.start(ctx, ref, "")
}
