package desk

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// DisclosureOrder is something that was disclosed to an authority.
type DisclosureOrder struct {
	Authority    string
	Ground       string // law and article
	At           time.Time
	Categories   []string
	Person       *dsr.Identity // as people write it; normalised here
	Confidential bool          // the person may not know (PIPL Art. 18 and 45)
	Reason       string
}

// AddDisclosure writes a disclosure down and asks two people whether it stands. Nothing tells of it before
// both have signed.
func (d *Desk) AddDisclosure(ctx context.Context, o DisclosureOrder, by string) (contract.Ref, error) {
	st, err := d.disclosure(o)
	if err != nil {
		return "", err
	}
	ref, err := d.Store.AskDisclosure(ctx, st, by)
	if err != nil {
		return "", err
	}
	return ref, d.start(ctx, ref, "")
}

// disclosure checks an order and writes it as it is signed.
func (d *Desk) disclosure(o DisclosureOrder) (casefile.DisclosureStatement, error) {
	bad := func(format string, args ...any) error { return fault.Newf(contract.ErrBadInput, format, args...) }
	st := casefile.DisclosureStatement{Authority: strings.TrimSpace(o.Authority), Ground: strings.TrimSpace(o.Ground), Categories: o.Categories,
		Confidential: o.Confidential, Reason: o.Reason, Nonce: make([]byte, 16)}
	_, _ = rand.Read(st.Nonce) // never fails
	line := func(s string, most int) bool { return s != "" && len(s) <= most && !strings.ContainsAny(s, "\r\n\t") }
	switch {
	case !line(st.Authority, 200):
		return st, bad("say with --authority, on one line of at most 200 bytes, who got it")
	case !line(st.Ground, 200):
		return st, bad("say with --ground, on one line of at most 200 bytes, by which law and article")
	case len(st.Categories) == 0 || slices.ContainsFunc(st.Categories, func(c string) bool { return !line(c, 200) }):
		return st, bad("say with --category, once for each, what was disclosed")
	case o.Person == nil:
		return st, bad("whose data was it? give --account, --email or --mobile")
	case o.At.IsZero():
		return st, bad("say with --on which day it was disclosed")
	case o.At.After(d.Now()):
		return st, bad("nothing can have been disclosed in the future (%s)", o.At.Format(time.DateOnly))
	case len(o.Reason) > 4000:
		return st, bad("the reason is longer than 4,000 bytes")
	}
	value, err := d.Map.Normalise(o.Person.Kind, o.Person.Value)
	if err != nil {
		return st, err
	}
	st.At, st.Kind = o.At.Format(time.DateOnly), o.Person.Kind
	st.Person, st.Index = o.Person.Kind+": "+dsr.Mask(o.Person.Kind, value), d.Keys.BlindIndex(o.Person.Kind, value)
	return st, nil
}
