package activities

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// OpenTask puts together what a human is to see and keeps it, sealed; a decision will cover its
// digest. The same reference, kind and occasion give the same task.
func (a *Activities) OpenTask(ctx context.Context, in contract.OpenTaskInput) (contract.OpenTaskResult, error) {
	shown := dsr.Shown{Ref: in.Ref, Kind: dsr.TaskKind(in.Kind), Occasion: in.Occasion, System: in.System, Problem: in.Problem}
	fill, ok := map[dsr.TaskKind]func(context.Context, *dsr.Shown) error{
		dsr.TaskChooseAccount: a.showCandidates,
		dsr.TaskNoAccount:     a.showRequest,
		dsr.TaskReview:        a.showFound,
		dsr.TaskRelease:       a.showPackage,
		dsr.TaskEnrol:         a.showStaff,
		dsr.TaskExtend:        a.showMotion,
		dsr.TaskRefuse:        a.showMotion,
		dsr.TaskPlan:          a.showPlan,
		dsr.TaskErase:         a.showPlan,
		dsr.TaskEraseLarge:    a.showPlan,
		dsr.TaskLift:          a.showLift,
		dsr.TaskPreflight:     a.showFindings,
		dsr.TaskHeld:          a.showHeld,
		dsr.TaskEraseFailed:   a.showDone,
		dsr.TaskLeft:          a.showRemains,
		dsr.TaskReleaseHold:   a.showHold,
		dsr.TaskByHand:        a.showByHand,
		dsr.TaskRetention:     a.showRun,
		dsr.TaskEvidence:      a.showProof,
		dsr.TaskRealName:      a.showName,
		dsr.TaskAuthority:     a.showRepresentative, dsr.TaskMayAct: a.showRepresentative, dsr.TaskRelative: a.showRepresentative,
		dsr.TaskCorrect: a.showCorrection, dsr.TaskCorrectStrict: a.showCorrection,
		dsr.TaskCorrectFailed: a.showCorrected,

		dsr.TaskExtendRetention: a.showExtension,

		dsr.TaskNoticeIncomplete: a.showNotice, dsr.TaskNoticeWave: a.showNotice, dsr.TaskNoticeNone: a.showNotice, dsr.TaskNoticeCounsel: a.showNotice,
		dsr.TaskNoticeControl: a.showNotice, dsr.TaskNoticeStopped: a.showNotice, dsr.TaskReport: a.showNotice,
		dsr.TaskPhoneRound: a.showNotice, dsr.TaskLetterRound: a.showNotice, dsr.TaskPublicNotice: a.showNotice,
	}[shown.Kind]
	if shown.Kind == dsr.TaskUnreachable {
		fill, ok = func(ctx context.Context, s *dsr.Shown) error { return a.showUnsent(ctx, s, in.Outcome) }, true
	}
	if ok {
		if err := fill(ctx, &shown); err != nil {
			return contract.OpenTaskResult{}, err
		}
	}
	raw, err := shown.Bytes()
	if err != nil {
		return contract.OpenTaskResult{}, err
	}
	task, err := a.Store.OpenTask(ctx, casefile.NewTask{Ref: in.Ref, Kind: shown.Kind, Occasion: in.Occasion, System: in.System, Shown: raw, Due: a.dueOf(shown)})
	return contract.OpenTaskResult{Task: task.ID, Verdict: string(task.Verdict), Void: task.State == casefile.TaskVoid}, err
}

