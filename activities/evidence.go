package activities

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// WipeEvidence deletes the proofs of a correction, and the documents that somebody proved with who they are, once
// their time after the decision is over. It says when to come again.
func (a *Activities) WipeEvidence(ctx context.Context, in contract.RefInput) (contract.WipeResult, error) {
	again, err := a.wipeDocuments(ctx, in.Ref, false)
	if err != nil {
		return contract.WipeResult{}, err
	}
	proofs, err := a.Store.Proofs(ctx, in.Ref, dsr.TaskEvidence)
	if err != nil {
		return contract.WipeResult{}, err
	}
	proofs = slices.DeleteFunc(proofs, wiped)
	if len(proofs) == 0 {
		return contract.WipeResult{Again: again}, nil
	}
	decided, err := a.decidedAt(ctx, in.Ref)
	if err != nil {
		return contract.WipeResult{}, err
	}
	if at := decided.Add(a.Config.EvidenceFor); at.After(a.Now()) {
		return contract.WipeResult{Again: earlierOf(again, at)}, nil
	}
	return contract.WipeResult{Again: again}, a.wipeFiles(ctx, in.Ref, proofs)
}

// wipeDocuments deletes the documents of checks that were decided long enough ago, or all of them at the end of a
// case, and says when the next are due.
func (a *Activities) wipeDocuments(ctx context.Context, ref contract.Ref, all bool) (again time.Time, err error) {
	files, err := a.Store.Proofs(ctx, ref, dsr.TaskIdentity)
	if err != nil {
		return again, err
	}
	for _, file := range slices.DeleteFunc(files, wiped) {
		task, err := a.Store.Task(ctx, file.Task)
		if err != nil {
			return again, err
		}
		due := a.Now().Add(time.Hour) // not decided yet
		if task.DoneAt != nil {
			due = task.DoneAt.Add(a.Config.EvidenceFor)
		}
		if !all && due.After(a.Now()) {
			again = earlierOf(again, due)
			continue
		}
		if err := a.wipeFiles(ctx, ref, []casefile.Evidence{file}); err != nil {
			return again, err
		}
	}
	return again, nil
}

func (a *Activities) wipeFiles(ctx context.Context, ref contract.Ref, files []casefile.Evidence) error {
	for _, file := range files {
		if err := a.Blobs.Delete(ctx, file.Blob); err != nil && !fault.Is(err, contract.ErrNotFound) {
			return err
		}
		if err := a.Store.MarkProofWiped(ctx, ref, file); err != nil {
			return err
		}
	}
	return nil
}

func wiped(e casefile.Evidence) bool { return e.WipedAt != nil }

// earlierOf is the earlier of two times, of which the first may be zero.
func earlierOf(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
