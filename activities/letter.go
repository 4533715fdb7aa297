package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// SendLetter sends one letter to a channel that stands in the directory, never to one that only
// the request names. Claiming it in the outbox first makes a repeat after a crash known.
func (a *Activities) SendLetter(ctx context.Context, in contract.LetterInput) (contract.LetterResult, error) {
	if in.Template == string(letters.Forwarded) {
		return a.forwardLetter(ctx, in)
	}
	account, fields, err := a.written(ctx, in)
	if err != nil {
		return contract.LetterResult{}, err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return contract.LetterResult{}, err
	}
	reached, err := a.reachedBy(ctx, c, account)
	if err != nil {
		return contract.LetterResult{}, err
	}
	state, err := a.deliver(ctx, in, account, fields, a.channel(reached, ""))
	return contract.LetterResult{State: state}, err
}

// written says to whom a letter goes and what it says, once it is known that it may be sent.
func (a *Activities) written(ctx context.Context, in contract.LetterInput) (subject.Account, letters.Fields, error) {
	if in.Template == string(letters.Forwarded) {
		return a.forwarded(ctx, in)
	}
	account, err := a.account(ctx, in.Ref)
	if fault.Is(err, contract.ErrNotFound) && in.Template == string(letters.DeletionNoData) {
		account, err = a.stranger(ctx, in.Ref)
	}
	if in.Template == string(letters.ComplaintAck) || in.Template == string(letters.ComplaintAnswer) {
		account, _, err = a.complainant(ctx, in.Ref)
	}
	if in.Template == string(letters.OptedOut) {
		account, err = a.requester(ctx, in.Ref)
	}
	if slices.Contains(toRepresentatives, letters.Template(in.Template)) {
		account, err = a.representative(ctx, in.Ref)
	}
	if err != nil {
		return account, letters.Fields{}, err
	}
	if err := a.mayTell(ctx, in); err != nil {
		return account, letters.Fields{}, err
	}
	fields, err := a.fields(ctx, in.Ref, account)
	if err != nil {
		return account, fields, err
	}
	fields.Outcome = in.Outcome
	if in.Template == string(letters.VerifyMore) {
		if fields.Ways, err = a.ways(ctx, in.Ref, account.Lang); err != nil {
			return account, fields, err
		}
	}
	if in.Template == string(letters.Redirected) {
		if err := a.redirectFields(ctx, in.Ref, account.Lang, &fields); err != nil {
			return account, fields, err
		}
	}
	err = a.lawFields(ctx, in.Ref, letters.Template(in.Template), account.Lang, &fields)
	return account, fields, err
}

// codeLetters are the letters that carry the code of each purpose.
var codeLetters = map[string]letters.Template{
	dsr.CodeVerify: letters.VerifyCode, dsr.CodeSecond: letters.VerifyCode, dsr.CodeStatus: letters.StatusCode, dsr.CodeDownload: letters.DownloadCode,
	dsr.CodeNewEmail: letters.ConfirmCode, dsr.CodeNewMobile: letters.ConfirmCode,
}

