package activities

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// fresh says whether a channel changed not long ago. One of which the directory does not say since when did not.
func fresh(c subject.Channel, now time.Time) bool { return now.Sub(c.Since) < dsr.FreshChannel }

// changed says whether one of the channels changed not long ago. Those of an account that is new altogether did
// not change: they were registered together.
func changed(list []subject.Channel, now time.Time) bool {
	if len(list) > 1 && !slices.ContainsFunc(list, func(c subject.Channel) bool { return !c.Since.Equal(list[0].Since) }) {
		return false
	}
	return slices.ContainsFunc(list, func(c subject.Channel) bool { return fresh(c, now) })
}

// trusted are the channels that we can reach and that did not change not long ago.
func (a *Activities) trusted(account subject.Account) []subject.Channel {
	if len(account.Reader) > 0 || !changed(account.Channels, a.Now()) {
		return a.reachable(account)
	}
	return slices.DeleteFunc(a.reachable(account), func(c subject.Channel) bool { return fresh(c, a.Now()) })
}

func (a *Activities) reachable(account subject.Account) []subject.Channel {
	channels := account.Channels
	if len(account.Reader) > 0 { // whoever reads in the person's place
		channels = account.Reader
	}
	var list []subject.Channel
	for _, c := range channels {
		if c.Kind == "email" || (c.Kind == "mobile" && a.SMS != nil) {
			list = append(list, c)
		}
	}
	return list
}

// firstChannel is where the first code goes: of the channels that did not change lately the first, or the first
// of the preferred kind; where all did, the first of all.
func (a *Activities) firstChannel(account subject.Account, prefer string) *subject.Channel {
	if list := a.trusted(account); len(list) > 0 {
		account.Channels, account.Reader = list, nil
	}
	return a.channel(account, prefer)
}

// secondChannel is another registered channel than the first, of another kind where there is one; nil: there is
// none that can be trusted.
func (a *Activities) secondChannel(account subject.Account, first *subject.Channel) *subject.Channel {
	var second *subject.Channel
	for _, c := range a.trusted(account) {
		if c.Address != first.Address && (second == nil || second.Kind == first.Kind && c.Kind != first.Kind) {
			second = &c
		}
	}
	return second
}

// codeChannel is where a code of that purpose goes; nil: nowhere.
func (a *Activities) codeChannel(ctx context.Context, ref contract.Ref, account subject.Account, purpose string) (*subject.Channel, error) {
	switch purpose {
	case dsr.CodeDownload: // another way than the letter that announced the package, where there is one
		return a.channel(account, "mobile"), nil
	case dsr.CodeNewEmail, dsr.CodeNewMobile:
		return a.newChannel(ctx, ref, purpose)
	case dsr.CodeVerify, dsr.CodeSecond:
		prefer, err := a.otherThan(ctx, ref)
		if err != nil {
			return nil, err
		}
		first := a.firstChannel(account, prefer)
		if purpose == dsr.CodeVerify || first == nil {
			return first, nil
		}
		return a.secondChannel(account, first), nil
	}
	return a.channel(account, ""), nil
}

// arrived settles the letter of a code that was typed rightly before the word of the mail server was written
// down: whoever typed it has it.
func (a *Activities) arrived(ctx context.Context, in contract.IssueCodeInput) error {
	met, err := a.Store.MetChallenge(ctx, in.Ref, in.Purpose)
	if fault.Is(err, contract.ErrNotFound) || err == nil && met.Occasion != in.Occasion {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := a.Store.Letters(ctx, in.Ref)
	for _, l := range list {
		code := l.Template == string(letters.VerifyCode) || l.Template == string(letters.VerifyAgent)
		if code && l.Occasion == in.Occasion && l.State == casefile.LetterSending {
			return a.Store.LetterSent(ctx, l.Key, "")
		}
	}
	return err
}
