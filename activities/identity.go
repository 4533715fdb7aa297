package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// verified refuses whoever has not proved who they are, as far as the case needs it, and for whom no
// controller vouches: nothing is searched, handed out or erased for them, whatever the workflow was told.
func (a *Activities) verified(ctx context.Context, ref contract.Ref) error {
	id, err := a.Store.Identity(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) && id.Code {
		id.Need, err = a.need(ctx, ref)
	}
	if err == nil {
		return a.climbed(ctx, ref, id)
	}
	if fault.Is(err, contract.ErrNotFound) {
		err = a.vouched(ctx, ref)
	}
	if fault.Is(err, contract.ErrNotFound) {
		err = a.restored(ctx, ref)
	}
	if fault.Is(err, contract.ErrNotFound) {
		err = a.atOnce(ctx, ref)
	}
	if fault.Is(err, contract.ErrNotFound) {
		return fault.Newf(contract.ErrNotApproved, "%s: nobody has proved who they are", ref)
	}
	return err
}

// climbed says whether the proofs in the casefile reach the rung that the case needs. A document counts by
// the signature of whoever looked at it, which is verified here.
func (a *Activities) climbed(ctx context.Context, ref contract.Ref, id casefile.Identity) error {
	proved := dsr.Proved{Code: id.Code, Second: id.Second, Facts: id.Facts}
	if id.Need.Met(proved) {
		return nil
	}
	unproved := fault.Newf(contract.ErrNotApproved, "%s: the person has not proved who they are at L%d", ref, id.Need.Rung)
	if !slices.Contains(id.Need.By, dsr.ByDocument) {
		return unproved
	}
	return a.decided(ctx, ref, unproved, dsr.Approve, func(t casefile.Task) bool { return t.Kind == dsr.TaskIdentity })
}

// need is what the person of a case must prove. It is worked out once, from the casefile, the laws that the
// case is pinned to and the map, and stays.
func (a *Activities) need(ctx context.Context, ref contract.Ref) (dsr.Need, error) {
	id, err := a.Store.Identity(ctx, ref)
	if err == nil || !fault.Is(err, contract.ErrNotFound) {
		return id.Need, err
	}
	account, err := a.account(ctx, ref)
	if err != nil {
		return dsr.Need{}, err
	}
	asked, err := a.asking(ctx, ref, account)
	if err != nil {
		return dsr.Need{}, err
	}
	n := dsr.NeedOf(asked)
	return n, a.Store.SetNeed(ctx, ref, n)
}

func (a *Activities) asking(ctx context.Context, ref contract.Ref, account subject.Account) (dsr.Asking, error) {
	s, err := a.clocks(ctx, ref)
	if err != nil {
		return dsr.Asking{}, err
	}
	asked := dsr.Asking{
		Kind: s.Case.Kind, Scope: s.Case.Scope, Channel: s.Case.Channel, Facts: len(account.Facts), Documents: a.Map.Papers(),
		Holds:   map[string]int{datamap.Sensitive: dsr.HoldsSensitive, datamap.Special: dsr.HoldsSpecial}[a.Map.Holds()],
		Changed: len(account.Reader) == 0 && changed(account.Channels, a.Now()), Trusted: len(a.trusted(account)),
	}
	for _, law := range s.Laws {
		level, points := law.Profile.Rung(string(s.Case.Kind))
		asked.Floor, asked.Points = max(asked.Floor, dsr.Rung(level)), max(asked.Points, points)
		asked.OnlyHeld = asked.OnlyHeld || law.Profile.OnlyHeld()
	}
	return asked, nil
}

// ReadStanding says how far the person of a case is.
func (a *Activities) ReadStanding(ctx context.Context, in contract.RefInput) (contract.Standing, error) {
	need, err := a.need(ctx, in.Ref)
	if err != nil {
		return contract.Standing{}, err
	}
	out := contract.Standing{Document: slices.Contains(need.By, dsr.ByDocument)}
	err = a.verified(ctx, in.Ref)
	if !fault.Is(err, contract.ErrNotApproved) {
		out.Met = err == nil
		return out, err
	}
	err = a.turnedDown(ctx, in.Ref, err)
	out.Refused = err == nil
	if fault.Is(err, contract.ErrNotApproved) {
		err = nil
	}
	return out, err
}

// turnedDown says whether somebody signed that the document of a person does not prove who they are.
func (a *Activities) turnedDown(ctx context.Context, ref contract.Ref, otherwise error) error {
	return a.decided(ctx, ref, otherwise, dsr.Reject, func(t casefile.Task) bool { return t.Kind == dsr.TaskIdentity })
}

