package subject

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// candidateLimit is how many rows of one directory a request may mean: beyond that no reviewer
// could choose, and a better identifier is needed.
const candidateLimit = 50

// FindAccount finds the directory rows that the identities of a request may mean, over all
// systems. Where some rows carry every identity, only those are given; otherwise every row that
// carries one of them, and Matched says which. The order is that of the map, then of the key.
func FindAccount(ctx context.Context, m *datamap.Map, open Opener, by []dsr.Identity) ([]Account, error) {
	var found []Account
	for _, s := range m.Systems {
		some, err := FindAccountIn(ctx, m, s.Name, open, by)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return Narrow(found, by), nil
}

// FindAccountIn is FindAccount over the directories of one system. The rows that share an
// identity are counted in the directories of all systems, so open is asked for those too. Put
// the answers of several systems together with Narrow.
func FindAccountIn(ctx context.Context, m *datamap.Map, system string, open Opener, by []dsr.Identity) ([]Account, error) {
	s := m.System(system)
	if s == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", system)
	}
	if len(by) == 0 {
		return nil, fault.New(contract.ErrBadInput, "a search needs at least one identity", nil)
	}
	var found []Account
	for _, dir := range m.Directories() {
		if dir.System != s {
			continue
		}
		sys, err := open(system)
		if err != nil {
			return nil, err
		}
		accounts, err := candidates(ctx, sys, dir, by)
		if err != nil {
			return nil, err
		}
		for i := range accounts {
			if accounts[i].Identities, err = weigh(ctx, m, open, accounts[i]); err != nil {
				return nil, err
			}
		}
		found = append(found, accounts...)
	}
	return Narrow(found, by), nil
}

// Narrow keeps the accounts that carry every kind of identity asked for, where there are any,
// and all of them otherwise.
func Narrow(accounts []Account, by []dsr.Identity) []Account {
	full := slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return len(a.Matched) < len(by) })
	if len(full) > 0 {
		return full
	}
	return accounts
}

// candidates looks one directory up: first for all identities together, then for each alone, so
// that a mistyped account name does not hide the row that the e-mail found.
func candidates(ctx context.Context, sys systems.System, dir *datamap.Collection, by []dsr.Identity) ([]Account, error) {
	rows, err := sys.Lookup(ctx, dir, by, candidateLimit)
	if err != nil {
		return nil, err
	}
	var found []Account
	for _, row := range rows {
		a := accountOf(dir, row)
		for _, id := range by {
			a.Matched = append(a.Matched, id.Kind)
		}
		found = append(found, a)
	}
	if len(found) > 0 || len(by) == 1 {
		return found, nil
	}
	for _, id := range by {
		rows, err := sys.Lookup(ctx, dir, []dsr.Identity{id}, candidateLimit)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			a := accountOf(dir, row)
			same := func(b Account) bool { return slices.Equal(a.Key, b.Key) }
			at := slices.IndexFunc(found, same)
			if at < 0 {
				found, at = append(found, a), len(found)
			}
			found[at].Matched = append(found[at].Matched, id.Kind)
		}
	}
	return found, nil
}

// accountOf reads a directory row. Its identities are as the row has them; weigh judges them.
func accountOf(dir *datamap.Collection, row systems.Row) Account {
	a := Account{
		System: dir.System.Name, Collection: dir.Name,
		Name: strings.TrimSpace(row[dir.Directory.Account]), Lang: language(row[dir.Directory.Language]),
		OwnRecordOnly: dir.Directory.OwnRecordOnly,
	}
	for _, column := range dir.Key {
		a.Key = append(a.Key, row[column])
	}
	for _, ch := range dir.Directory.Channels {
		address := strings.TrimSpace(row[ch.Column])
		if address == "" {
			continue
		}
		if ch.Kind == "mobile" {
			if e164, err := datamap.Normalise("mobile", address); err == nil {
				address = e164
			}
		}
		since, err := time.Parse(time.RFC3339Nano, row[ch.Since])
		if err != nil {
			since = time.Time{}
		}
		a.Channels = append(a.Channels, Channel{Kind: ch.Kind, Address: address, Since: since})
	}
	for _, col := range dir.Facts() {
		if value := strings.TrimSpace(row[col.Name]); value != "" {
			a.Facts = append(a.Facts, Fact{Column: col.Name, Value: value})
		}
	}
	for _, match := range dir.Match {
		if raw := row[match.Column]; strings.TrimSpace(raw) != "" {
			id := dsr.Identity{Kind: match.Identity, Value: raw}
			if v := match.Valid; v != nil {
				id.From, id.Until = bound(row[v.From], ""), bound(row[v.Until], "")
			}
			a.Identities = append(a.Identities, id)
		}
	}
	return a
}

