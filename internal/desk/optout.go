package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// openedAlone is who opens a case that nobody of the staff has opened: the person did, on the portal.
const openedAlone = "portal"

// oncePerDay is how long a second wish for the same is the first one, repeated.
const oncePerDay = 24 * time.Hour

// allows says whether a law gives the right that a case uses. Restricting has many names; that somebody
// wants no more marketing needs no law's word at all.
func allows(law jurisdiction.Profile, o Opening) bool {
	switch {
	case dsr.AtOnce(o.Kind, o.Scope):
		return true
	case o.Kind == dsr.Restriction:
		return slices.ContainsFunc([]string{"restriction", "objection", "withdrawal"}, law.Allows)
	}
	return law.Allows(string(o.Kind))
}

// wrongScope says what is wrong with the scope of a case; nil: nothing.
func (d *Desk) wrongScope(o *Opening) error {
	bad := func(format string, args ...any) error { return fault.Newf(contract.ErrBadInput, format, args...) }
	switch o.Kind {
	case dsr.Restriction:
		if o.Scope == "" {
			return fault.New(contract.ErrBadInput, "a restriction needs its scope: what shall stop?", nil).WithHint("--scope takes " + d.scopeWords())
		}
		if purpose := dsr.PurposeOf(o.Scope); o.Scope != dsr.ScopeAll && (purpose == "" || d.Map.Purpose(purpose) == nil) {
			return fault.Newf(contract.ErrBadInput, "%q is no scope of a restriction", o.Scope).WithHint("--scope takes " + d.scopeWords())
		}
		if o.Scope == dsr.ScopePurpose(dsr.ScopeMarketing) || o.Scope == dsr.ScopePurpose(dsr.ScopeTracking) {
			o.Scope = dsr.PurposeOf(o.Scope)
		}
		if dsr.AtOnce(o.Kind, o.Scope) && !slices.ContainsFunc(o.Identities, isAddress) {
			return bad("give the address that is to be left alone: --email or --mobile")
		}
		return nil
	case dsr.Access:
		if o.Scope != "" && o.Scope != dsr.ScopeCategories {
			return bad("an access has no scope but --categories-only")
		}
		return nil
	case dsr.Deletion:
		if o.Scope != "" && o.Scope != dsr.ScopeAccount {
			return bad("%q is no scope of a deletion", o.Scope)
		}
		return nil
	}
	if o.Scope != "" {
		return bad("a case of the kind %s has no scope", o.Kind)
	}
	return nil
}

func (d *Desk) scopeWords() string {
	words := []string{dsr.ScopeMarketing, dsr.ScopeTracking, dsr.ScopeAll}
	for _, name := range d.Map.PurposeNames() {
		if name != dsr.ScopeMarketing && name != dsr.ScopeTracking {
			words = append(words, dsr.ScopePurpose(name))
		}
	}
	return strings.Join(words, ", ")
}

func isAddress(id dsr.Identity) bool { return id.Kind == "email" || id.Kind == "mobile" }

// suppressing are the addresses that go onto the suppression list with the case.
func (d *Desk) suppressing(o Opening) [][]byte {
	if !dsr.AtOnce(o.Kind, o.Scope) {
		return nil
	}
	var hashes [][]byte
	for _, id := range o.Identities {
		if isAddress(id) {
			hashes = append(hashes, d.Store.SuppressionHash(id.Kind, id.Value))
		}
	}
	return hashes
}

// OptOut is the wish of somebody who wants no more marketing, or no more tracking, from the address that
// the wish came with. It stands on the suppression list when this returns, whether anybody is known
// under the address or not. The same wish within a day is the one before: no second case is opened.
func (d *Desk) OptOut(ctx context.Context, id dsr.Identity, scope, lang string) (contract.Ref, error) {
	if !dsr.AtOnce(dsr.Restriction, scope) || !isAddress(id) {
		return "", fault.Newf(contract.ErrBadInput, "a wish to be left alone is about marketing or tracking, and comes with an address")
	}
	value, err := d.Map.Normalise(id.Kind, id.Value)
	if err != nil {
		return "", err
	}
	ref, at, err := d.Store.LastOptOut(ctx, scope, d.Store.SuppressionHash(id.Kind, value))
	if err != nil && !fault.Is(err, contract.ErrNotFound) {
		return "", err
	}
	if err == nil && d.Now().Sub(at) < oncePerDay {
		return ref, nil
	}
	if !slices.Contains(d.Map.Company.Languages, lang) {
		lang = ""
	}
	ref, err = d.OpenCase(ctx, Opening{Kind: dsr.Restriction, Scope: scope, Identities: []dsr.Identity{{Kind: id.Kind, Value: value}},
		Lang: lang, Channel: "web", OpenedBy: openedAlone})
	if ref != "" {
		return ref, nil // a workflow that did not start is started within a minute; the list stands already
	}
	return "", err
}

// Unsubscribe is OptOut for the reader of a letter, by the token in its List-Unsubscribe (RFC 8058). A
// token that is no letter's is false.
func (d *Desk) Unsubscribe(ctx context.Context, token string) (bool, error) {
	id, n, mac, ok := announce.ReadUnsubscribeToken(token)
	if !ok {
		return false, nil
	}
	ref := contract.NewRef(contract.KindNotice, id)
	known, err := d.Store.Notice(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	key, err := d.Store.Key(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !announce.UnsubscribeRight(key, id, n, mac) || n > known.People {
		return false, nil
	}
	r, err := d.Store.RecipientOf(ctx, ref, n)
	if err != nil {
		return false, err
	}
	_, err = d.OptOut(ctx, dsr.Identity{Kind: "email", Value: r.Person.Email}, dsr.ScopeMarketing, r.Lang)
	return err == nil, err
}

// EndRestriction asks that a restriction end. Two people decide; the person is told before it ends.
func (d *Desk) EndRestriction(ctx context.Context, ref contract.Ref, by, why string) error {
	if strings.TrimSpace(why) == "" {
		return fault.New(contract.ErrBadInput, "why shall it end? give --reason", nil).WithHint("the person reads it before it ends")
	}
	if err := d.Store.AskEnd(ctx, ref, by, why); err != nil {
		return err
	}
	return d.temporalError(d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.EndRestriction.Name, contract.EndRestrictionInput{}))
}
