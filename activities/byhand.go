package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// showByHand shows what is to be done in a system that no driver reaches, and about whom. Nobody is
// named to anybody before they have proved who they are, nor before a deletion was begun rightly.
func (a *Activities) showByHand(ctx context.Context, s *dsr.Shown) error {
	c, err := a.Store.Case(ctx, s.Ref)
	if err != nil {
		return err
	}
	if err := a.verified(ctx, s.Ref); err != nil {
		return err
	}
	right := rightOf(c.Kind, s.Occasion)
	if right == datamap.RightDeletion {
		if _, err := a.carriedOut(ctx, s.Ref); err != nil {
			return err
		}
	}
	sys := a.Map.System(s.System)
	if sys == nil || sys.Outside == nil || !slices.Contains(sys.Outside.Rights, right) {
		return fault.Newf(contract.ErrMapMismatch, "the data map has no system %q where %s is done by hand", s.System, right)
	}
	s.ByHand = &dsr.ShownByHand{Right: right, Instructions: byLanguage(sys.Outside.Instructions), Evidence: byLanguage(sys.Outside.Evidence)}
	if right == datamap.RightCorrection {
		s.ByHand.Instructions, s.ByHand.Evidence = byLanguage(sys.Outside.Correct), nil
		if s.ByHand.Changes, err = a.changes(ctx, s.Ref); err != nil {
			return err
		}
	}
	s.ByHand.Person, err = a.told(ctx, s.Ref, sys)
	return err
}

// rightOf is what a task by hand is for: in a case that gives a copy and then deletes, its occasion says.
func rightOf(kind dsr.CaseKind, occasion string) string {
	if kind == dsr.Correction {
		return datamap.RightCorrection
	}
	if kind.Erases() && (!kind.Copies() || !strings.HasPrefix(occasion, contract.ForCopy)) {
		return datamap.RightDeletion
	}
	return datamap.RightAccess
}