func language(value string) string {
	value = strings.ToLower(strings.TrimSpace(value))
	for _, lang := range []string{"zh", "en"} {
		if value == lang || strings.HasPrefix(value, lang+"-") || strings.HasPrefix(value, lang+"_") {
			return lang
		}
	}
	return ""
}

// weigh decides how far each identity of the account may be used: plainly, where it stands on
// this row alone after the normaliser; byte for byte, where it is alone only so; for rows with a
// time alone, where others had it at other times; or not at all. A value that is not even shaped
// like its kind ("none", "-") says nothing about a person, so it is not used either.
func weigh(ctx context.Context, m *datamap.Map, open Opener, a Account) ([]dsr.Identity, error) {
	var out []dsr.Identity
	for _, raw := range a.Identities {
		value, err := m.Normalise(raw.Kind, raw.Value)
		if err != nil {
			out = addIdentity(out, dsr.Identity{Kind: raw.Kind, Value: raw.Value, Shared: true})
			continue
		}
		id := raw
		id.Value = value
		use, err := standsAlone(ctx, m, open, a, id)
		if err != nil {
			return nil, err
		}
		if use == useShared && m.System(a.System).SpellingTells(raw.Kind) {
			id.Value, id.Exact = raw.Value, true
			if use, err = standsAlone(ctx, m, open, a, id); err != nil {
				return nil, err
			}
		}
		if id.Bound = use == useBound; use == useShared {
			id = dsr.Identity{Kind: raw.Kind, Value: value, Shared: true}
		}
		out = addIdentity(out, id)
	}
	return out, nil
}

func addIdentity(ids []dsr.Identity, id dsr.Identity) []dsr.Identity {
	if slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}

// ownersLimit is how many rows with one identity are looked at where times may tell them apart.
const ownersLimit = 50

// standsAlone reports whether the account's row, and no other row of any directory, carries the
// identity (usePlain); whether others carried it at other times (useBound); or neither (useShared).
func standsAlone(ctx context.Context, m *datamap.Map, open Opener, a Account, id dsr.Identity) (string, error) {
	own, use := 0, usePlain
	for _, dir := range m.Directories() {
		if !slices.ContainsFunc(dir.Match, func(match datamap.Match) bool { return match.Identity == id.Kind }) {
			continue
		}
		limit := 2
		if !id.From.IsZero() || !id.Until.IsZero() {
			limit = ownersLimit
		}
		sys, err := open(dir.System.Name)
		if err != nil {
			return "", err
		}
		found, err := sys.Lookup(ctx, dir, []dsr.Identity{id}, limit)
		if err != nil {
			return "", err
		}
		for _, row := range found {
			other := accountOf(dir, row)
			switch {
			case other.System == a.System && other.Collection == a.Collection && slices.Equal(other.Key, a.Key):
				own++
			case len(found) < limit && otherTime(m, id, other):
				use = useBound
			default:
				return useShared, nil
			}
		}
	}
	if own != 1 {
		return useShared, nil
	}
	return use, nil
}

// otherTime reports whether the other row had the identity at other times only.
func otherTime(m *datamap.Map, id dsr.Identity, other Account) bool {
	had := false
	for _, theirs := range other.Identities {
		if theirs.Kind != id.Kind {
			continue
		}
		value, err := m.Normalise(theirs.Kind, theirs.Value)
		if err != nil || (value != id.Value && theirs.Value != id.Value) {
			continue
		}
		if !apart(id, theirs) {
			return false
		}
		had = true
	}
	return had
}
