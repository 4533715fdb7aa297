package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// rememberErased keeps keyed hashes of what names the person, and of the key of their directory row, as long as
// the last backup lives that may hold them. Where the map says of no backup, nothing is kept.
func (a *Activities) rememberErased(ctx context.Context, ref contract.Ref, at time.Time) error {
	longest := time.Duration(0)
	for _, s := range a.Map.Systems {
		longest = max(longest, s.Backups)
	}
	if longest == 0 {
		return nil
	}
	account, err := a.account(ctx, ref)
	if err != nil {
		return err
	}
	var hashes [][]byte
	for _, id := range account.Identities {
		value, err := a.Map.Normalise(id.Kind, id.Value)
		if err != nil || id.Shared || id.Bound {
			continue // it would find somebody else
		}
		hashes = append(hashes, a.Store.ErasedHash(id.Kind, value))
	}
	if len(account.Key) == 1 {
		hashes = append(hashes, a.Store.ErasedHash(casefile.ErasedKey(account.System, account.Collection), account.Key[0]))
	}
	return a.Store.PutErasedPerson(ctx, ref, hashes, at, at.Add(longest))
}

// restored verifies that a case is about somebody who was erased before: everything that it says of them
// is remembered so. That stands in for a proof, as they have asked already. contract.ErrNotFound when
// the case is another kind of request.
func (a *Activities) restored(ctx context.Context, ref contract.Ref) error {
	none := fault.Newf(contract.ErrNotFound, "%s is not about somebody in a restored system", ref)
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return err
	}
	if c.Requester != dsr.RequesterReplay || c.Kind != dsr.Deletion {
		return none
	}
	request, err := a.Store.Request(ctx, ref)
	if err != nil {
		return err
	}
	var hashes [][]byte
	for _, id := range request.Identities {
		hashes = append(hashes, a.Store.ErasedHash(id.Kind, id.Value))
	}
	for _, key := range request.Key {
		hashes = append(hashes, a.Store.ErasedHash("key of "+request.Directory, key))
	}
	hits, err := a.Store.Erased(ctx, hashes, time.Time{})
	if err != nil {
		return err
	}
	persons := map[string]int{}
	for _, hit := range hits {
		persons[hit.Person]++
	}
	for _, n := range persons {
		if n == len(hashes) && n > 0 {
			return nil
		}
	}
	return none
}

// findRestored settles whose case it is from what was found in the restored system: no directory is
// asked, as the row may be gone.
func (a *Activities) findRestored(ctx context.Context, ref contract.Ref, request casefile.Request) (contract.FoundAccount, error) {
	if err := a.restored(ctx, ref); err != nil {
		return contract.FoundAccount{}, err
	}
	account, err := subject.RestoredAccount(ctx, a.Map, a.opener(ctx), request.Directory, request.Key, request.Identities)
	if err != nil {
		return contract.FoundAccount{}, err
	}
	raw, err := json.Marshal(account)
	if err != nil {
		return contract.FoundAccount{}, fmt.Errorf("writing a candidate: %w", err)
	}
	if err := a.Store.PutAccounts(ctx, ref, [][]byte{raw}); err != nil {
		return contract.FoundAccount{}, err
	}
	return contract.FoundAccount{Candidates: 1, Settled: true}, a.Store.ChooseAccount(ctx, ref, 0, "who was erased")
}
