package subject

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"hash"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// circle follows links that lead back until nothing new is found. Every pass starts from what the
// pass before it kept, so that memory does not grow with the keys.
type circle struct {
	*visit
	group   *group
	round   int
	digests map[*datamap.Collection]string // of what was kept in this step
}

// available reports whether the keys of a collection of the circle are of this search. The first
// pass must not use what an earlier search left behind.
func (r *circle) available(from *datamap.Collection) bool {
	if r.w.of[from] != r.group {
		return true
	}
	if from.System.Name == r.sys2() {
		return r.digests[from] != ""
	}
	return r.round > 0 || r.group.before(from.System.Name, r.sys2())
}

// sys2 is the name of the system whose turn it is.
func (r *circle) sys2() string {
	return r.group.systems[(r.level-r.group.first)%len(r.group.systems)]
}

func (r *circle) settle(ctx context.Context, members []*datamap.Collection) error {
	for changed := true; changed; {
		changed = false
		for _, c := range members {
			sel, err := r.selection(ctx, r.w, c, r.available)
			if err != nil {
				return err
			}
			sum := sha256.New()
			if err := r.keep(ctx, c, sel, sum); err != nil {
				return err
			}
			if now := digest(sum); now != r.digests[c] {
				r.digests[c], changed = now, true
			}
		}
	}
	return nil
}

// kept is the digest of what the round before kept of c.
func (r *circle) kept(ctx context.Context, c *datamap.Collection) (string, error) {
	sum := sha256.New()
	names := [][]string{}
	for _, set := range r.w.onward(c) {
		names = append(names, set.name())
	}
	for _, match := range r.w.widening(c) {
		names = append(names, widenedName(match))
	}
	for _, name := range names {
		err := r.Keys.Keys(ctx, c.ID(), name, func(keys [][]string) error { return feed(sum, keys) })
		if err != nil {
			return "", err
		}
		sum.Write([]byte{0})
	}
	return digest(sum), nil
}

func digest(h hash.Hash) string { return string(h.Sum(nil)) }

// feed adds keys to a digest, in the same way however they are cut into pages.
func feed(to hash.Hash, keys [][]string) error {
	if to == nil {
		return nil
	}
	for _, tuple := range keys {
		raw, err := json.Marshal(tuple)
		if err != nil {
			return err
		}
		to.Write(append(raw, '\n'))
	}
	return nil
}