// IssueCode makes a challenge and sends its code. The code is a truncated HMAC of the challenge's
// id: it is stored nowhere, and a retry sends the same one.
func (a *Activities) IssueCode(ctx context.Context, in contract.IssueCodeInput) (contract.IssueCodeResult, error) {
	var out contract.IssueCodeResult
	template, ok := codeLetters[in.Purpose]
	if !ok {
		return out, fault.Newf(contract.ErrBadInput, "there is no code for that purpose")
	}
	account, err := a.account(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	if err := a.mayHaveCode(ctx, in.Ref, in.Purpose); err != nil {
		return out, err
	}
	if in.Purpose == dsr.CodeVerify {
		need, err := a.need(ctx, in.Ref)
		if err != nil {
			return out, err
		}
		out.Rung, out.Warn = int(need.Rung), slices.Contains(need.Why, dsr.WhyChanged)
		// A case that was started again: what was proved stays proved.
		if err := a.verified(ctx, in.Ref); err == nil || !fault.Is(err, contract.ErrNotApproved) {
			out.State, out.Met = contract.LetterSent, err == nil
			if err == nil {
				err = a.arrived(ctx, in)
			}
			return out, err
		}
	}
	to, err := a.codeChannel(ctx, in.Ref, account, in.Purpose)
	if err != nil {
		return out, err
	}
	if to == nil {
		out.State = contract.LetterNoChannel
		return out, nil
	}
	challenge, err := a.Store.IssueChallenge(ctx, in.Ref, in.Purpose, in.Occasion, to.Kind, casefile.CodeRule{
		Digits: a.Config.CodeDigits, TTL: time.Duration(a.Config.CodeMinutes) * time.Minute,
		Tries: a.Config.CodeTries, PerHour: a.Config.CodesPerHour, Pause: a.Config.CodePause,
	})
	if fault.Is(err, contract.ErrLimited) {
		out.State = contract.LetterLimited
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if challenge.MetAt == nil && challenge.ExpiresAt.Before(a.Now().Add(time.Minute)) {
		out.State = contract.LetterExpired
		return out, nil
	}
	fields, err := a.fields(ctx, in.Ref, account)
	if err != nil {
		return out, err
	}
	if fields.Code, err = a.Store.CodeOf(ctx, challenge); err != nil {
		return out, err
	}
	fields.CodeMinutes = a.Config.CodeMinutes
	if in.Purpose == dsr.CodeVerify {
		if template, err = a.askingFor(ctx, in.Ref, &fields); err != nil {
			return out, err
		}
	}
	out.State, err = a.deliver(ctx, contract.LetterInput{Ref: in.Ref, Template: string(template), Occasion: occasionOfCode(in)}, account, fields, to)
	return out, err
}

// occasionOfCode keeps the letters of a second channel's codes apart from those of the first.
func occasionOfCode(in contract.IssueCodeInput) string {
	if in.Purpose == dsr.CodeSecond {
		return "second-" + in.Occasion
	}
	return in.Occasion
}

// channel is the registered channel to write to: the first that we can reach, or the first of
// the preferred kind. It is nil when there is none.
func (a *Activities) channel(account subject.Account, prefer string) *subject.Channel {
	reachable := a.reachable(account)
	if len(reachable) == 0 {
		return nil
	}
	i := slices.IndexFunc(reachable, func(c subject.Channel) bool { return c.Kind == prefer })
	return &reachable[max(i, 0)]
}

// deliver claims the letter, hands it over, and writes down what became of it.
func (a *Activities) deliver(ctx context.Context, in contract.LetterInput, account subject.Account, f letters.Fields, to *subject.Channel) (string, error) {
	if to == nil {
		return contract.LetterNoChannel, nil
	}
	_, domain, _ := strings.Cut(f.Company.From, "@")
	letter, _, err := a.Store.ClaimLetter(ctx, in.Ref, in.Template, in.Occasion, account.Lang, to.Kind, strings.TrimSuffix(domain, ">"))
	if err != nil {
		return "", err
	}
	switch letter.State {
	case "sent":
		return contract.LetterSent, nil
	case "refused":
		return contract.LetterRefused, nil
	}
	var sent atomic.Int64
	progress(ctx, &sent, 1)
	reply, err := a.hand(ctx, letter, to, f)
	return a.settle(ctx, letter, reply, err)
}

// hand gives the letter to the mail server or the SMS webhook.
func (a *Activities) hand(ctx context.Context, l casefile.Letter, to *subject.Channel, f letters.Fields) (string, error) {
	if to.Kind == "mobile" {
		text, err := letters.SMS(letters.Template(l.Template), l.Lang, f)
		if err != nil {
			return "", err
		}
		return "", a.SMS.Send(ctx, to.Address, text, l.Key)
	}
	message, err := letters.Render(letters.Template(l.Template), l.Lang, f)
	if err != nil {
		return "", err
	}
	raw, err := letters.Compose(letters.Envelope{
		From: letters.Mailbox(f.Company.Name.In(l.Lang), f.Company.From), To: to.Address, ReplyTo: f.Company.ReplyTo,
		MessageID: l.MessageID, Date: a.Now(), Lang: l.Lang,
	}, message, a.DKIM)
	if err != nil {
		return "", err
	}
	reply, err := a.Mailer.Send(ctx, f.Company.From, to.Address, raw)
	if err != nil {
		reply = letters.ReplyOf(err)
	}
	return reply.String(), err
}

// settle writes the outcome of a claimed letter into the outbox. When the connection was lost
// after the letter was handed over, nobody knows: it stays "sending", so that the next try is
// recorded as a possible repeat, with the same Message-ID (RFC 5321 4.5.3.2.6).
func (a *Activities) settle(ctx context.Context, l casefile.Letter, reply string, err error) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	switch {
	case err == nil:
		return contract.LetterSent, a.Store.LetterSent(ctx, l.Key, reply)
	case fault.Is(err, contract.ErrUndeliverable):
		return contract.LetterRefused, a.Store.LetterRefused(ctx, l.Key, reply)
	case letters.Undecided(err):
		return "", err
	}
	return "", errors.Join(err, a.Store.LetterDeferred(ctx, l.Key, reply))
}

// fields are what every letter of the case may say.
func (a *Activities) fields(ctx context.Context, ref contract.Ref, account subject.Account) (letters.Fields, error) {
	c, err := a.Store.Case(ctx, ref)
	if err != nil {
		return letters.Fields{}, err
	}
	zone, err := zoneOf(c)
	if err != nil {
		return letters.Fields{}, err
	}
	f := letters.Fields{
		CaseNo: ref.ID(), Kind: string(c.Kind), Channel: c.Channel, ReceivedAt: c.ReceivedAt, DueAt: c.LastMoment(), Zone: zone,
		PortalHost: portalHost(a.Config.PortalURL), Company: a.Map.Company,
	}
	if c.VerifyUntil != nil {
		f.ProveUntil = *c.VerifyUntil
	}
	if f.Represents = c.Requester; !dsr.Represented(c.Requester) {
		f.Represents = ""
	}
	f.CopyFirst = c.Kind == dsr.EraseAfterAccess
	if c.Kind.Erases() {
		if err := a.deletionFields(ctx, c, &f); err != nil || !c.Kind.Copies() {
			return f, err
		}
	}
	if c.Kind == dsr.Correction {
		return f, a.fieldsOfCorrection(ctx, c, account.Lang, &f)
	}
	if c.Kind == dsr.Restriction {
		return f, a.stopFields(ctx, c, account.Lang, &f)
	}
	if c.Kind == dsr.Complaint {
		return f, a.complaintFields(ctx, c, account.Lang, &f)
	}
	f.NoData = c.Scope == dsr.ScopeCategories
	if err := a.packageFields(ctx, ref, &f); err != nil {
		return f, err
	}
	return f, a.withheldFields(ctx, ref, account.Lang, &f)
}

// packageFields adds what is known of the package, once there is one.
func (a *Activities) packageFields(ctx context.Context, ref contract.Ref, f *letters.Fields) error {
	p, err := a.Store.Package(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.ExpiresAt != nil {
		f.ExpiresAt = *p.ExpiresAt
	}
	f.Package = letters.PackageExpired
	if p.FetchedAt != nil {
		f.Package = letters.PackageFetched
	}
	parts, err := a.Store.Parts(ctx, ref)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, part := range parts {
		if part.Format == "json" && part.Rows > 0 {
			found[part.System] = true
			f.Rows += int(part.Rows)
		}
	}
	f.Systems = len(found)
	left, err := a.partial(ctx, ref)
	for _, name := range left {
		if s := a.Map.System(name); s != nil {
			if title := s.Title.In("zh") + " / " + s.Title.In("en"); !slices.Contains(f.Missing, title) {
				f.Missing = append(f.Missing, title)
			}
		}
	}
	return err
}

// portalHost is what a person types: host and, where it is unusual, port.
func portalHost(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		rest = url
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}
