package desk

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// Ladder is how far the person of a case is on the ladder. Only who has typed a right code sees it.
type Ladder struct {
	Met      bool // they have proved who they are, or nothing more is asked
	Second   bool // a code to a second registered channel is a way
	Facts    []datamap.Text
	Document bool // a document is a way
	Files    int  // documents that came so far
	Open     bool // documents are taken now
}

// Ladder says what the person of a case can do to prove who they are.
func (d *Desk) Ladder(ctx context.Context, id string) (Ladder, error) {
	ref := contract.NewRef(contract.KindCase, id)
	known, err := d.Store.Identity(ctx, ref)
	if err != nil {
		return Ladder{}, err
	}
	l := Ladder{Met: known.Need.Met(dsr.Proved{Code: known.Code, Second: known.Second, Facts: known.Facts})}
	if l.Met {
		return l, nil
	}
	l.Second = slices.Contains(known.Need.By, dsr.BySecond) && !known.Second
	l.Document = slices.Contains(known.Need.By, dsr.ByDocument)
	if slices.Contains(known.Need.By, dsr.ByFacts) && !known.Facts && known.FactsLeft > 0 {
		asked, err := d.facts(ctx, ref, known.Need.Facts)
		if err != nil {
			return l, err
		}
		for _, f := range asked {
			l.Facts = append(l.Facts, f.title)
		}
	}
	if !l.Document {
		return l, nil
	}
	tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskIdentity)})
	if err != nil {
		return l, err
	}
	for _, t := range tasks {
		files, err := d.Store.Evidence(ctx, t.ID)
		if err != nil {
			return l, err
		}
		l.Files += len(files)
		l.Open = l.Open || t.State == casefile.TaskOpen
		l.Met = l.Met || t.Verdict == dsr.Approve // the worker verifies the signature
	}
	return l, nil
}

// fact is a question and what we hold.
type fact struct {
	title datamap.Text
	value string
}

// facts are the first n facts of the person of a case, in the map's order.
func (d *Desk) facts(ctx context.Context, ref contract.Ref, n int) ([]fact, error) {
	list, chosen, err := d.Store.Accounts(ctx, ref)
	if err != nil || chosen < 0 {
		return nil, err
	}
	var account subject.Account
	if err := json.Unmarshal(list[chosen], &account); err != nil {
		return nil, fault.New(contract.ErrTampered, "a directory row in the casefile cannot be read", err)
	}
	var found []fact
	for _, held := range account.Facts {
		f := fact{title: datamap.Text{ZH: held.Column, EN: held.Column}, value: held.Value}
		if sys := d.Map.System(account.System); sys != nil && sys.Collection(account.Collection) != nil {
			if col := sys.Collection(account.Collection).Column(held.Column); col != nil {
				f.title = col.Title
			}
		}
		if found = append(found, f); len(found) == n {
			break
		}
	}
	return found, nil
}

// TryFacts compares a person's answers with what we hold, all of them together and in constant time, after the
// try was counted. It does not say which answer was wrong.
func (d *Desk) TryFacts(ctx context.Context, id string, answers []string) (bool, error) {
	ref := contract.NewRef(contract.KindCase, id)
	known, err := d.Store.Identity(ctx, ref)
	if err != nil {
		return false, err
	}
	if !known.Code || !slices.Contains(known.Need.By, dsr.ByFacts) {
		return false, fault.Newf(contract.ErrNotOpen, "case %s asks for no facts, or not yet", id)
	}
	asked, err := d.facts(ctx, ref, known.Need.Facts)
	if err != nil {
		return false, err
	}
	right := subtle.ConstantTimeEq(int32(len(asked)), int32(known.Need.Facts)) & subtle.ConstantTimeEq(int32(len(answers)), int32(len(asked)))
	for i, f := range asked {
		typed := ""
		if i < len(answers) {
			typed = answers[i]
		}
		right &= sameFact(f.value, typed)
	}
	met, _, err := d.Store.TryFacts(ctx, ref, right == 1)
	if err != nil {
		return false, err
	}
	if met {
		d.tellClimber(ctx, ref)
	}
	return met, nil
}

// sameFact compares what we hold with what was typed: hashes of both in their plain form, so that neither length
// nor content shows in the time it takes.
func sameFact(held, typed string) int {
	a, b := sha256.Sum256([]byte(plainFact(held))), sha256.Sum256([]byte(plainFact(typed)))
	return subtle.ConstantTimeCompare(a[:], b[:])
}

// plainFact is a value as people write it, without what they write differently: width, case, gaps and signs. A
// day is written in one way.
func plainFact(s string) string {
	s = strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
	if len(s) <= 40 {
		day := strings.NewReplacer("年", "-", "月", "-", "日", "", "/", "-", ".", "-").Replace(s)
		day, _, _ = strings.Cut(day, "t")
		day, _, _ = strings.Cut(day, " ")
		for _, layout := range []string{"2006-1-2", "20060102"} {
			if t, err := time.Parse(layout, day); err == nil {
				return t.Format(time.DateOnly)
			}
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, s)
}

// tellClimber says that something was proved. The child asks the casefile, and looks by itself when the word is lost.
func (d *Desk) tellClimber(ctx context.Context, ref contract.Ref) {
	_ = d.Temporal.SignalWorkflow(ctx, contract.VerificationID(ref), "", contract.Proved.Name, contract.ProvedInput{})
}

// coverDocuments writes the hashes of the documents of a check on its task, so that the signature covers them.
func (d *Desk) coverDocuments(ctx context.Context, t Task, verdict dsr.Verdict, by string) (Task, error) {
	files, err := d.Store.Evidence(ctx, t.ID)
	if err != nil {
		return t, err
	}
	if verdict == dsr.Approve && len(files) == 0 {
		return t, fault.Newf(contract.ErrBadInput, "no document has come for task %s", t.ID).
			WithHint("the person adds it on the portal, or: habeas case evidence add " + t.Ref.ID() + " --file FILE")
	}
	choices := map[string]string{}
	for n, file := range files {
		choices[dsr.EvidenceChoice+strconv.Itoa(n+1)] = hex.EncodeToString(file.SHA256)
	}
	if _, err := d.Store.SetChoices(ctx, t.ID, choices, by); err != nil {
		return t, err
	}
	return d.Task(ctx, t.ID)
}