// changes are the fields that the last plan that was begun corrects, by name, with what they are to be.
func (a *Activities) changes(ctx context.Context, ref contract.Ref) ([]dsr.Identity, error) {
	done, err := a.correctedSoFar(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []dsr.Identity
	for _, f := range done.body.Corrected() {
		list = append(list, dsr.Identity{Kind: f.Name, Value: f.New})
	}
	return list, nil
}

func byLanguage(t datamap.Text) map[string]string {
	out := map[string]string{}
	for lang, text := range map[string]string{"zh": t.ZH, "en": t.EN} {
		if text != "" {
			out[lang] = text
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// told are the identities by which a person is named to whoever is asked to act in a system: of the
// verified directory row, of the kinds that the map lists, and none that somebody else has too.
func (a *Activities) told(ctx context.Context, ref contract.Ref, sys *datamap.System) ([]dsr.Identity, error) {
	account, err := a.account(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []dsr.Identity
	for _, id := range account.Identities {
		if slices.Contains(sys.Outside.Tells, id.Kind) && !id.Shared && !id.Bound {
			list = append(list, dsr.Identity{Kind: id.Kind, Value: id.Value})
		}
	}
	if len(list) == 0 {
		return nil, fault.Newf(contract.ErrMapMismatch, "nothing by which %q tells people apart is known of the person of %s", sys.Name, ref)
	}
	return list, nil
}

// dueOf is until when a task is to be answered; nil: it has no time of its own.
func (a *Activities) dueOf(s dsr.Shown) *time.Time {
	if s.ByHand == nil {
		return nil
	}
	due := a.Now().Add(a.Map.System(s.System).Outside.Due)
	return &due
}

// byHandAnswer refuses an answer that lacks what the task asks for.
func (a *Activities) byHandAnswer(ctx context.Context, task casefile.Task, verdict dsr.Verdict) error {
	if task.Kind == dsr.TaskEvidence || task.Kind == dsr.TaskAuthority {
		if _, _, missing := dsr.Proof(task.Choices); missing != "" {
			return fault.New(contract.ErrBadInput, missing, nil)
		}
		return nil
	}
	if verdict == dsr.Approve && (task.Kind == dsr.TaskMayAct || task.Kind == dsr.TaskRelative) {
		_, err := a.documented(ctx, task)
		return err
	}
	if task.Kind != dsr.TaskByHand || verdict != dsr.Complete {
		return nil
	}
	_, _, missing, err := a.answerOf(ctx, task)
	if err == nil && missing != "" {
		err = fault.New(contract.ErrBadInput, missing, nil)
	}
	return err
}

// answerOf reads the answer to a task by hand, the right that it is for, and what is missing in it.
func (a *Activities) answerOf(ctx context.Context, task casefile.Task) (answer dsr.Answer, right, missing string, err error) {
	raw, err := a.Store.Shown(ctx, task.ID)
	if err != nil {
		return answer, "", "", err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil || shown.ByHand == nil {
		return answer, "", "it shows nothing that was to be done", err
	}
	answer, missing = shown.ByHand.Answer(task.Choices)
	return answer, shown.ByHand.Right, missing, nil
}

// handWork is what was done by hand in one system, rightly signed.
type handWork struct {
	task   casefile.Task
	answer dsr.Answer
	files  []casefile.Evidence // in the order of the answer
}

// byHand gives what was done by hand for a right of a case, by system. Each signature is verified, and each file
// that the answer names must be there.
func (a *Activities) byHand(ctx context.Context, ref contract.Ref, right string) (map[string]handWork, error) {
	tasks, err := a.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskByHand), Limit: 1000})
	if err != nil {
		return nil, err
	}
	done := map[string]handWork{}
	for _, t := range tasks {
		if t.Verdict != dsr.Complete {
			continue
		}
		task, err := a.Store.CheckVerdict(ctx, t.ID, dsr.Complete, a.Pins)
		if err != nil {
			return nil, err
		}
		work := handWork{task: task}
		var of, missing string
		if work.answer, of, missing, err = a.answerOf(ctx, task); err != nil {
			return nil, err
		}
		if of != right && missing == "" {
			continue
		}
		if missing != "" {
			return nil, fault.Newf(contract.ErrNotApproved, "what task %s says was done by hand is not whole", task.ID)
		}
		if work.files, err = a.evidence(ctx, task, work.answer); err != nil {
			return nil, err
		}
		done[task.System] = work
	}
	return done, nil
}

func (a *Activities) evidence(ctx context.Context, task casefile.Task, answer dsr.Answer) ([]casefile.Evidence, error) {
	list, err := a.Store.Evidence(ctx, task.ID)
	if err != nil {
		return nil, err
	}
	var files []casefile.Evidence
	for _, hash := range answer.Evidence {
		i := slices.IndexFunc(list, func(e casefile.Evidence) bool { return hex.EncodeToString(e.SHA256) == hash })
		if i < 0 {
			return nil, fault.Newf(contract.ErrTampered, "a file that the answer to task %s names is not there", task.ID)
		}
		files = append(files, list[i])
	}
	return files, nil
}

// showFiles shows how many files came from systems in which people looked by hand, so that the review
// is of these very files.
func (a *Activities) showFiles(ctx context.Context, s *dsr.Shown) error {
	hands, err := a.byHand(ctx, s.Ref, datamap.RightAccess)
	if err != nil {
		return err
	}
	for _, sys := range a.Map.Asked(datamap.RightAccess) {
		work, ok := hands[sys.Name]
		if !ok {
			continue
		}
		sum := sha256.New()
		for _, f := range work.files {
			sum.Write(f.SHA256)
		}
		s.Collections = append(s.Collections, dsr.ShownCollection{System: sys.Name, Collection: "files", Rows: int64(len(work.files)), SHA256: hex.EncodeToString(sum.Sum(nil))})
	}
	return nil
}

// attached are the files of one system for the package. A system in which nobody has looked yet has
// none, and stops it.
func (a *Activities) attached(sys *datamap.System, hands map[string]handWork) ([]export.Attached, error) {
	work, ok := hands[sys.Name]
	if !ok {
		return nil, fault.Newf(contract.ErrNotApproved, "nobody has signed what is held by hand in %s, or to leave it out", sys.Name)
	}
	var files []export.Attached
	for _, f := range work.files {
		files = append(files, export.Attached{System: sys, Ending: ending(f.Name), Source: export.PartSource{Name: f.Blob,
			Info: export.PartInfo{Rows: 1, Size: f.Size, Deflated: f.Deflated, CRC32: f.CRC32, SHA256: f.SHA256}}})
	}
	return files, nil
}

// ending is that of a file's name where it is plainly one: the rest of the name may say too much.
func ending(name string) string {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	if len(ext) > 8 || ext == "" || strings.ContainsFunc(ext, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return "bin"
	}
	return ext
}
