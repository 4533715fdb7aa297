package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// Restored is somebody who was erased and whose values stand in a restored system again. What those are
// is personal data and stays inside.
type Restored struct {
	Person   string         `json:"person"` // a name for them that says nothing
	ErasedAt time.Time      `json:"erased_at"`
	Columns  map[string]int `json:"columns"` // values found, by "system.collection.column"

	identities []dsr.Identity
	directory  string
	key        []string
}

// FindRestored goes over the columns of a restored system by which people are found, with the keyed hashes of those
// who were erased since, and gives whom it finds, by the time of their deletion.
func (d *Desk) FindRestored(ctx context.Context, open subject.Opener, system string, since time.Time, progress func(done, of int64)) ([]*Restored, error) {
	sys := d.Map.System(system)
	if sys == nil || sys.Outside != nil {
		return nil, fault.Newf(contract.ErrBadInput, "the data map has no database %q", system)
	}
	opened, err := open(system)
	if err != nil {
		return nil, err
	}
	found := map[string]*Restored{}
	columns := subject.LocatingColumns(sys)
	for i, l := range columns {
		progress(int64(i), int64(len(columns)))
		err := l.Values(ctx, opened, func(page []string) error { return d.recognise(ctx, l, page, since, found) })
		if err != nil {
			return nil, err
		}
	}
	progress(int64(len(columns)), int64(len(columns)))
	list := make([]*Restored, 0, len(found))
	for _, r := range found {
		if r.directory == "" {
			r.directory = d.Map.Directories()[0].ID()
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *Restored) int {
		return cmp.Or(a.ErasedAt.Compare(b.ErasedAt), cmp.Compare(a.Person, b.Person))
	})
	return list, nil
}

// recognise looks a page of values up among the hashes of those who were erased.
func (d *Desk) recognise(ctx context.Context, l subject.Locating, page []string, since time.Time, found map[string]*Restored) error {
	var hashes [][]byte
	values := map[string]string{} // by hash
	for _, value := range page {
		kind := l.Kind
		if l.Directory != nil {
			kind = casefile.ErasedKey(l.Directory.System.Name, l.Directory.Name)
		} else {
			normal, err := d.Map.Normalise(kind, value)
			if err != nil {
				continue // no identity: nobody is known by it
			}
			value = normal
		}
		hash := d.Store.ErasedHash(kind, value)
		hashes, values[hex.EncodeToString(hash)] = append(hashes, hash), value
	}
	hits, err := d.Store.Erased(ctx, hashes, since)
	if err != nil {
		return err
	}
	for _, hit := range hits {
		r := found[hit.Person]
		if r == nil {
			r = &Restored{Person: hit.Person[:12], Columns: map[string]int{}, ErasedAt: hit.ErasedAt}
			found[hit.Person] = r
		}
		r.note(l, values[hex.EncodeToString(hit.Hash)])
	}
	return nil
}

func (r *Restored) note(l subject.Locating, value string) {
	r.Columns[l.Collection.ID()+"."+l.Column]++
	if l.Directory != nil {
		r.directory, r.key = l.Directory.ID(), []string{value}
		return
	}
	id := dsr.Identity{Kind: l.Kind, Value: value}
	if !slices.Contains(r.identities, id) {
		r.identities = append(r.identities, id)
	}
}

// OpenReplay opens a deletion case about somebody who is back: with a plan, decisions and a certificate of its
// own. Nobody is asked who they are, and nobody is written to: they have asked, and were told.
func (d *Desk) OpenReplay(ctx context.Context, r *Restored, by string) (contract.Ref, error) {
	identities := slices.DeleteFunc(slices.Clone(r.identities), func(id dsr.Identity) bool { return !known(d.Map, id) })
	return d.OpenCase(ctx, Opening{Kind: dsr.Deletion, Ground: dsr.GroundDuty, Channel: "backup", Requester: dsr.RequesterReplay, OpenedBy: by,
		Identities: identities, restored: r})
}

func known(m *datamap.Map, id dsr.Identity) bool {
	_, err := m.Normalise(id.Kind, id.Value)
	return err == nil
}
