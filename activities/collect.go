package activities

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// Collect copies the person's rows of one collection into two sealed parts, JSON and CSV, from
// one snapshot of the database. The parts count when their row in the casefile says so; what an
// attempt left behind that was killed before is wiped with the case.
func (a *Activities) Collect(ctx context.Context, in contract.CollectInput) (contract.CollectResult, error) {
	var out contract.CollectResult
	if done, err := a.collected(ctx, in); err != nil || done != nil {
		if done != nil {
			out.Rows = done.Rows
		}
		return out, err
	}
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	if err := a.notRestriction(ctx, in.Ref); err != nil {
		return out, err
	}
	if c, err := a.Store.Case(ctx, in.Ref); err == nil && c.Scope == dsr.ScopeCategories {
		return out, fault.Newf(contract.ErrNotApproved, "%s asks for no data: none is collected", in.Ref)
	} else if err != nil || c.EndingAt != nil {
		return out, cmp.Or(err, error(fault.Newf(contract.ErrNotOpen, "%s is ending: nothing is collected for it any more", in.Ref)))
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if _, err := a.reached(ctx, in.System, []string{in.Collection}); err != nil {
		return out, err
	}
	ctx = systems.WithRef(ctx, in.Ref)
	search, err := a.search(ctx, in.Ref, account)
	if err != nil {
		return out, err
	}
	if left, err := search.LeftOut(); err != nil || slices.Contains(left, in.System+"."+in.Collection) {
		return out, err // it hangs on a system that was left out, and the package will say so
	}
	if !search.Map.System(in.System).Collection(in.Collection).Shows() {
		return out, nil // nothing in it is handed over in a case of this kind
	}
	parts, err := a.stream(ctx, in, search)
	if err != nil {
		return out, err
	}
	out.Rows, out.Bytes = parts[0].Rows, parts[0].Size+parts[1].Size
	existing, err := a.Store.CommitParts(ctx, in.Ref, parts)
	if existing || fault.Is(err, contract.ErrNotOpen) { // they were not taken
		for _, p := range parts {
			err = errors.Join(err, a.Blobs.Delete(ctx, p.Blob))
		}
	}
	return out, err
}

func (a *Activities) collected(ctx context.Context, in contract.CollectInput) (*casefile.Part, error) {
	parts, err := a.Store.Parts(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(parts, func(p casefile.Part) bool { return p.System == in.System && p.Collection == in.Collection })
	if i < 0 {
		return nil, nil
	}
	return &parts[i], nil
}

// stream writes both parts at once. Their names carry a random piece, so that two attempts at
// once (one of them given up by Temporal) never write the same blob.
func (a *Activities) stream(ctx context.Context, in contract.CollectInput, search subject.Search) ([]casefile.Part, error) {
	key, err := a.Store.Key(ctx, in.Ref)
	if err != nil {
		return nil, err
	}
	identity, err := key.Age()
	if err != nil {
		return nil, err
	}
	attempt, err := attemptName()
	if err != nil {
		return nil, err
	}
	var moved atomic.Int64
	progress(ctx, &moved, 0)
	collection := search.Map.System(in.System).Collection(in.Collection)
	parts := []casefile.Part{
		{System: in.System, Collection: in.Collection, Format: "json"},
		{System: in.System, Collection: in.Collection, Format: "csv"},
	}
	var writers [2]*export.PartWriter
	var rows int64
	put := func(n int, inside func() error) error {
		parts[n].Blob = fmt.Sprintf("%sparts/%s.%s.%s.%s", folder(in.Ref), in.System, in.Collection, attempt, parts[n].Format)
		_, err := a.Blobs.Put(ctx, parts[n].Blob, func(w io.Writer) error {
			var err error
			if writers[n], err = export.NewPartWriter(&counting{w: w, n: &moved}, identity.Recipient()); err != nil {
				return err
			}
			defer writers[n].Abort() // does nothing after Close
			if err := inside(); err != nil {
				return err
			}
			return writers[n].Close()
		})
		return err
	}
	err = put(0, func() error {
		return put(1, func() (err error) {
			rows, err = search.Collect(ctx, collection, writers[0], writers[1])
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for n := range parts {
		info := writers[n].Info(rows)
		parts[n].Rows, parts[n].Size, parts[n].Deflated, parts[n].CRC32, parts[n].SHA256 = rows, info.Size, info.Deflated, info.CRC32, info.SHA256
	}
	return parts, nil
}

// attemptName is the random piece in the name of a blob.
func attemptName() (string, error) {
	raw := make([]byte, 8)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("naming a blob: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// counting counts the bytes that pass, for the heartbeat.
type counting struct {
	w io.Writer
	n *atomic.Int64
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}