// VoidTask closes a task that nobody needs to answer any more: a system answered after all, or
// somebody who was hard to reach has proved who they are; or a part of the answer was refused, and
// what review or release shows is no longer so. No other task may be taken from under the eyes of
// staff.
func (a *Activities) VoidTask(ctx context.Context, in contract.VoidTaskInput) (contract.VoidTaskResult, error) {
	var out contract.VoidTaskResult
	task, err := a.Store.Task(ctx, in.Task)
	if err != nil {
		return out, err
	}
	if err := a.mayVoidWithdrawn(ctx, task, in.Ref); err == nil {
		if err := a.Store.VoidTask(ctx, in.Task, "withdrawn"); err != nil {
			return out, err
		}
		task, err = a.Store.Task(ctx, in.Task)
		return contract.VoidTaskResult{Verdict: string(task.Verdict)}, err
	}
	ofSystem := task.System != "" && (task.Kind == dsr.TaskSystemDown || task.Kind == dsr.TaskFailed)
	ofNotice := task.Kind == dsr.TaskNoticeWave || task.Kind == dsr.TaskNoticeNone || task.Kind == dsr.TaskNoticeIncomplete || task.Kind == dsr.TaskNoticeCounsel
	ofAnswer := task.Kind == dsr.TaskReview || task.Kind == dsr.TaskRelease
	if ofAnswer {
		if ofAnswer, err = a.stale(ctx, task); err != nil {
			return out, err
		}
	}
	if task.Ref != in.Ref || !(ofSystem || ofAnswer || ofNotice || task.Kind == dsr.TaskUnreachable) {
		return out, fault.Newf(contract.ErrNotApproved, "task %s waits for its answer and is not closed without one", task.ID)
	}
	if task.Kind == dsr.TaskUnreachable {
		if err := a.verified(ctx, in.Ref); err != nil {
			return out, err
		}
	}
	if err := a.Store.VoidTask(ctx, in.Task, in.Why); err != nil {
		return out, err
	}
	task, err = a.Store.Task(ctx, in.Task)
	return contract.VoidTaskResult{Verdict: string(task.Verdict)}, err
}

// RecordDecision checks a decision (key, role, second person, digest, nonce) and writes answer
// and ledger line in one transaction. A refused one is in the ledger too.
func (a *Activities) RecordDecision(ctx context.Context, in contract.RecordDecisionInput) (contract.DecideResult, error) {
	var out contract.DecideResult
	task, err := a.Store.Task(ctx, in.Decision.Task)
	if err != nil {
		return out, err
	}
	if task.Ref != in.Ref {
		return out, fault.Newf(contract.ErrBadSignature, "task %s belongs to another case", task.ID)
	}
	if err := a.byHandAnswer(ctx, task, dsr.Verdict(in.Decision.Verdict)); err != nil {
		return out, err
	}
	reason := []byte{}
	if len(in.Decision.SealedReason) > 0 {
		reason, err = a.Store.Unseal(ctx, in.Ref, dsr.SealedReason, in.Decision.SealedReason)
		if err != nil {
			return out, fault.New(contract.ErrBadSignature, "the reason was not sealed for this case", err)
		}
	}
	recorded, err := a.Store.RecordDecision(ctx, dsr.Decision{
		Installation: a.Keys.Installation(), Ref: in.Ref, TaskKind: task.Kind, Task: task.ID,
		Digest: in.Decision.Digest, Verdict: dsr.Verdict(in.Decision.Verdict), Reason: string(reason),
		Nonce: in.Decision.Nonce, Staff: in.Decision.Staff, Signature: in.Decision.Signature,
	}, a.Pins)
	return contract.DecideResult{Verdict: string(recorded.Verdict), Done: recorded.Done}, err
}

func (a *Activities) showRequest(ctx context.Context, s *dsr.Shown) error {
	request, err := a.Store.Request(ctx, s.Ref)
	if err != nil {
		return err
	}
	for _, id := range request.Identities {
		s.Requested = append(s.Requested, id.Kind+": "+dsr.Mask(id.Kind, id.Value))
	}
	return nil
}

func (a *Activities) showCandidates(ctx context.Context, s *dsr.Shown) error {
	if err := a.showRequest(ctx, s); err != nil {
		return err
	}
	list, _, err := a.Store.Accounts(ctx, s.Ref)
	if err != nil {
		return err
	}
	for n, raw := range list {
		account, err := readAccount(raw)
		if err != nil {
			return err
		}
		c := dsr.Candidate{N: n, System: account.System + "." + account.Collection, Name: dsr.Mask("account", account.Name)}
		for _, ch := range account.Channels {
			c.Channels = append(c.Channels, ch.Kind+": "+dsr.Mask(ch.Kind, ch.Address))
		}
		s.Candidates = append(s.Candidates, c)
	}
	return nil
}

