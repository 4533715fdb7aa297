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

// WipeEvidence deletes the proofs of a correction, what a representative has shown, and the documents that somebody
// proved with who they are, each once its time after the decision on it is over. It says when to come again. What is
// not decided yet keeps nothing else: its error comes last.
func (a *Activities) WipeEvidence(ctx context.Context, in contract.RefInput) (contract.WipeResult, error) {
	again, err := a.wipeDocuments(ctx, in.Ref, false)
	if err != nil {
		return contract.WipeResult{}, err
	}
	var open error
	for kind, decided := range map[dsr.TaskKind]func(context.Context, contract.Ref) (time.Time, error){
		dsr.TaskEvidence: a.decidedAt, dsr.TaskAuthority: a.authorityDecidedAt,
	} {
		next, err := a.wipeProofs(ctx, in.Ref, kind, decided)
		switch {
		case fault.Is(err, contract.ErrNotApproved):
			open = err
		case err != nil:
			return contract.WipeResult{}, err
		case !next.IsZero():
			again = earlierOf(again, next)
		}
	}
	return contract.WipeResult{Again: again}, open
}

// wipeProofs deletes the files of the tasks of a kind, or says when to come again for them.
func (a *Activities) wipeProofs(ctx context.Context, ref contract.Ref, kind dsr.TaskKind, decided func(context.Context, contract.Ref) (time.Time, error)) (again time.Time, err error) {
	files, err := a.Store.Proofs(ctx, ref, kind)
	if err != nil {
		return again, err
	}
	files = slices.DeleteFunc(files, wiped)
	if len(files) == 0 {
		return again, nil
	}
	at, err := decided(ctx, ref)
	if err != nil {
		return again, err
	}
	if at = at.Add(a.Config.EvidenceFor); at.After(a.Now()) {
		return at, nil
	}
	return again, a.wipeFiles(ctx, ref, files)
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