// WarnOwner tells whoever owns the account, by every registered channel to which no code went, that somebody asks
// in their name: when a channel changed not long ago, and when a case was locked. Where there is no other channel
// it goes to the one there is. Again: nothing.
func (a *Activities) WarnOwner(ctx context.Context, in contract.WarnInput) (contract.WarnResult, error) {
	var out contract.WarnResult
	id, err := a.Store.Identity(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	occasion := in.Why
	switch {
	case in.Why == contract.WarnLocked && id.Locks > 0:
		occasion = fmt.Sprintf("locked-%d", min(id.Locks, maxWarnings))
	case in.Why == contract.WarnChanged && slices.Contains(id.Need.Why, dsr.WhyChanged):
	default:
		return out, fault.Newf(contract.ErrNotApproved, "nothing about %s asks for a warning", in.Ref)
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	code, err := a.codeChannel(ctx, in.Ref, account, dsr.CodeVerify)
	if err != nil {
		return out, err
	}
	fields, err := a.fields(ctx, in.Ref, account)
	if err != nil {
		return out, err
	}
	fields.Locked = in.Why == contract.WarnLocked
	all := a.reachable(account)
	for i, to := range all {
		if len(all) > 1 && code != nil && to.Address == code.Address {
			continue
		}
		state, err := a.deliver(ctx, contract.LetterInput{Ref: in.Ref, Template: string(letters.NotYouAlert),
			Occasion: fmt.Sprintf("%s-%d", occasion, i+1)}, account, fields, &to)
		if err != nil {
			return out, err
		}
		if state == contract.LetterSent {
			out.Sent++
		}
	}
	return out, nil
}

// showIdentity shows a reviewer who the document must prove somebody to be, in clear: they compare it.
func (a *Activities) showIdentity(ctx context.Context, s *dsr.Shown) error {
	need, err := a.need(ctx, s.Ref)
	if err != nil {
		return err
	}
	account, err := a.account(ctx, s.Ref)
	if err != nil {
		return err
	}
	if err := a.showRequest(ctx, s); err != nil {
		return err
	}
	s.Identity = &dsr.ShownIdentity{Rung: need.Rung, Why: need.Why}
	for _, id := range account.Identities {
		if !id.Shared {
			s.Identity.Person = append(s.Identity.Person, dsr.Identity{Kind: id.Kind, Value: id.Value})
		}
	}
	sys := a.Map.System(account.System)
	if sys == nil || sys.Collection(account.Collection) == nil {
		return nil
	}
	for _, fact := range account.Facts {
		name := fact.Column
		if col := sys.Collection(account.Collection).Column(fact.Column); col != nil {
			name = col.Title.In("en")
		}
		s.Identity.Person = append(s.Identity.Person, dsr.Identity{Kind: name, Value: fact.Value})
	}
	return nil
}

// wayWords are what people are told of the ways beyond a code.
var wayWords = map[string]datamap.Text{
	dsr.BySecond:   {ZH: "输入发送到您另一个登记邮箱或手机号码的验证码", EN: "A second code, sent to your other registered address or number"},
	dsr.ByFacts:    {ZH: "回答几个只有您本人知道的问题，答案我们已掌握", EN: "The answers to a few questions about data that we hold already"},
	dsr.ByDocument: {ZH: "上传身份证件的照片或扫描件，由工作人员比对", EN: "A picture or scan of an identity document, which a member of staff compares"},
}

func (a *Activities) ways(ctx context.Context, ref contract.Ref, lang string) ([]string, error) {
	need, err := a.need(ctx, ref)
	var list []string
	for _, by := range need.By {
		list = append(list, wayWords[by].In(lang))
	}
	return list, err
}

// maySecond says whether a code to a second channel is one of the ways, now that the first one is met.
func (a *Activities) maySecond(ctx context.Context, ref contract.Ref) error {
	id, err := a.Store.Identity(ctx, ref)
	if err == nil && (!id.Code || !slices.Contains(id.Need.By, dsr.BySecond)) {
		err = fault.Newf(contract.ErrNotApproved, "%s needs no code to a second channel, or not yet", ref)
	}
	return err
}

// reminders are when, counted from the beginning, somebody who has not proved who they are is reminded: twice, at
// five and ten days of fourteen. A time of a few seconds has none.
func reminders(within time.Duration) []time.Duration {
	if within < 10*time.Second {
		return nil
	}
	return []time.Duration{within * 5 / 14, within * 10 / 14}
}

// mayRemind says whether somebody may be told that more is needed, or be reminded, now: once when it is, and each
// reminder when its time has come.
func (a *Activities) mayRemind(ctx context.Context, in contract.LetterInput) error {
	unfounded := fault.Newf(contract.ErrNotApproved, "%s is not to be reminded now", in.Ref)
	err := a.verified(ctx, in.Ref)
	if err == nil {
		return unfounded
	}
	if !fault.Is(err, contract.ErrNotApproved) {
		return err
	}
	if in.Template == string(letters.VerifyMore) {
		need, err := a.need(ctx, in.Ref)
		if err == nil && need.Rung <= dsr.RungCode {
			err = unfounded
		}
		return err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil || c.VerifyUntil == nil {
		return errorOr(err, unfounded)
	}
	for n, after := range reminders(a.Config.VerifyWithin) {
		if in.Occasion == fmt.Sprintf("remind-%d", n+1) {
			at := c.VerifyUntil.Add(after - a.Config.VerifyWithin)
			return a.past(&at, unfounded)
		}
	}
	return unfounded
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// maxWarnings bounds how many locks of one case somebody is told of: whoever guesses must not fill a mailbox.
const maxWarnings = 3