func (a *Activities) showFound(ctx context.Context, s *dsr.Shown) error {
	if err := a.showRequest(ctx, s); err != nil {
		return err
	}
	account, err := a.account(ctx, s.Ref)
	if err != nil {
		return err
	}
	for _, id := range account.Identities {
		if id.Shared && !slices.Contains(s.Ambiguous, id.Kind) {
			s.Ambiguous = append(s.Ambiguous, id.Kind)
		}
	}
	if s.Partial, err = a.partial(ctx, s.Ref); err != nil {
		return err
	}
	if err := a.showWithheld(ctx, s); err != nil {
		return err
	}
	parts, err := a.Store.Parts(ctx, s.Ref)
	if err != nil {
		return err
	}
	shared, err := a.showSearch(ctx, s, account)
	if err != nil {
		return err
	}
	if err := a.showFiles(ctx, s); err != nil {
		return err
	}
	over, err := a.answerMapOf(ctx, s.Ref)
	if err != nil {
		return err
	}
	if err := a.showKinds(ctx, s); err != nil {
		return err
	}
	for _, sys := range over.Systems {
		for _, c := range sys.Collections {
			i := slices.IndexFunc(parts, func(p casefile.Part) bool { return p.System == sys.Name && p.Collection == c.Name })
			if i < 0 {
				continue
			}
			shown := dsr.ShownCollection{System: sys.Name, Collection: c.Name, Rows: parts[i].Rows, Shared: shared[c.ID()], SHA256: partHash(parts, parts[i])}
			for _, column := range c.ThirdParty() {
				shown.ThirdParty = append(shown.ThirdParty, column.Name)
			}
			s.Collections = append(s.Collections, shown)
		}
	}
	return nil
}

// showSearch shows what the search used and what it could not reach, and gives how many rows of
// each collection somebody else may claim too.
func (a *Activities) showSearch(ctx context.Context, s *dsr.Shown, account subject.Account) (map[string]int64, error) {
	search := subject.Search{Map: a.Map, Account: account, Keys: a.Store.KeyStore(s.Ref), Without: s.Partial}
	left, err := search.LeftOut()
	if err != nil {
		return nil, err
	}
	for _, id := range left {
		if system, _, _ := strings.Cut(id, "."); !slices.Contains(s.Partial, system) {
			s.LeftOut = append(s.LeftOut, id)
		}
	}
	widened, err := search.Widened(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range widened {
		text := v.System + "." + v.Collection + "." + v.Column + ": " + dsr.Mask(v.Identity.Kind, v.Identity.Value)
		if v.Identity.Shared {
			text += " (not used: it is somebody else's too)"
		}
		s.Widened = append(s.Widened, text)
	}
	return search.Shared(ctx)
}

func (a *Activities) showPackage(ctx context.Context, s *dsr.Shown) error {
	if err := a.showFound(ctx, s); err != nil {
		return err
	}
	p, err := a.Store.Package(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ManifestSHA256, s.Files, s.Size = hex.EncodeToString(p.ManifestHash), p.Files, p.Size
	return nil
}

func (a *Activities) showStaff(ctx context.Context, s *dsr.Shown) error {
	proposed, err := a.Store.Proposal(ctx, s.Ref)
	if err != nil {
		return err
	}
	s.ShownStaff = &dsr.ShownStaff{Name: proposed.Name, Roles: proposed.Roles, PublicKey: seal.EncodePublic(proposed.PublicKey)}
	return nil
}

// partHash is the hash of the JSON part of the same collection.
func partHash(parts []casefile.Part, of casefile.Part) string {
	for _, p := range parts {
		if p.System == of.System && p.Collection == of.Collection && p.Format == "json" {
			return hex.EncodeToString(p.SHA256)
		}
	}
	return ""
}

func taskFilter(ref contract.Ref) casefile.TaskFilter {
	return casefile.TaskFilter{Ref: ref, Limit: 1000}
}
