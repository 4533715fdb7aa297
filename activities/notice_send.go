package activities

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/mailing"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// leastForStop is how many letters must be decided before a share of refused ones stops a notice.
const leastForStop = 20

// mailer is where the letters of a notice go: an exercise reaches nobody but the catcher.
func (a *Activities) mailer(n casefile.Notice) (*letters.Mailer, error) {
	if !n.Exercise {
		return a.Mailer, nil
	}
	if a.Drill == nil {
		return nil, fault.New(contract.ErrUnavailable, "an exercise has no mail server to write to", nil).
			WithHint("set HABEAS_EXERCISE_SMTP_URL to a catcher, and start the worker again")
	}
	return a.Drill, nil
}

// composer writes the letters of one notice. Each text is rendered once for each language and set of
// scopes; only account and check code are the reader's own.
type composer struct {
	a     *Activities
	n     casefile.Notice
	f     incident.File
	key   *seal.RefKey
	at    time.Time
	from  string // domain
	mu    sync.Mutex
	texts map[string]letters.Message
}

func (a *Activities) composer(ctx context.Context, n casefile.Notice, f incident.File) (*composer, error) {
	key, err := a.Store.Key(ctx, n.Ref)
	_, domain, _ := strings.Cut(a.Map.Company.From, "@")
	return &composer{a: a, n: n, f: f, key: key, at: a.Now(), from: domain, texts: map[string]letters.Message{}}, err
}

func (c *composer) text(lang string, scopes []int) (letters.Message, error) {
	name := lang + fmt.Sprint(scopes)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.texts[name]; ok {
		return m, nil
	}
	m, err := c.a.house().Letter(c.f, c.n.ID, lang, scopes)
	if err == nil {
		c.texts[name] = m
	}
	return m, err
}

// letter writes one; a repeat of it carries the same Message-ID and goes by the same return path.
func (c *composer) letter(n int64, to, who, lang string, scopes []int, id string) (mailing.Letter, error) {
	text, err := c.text(lang, scopes)
	if err != nil {
		return mailing.Letter{}, err
	}
	company := c.a.Map.Company
	raw, err := letters.Compose(letters.Envelope{
		From: letters.Mailbox(company.Name.In(lang), company.From), To: to, ReplyTo: company.ReplyTo,
		MessageID: id, Date: c.at, Lang: lang, Unsubscribe: c.unsubscribe(n),
	}, text.Fill(who, announce.CheckCode(c.key, n)), c.a.DKIM)
	back := letters.VERP(c.n.ID, n, seal.BounceMAC(c.a.Keys, c.n.ID, n), c.a.bounceDomain(c.from))
	return mailing.Letter{From: back, To: to, Raw: raw}, err
}

// unsubscribe is where the reader of a letter ends such letters with one POST; empty where a law asks for
// the letter, and in that to the company's own addresses.
func (c *composer) unsubscribe(n int64) string {
	if !c.f.MayBeRefused() || n < 1 || c.a.Config.PortalURL == "" {
		return ""
	}
	return strings.TrimSuffix(c.a.Config.PortalURL, "/") + "/unsubscribe/" + announce.UnsubscribeToken(c.key, c.n.ID, n)
}

func (c *composer) to(r casefile.Recipient) (mailing.Letter, error) {
	return c.letter(r.N, r.Person.Email, r.Person.Who, r.Lang, r.Scopes, seal.NoticeMessageID(c.a.Keys, c.n.Ref, r.N)+"@"+c.from)
}

func (a *Activities) bounceDomain(own string) string {
	if a.Config.BounceDomain != "" {
		return a.Config.BounceDomain
	}
	return own
}

// SendCanaries sends the letter in every language to the company's own addresses and keeps what
// became of it, for those who approve. A canary that is refused is an answer too.
func (a *Activities) SendCanaries(ctx context.Context, in contract.RefInput) (contract.Nothing, error) {
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.Nothing{}, err
	}
	if n.AbortedAt != nil || n.State == casefile.NoticeClosed {
		return contract.Nothing{}, fault.Newf(contract.ErrNotApproved, "%s is over", in.Ref)
	}
	mailer, err := a.mailer(n)
	if err != nil {
		return contract.Nothing{}, err
	}
	c, err := a.composer(ctx, n, f)
	if err != nil {
		return contract.Nothing{}, err
	}
	had, err := a.Store.Canaries(ctx, in.Ref, n.FileHash)
	if err != nil {
		return contract.Nothing{}, err
	}
	done := map[string]bool{}
	for _, r := range had {
		done[fmt.Sprint(r.N, r.Lang)] = true
	}
	for i, to := range f.Canaries {
		for _, lang := range a.Map.Company.Languages {
			if done[fmt.Sprint(i+1, lang)] {
				continue
			}
			id := seal.NoticeMessageID(a.Keys, in.Ref, int64(-i-1)) + "." + lang + "@" + c.from
			l, err := c.letter(0, to, "", lang, announce.All(f), id)
			if err != nil {
				return contract.Nothing{}, err
			}
			reply, err := mailer.Send(ctx, l.From, l.To, l.Raw)
			if err != nil {
				if reply = letters.ReplyOf(err); reply.Code == 0 {
					return contract.Nothing{}, err
				}
			}
			if err := a.Store.PutCanary(ctx, in.Ref, n.FileHash, casefile.CanaryResult{N: i + 1, Lang: lang, Reply: reply.String()}); err != nil {
				return contract.Nothing{}, err
			}
		}
	}
	return contract.Nothing{}, nil
}

// SendPage sends the next letters of a wave. Before the first of them it checks for itself what lets
// the wave go, and every second whether somebody paused, slowed or ended it.
func (a *Activities) SendPage(ctx context.Context, in contract.PageInput) (contract.PageResult, error) {
	n, f, err := a.incident(ctx, in.Ref)
	if err != nil {
		return contract.PageResult{}, err
	}
	if n.AbortedAt != nil || n.State == casefile.NoticeClosed {
		return contract.PageResult{Aborted: true}, fault.Newf(contract.ErrNotApproved, "no letter of %s goes out: it is over", in.Ref)
	}
	if err := a.approvedWave(ctx, n, f, in.Wave, in.Task); err != nil {
		return contract.PageResult{}, err
	}
	if n.Paused != "" {
		return a.NoticeDue(ctx, in)
	}
	mailer, err := a.mailer(n)
	if err != nil {
		return contract.PageResult{}, err
	}
	c, err := a.composer(ctx, n, f)
	if err != nil {
		return contract.PageResult{}, err
	}
	release, err := a.Store.LockSending(ctx, in.Ref)
	if err != nil {
		return contract.PageResult{}, err
	}
	defer release()
	var sent atomic.Int64
	sent.Store(n.Sent)
	progress(ctx, &sent, n.People)
	page := mailing.Page{
		Store: a.Store, Ref: in.Ref, Wave: in.Wave, Connections: a.Config.SMTPSize, Compose: c.to, Send: mailer.Send, Now: a.Now, Sent: &sent,
		Pace: mailing.Pace{Rate: n.Rate, PerDomain: n.PerGroup, Retry: f.Pace.Retry, GiveUp: f.Pace.GiveUp},
		Poll: func(ctx context.Context) (bool, int) {
			now, err := a.Store.Notice(ctx, in.Ref)
			if err != nil {
				return true, n.Rate // the next write finds out
			}
			same := bytes.Equal(now.FileHash, n.FileHash) // or else it was approved anew, or not yet
			return same && now.Paused == "" && now.AbortedAt == nil && !tooMany(now, f), now.Rate
		},
	}
	if f.MayBeRefused() {
		page.Objected = a.objected
	}
	got, sendErr := page.Run(ctx)
	if got.Claimed > 0 {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := a.Store.NoteNotice(short, in.Ref, "notice.page", map[string]any{"wave": in.Wave, "task": in.Task, "claimed": got.Claimed, "sent": got.Sent,
			"refused": got.Refused, "deferred": got.Deferred, "unclear": got.Unclear, "repeated": got.Repeated, "left_out": got.LeftOut}); err != nil {
			return contract.PageResult{}, err
		}
	}
	if sendErr != nil {
		return contract.PageResult{}, sendErr
	}
	if now, err := a.Store.Notice(ctx, in.Ref); err == nil && tooMany(now, f) {
		if err := a.Store.StopNotice(ctx, in.Ref, now.Sent, now.Bad); err != nil {
			return contract.PageResult{}, err
		}
	}
	out, err := a.NoticeDue(ctx, in)
	out.Claimed, out.Sent = got.Claimed, got.Sent
	return out, err
}

// objected says who of a list does not want marketing, by their place: under every address that we
// know of them.
func (a *Activities) objected(ctx context.Context, list []casefile.Recipient) (map[int]bool, error) {
	var hashes [][]byte
	var of []int
	for i, r := range list {
		for kind, value := range map[string]string{"email": r.Person.Email, "mobile": r.Person.Mobile} {
			if normal, err := a.Map.Normalise(kind, value); err == nil && value != "" {
				hashes, of = append(hashes, a.Store.SuppressionHash(kind, normal)), append(of, i)
			}
		}
	}
	on, err := a.Store.Suppressed(ctx, dsr.ScopeMarketing, hashes)
	out := map[int]bool{}
	for place := range on {
		out[of[place]] = true
	}
	return out, err
}

// tooMany says whether so many letters were refused since somebody last looked that it stops.
func tooMany(n casefile.Notice, f incident.File) bool {
	sent, bad := n.Sent-n.BaseSent, n.Bad-n.BaseBad
	return sent+bad >= leastForStop && bad*100 > (sent+bad)*int64(f.Pace.StopAt)
}

// NoticeDue says what is left to be sent, and whether somebody paused or ended it.
func (a *Activities) NoticeDue(ctx context.Context, in contract.PageInput) (contract.PageResult, error) {
	var out contract.PageResult
	n, err := a.Store.Notice(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	out.Done, out.Of = n.Sent+n.Bad, n.People
	out.Paused, out.Stopped, out.Aborted = n.Paused == "staff", n.Paused == "stopped", n.AbortedAt != nil
	out.Open, out.NextAt, err = a.Store.Due(ctx, in.Ref, in.Wave)
	if err != nil || out.Open > 0 {
		return out, err
	}
	tally, err := a.Store.Tally(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	_, f, err := a.incident(ctx, in.Ref)
	out.Unreached, out.Public = tally.Open, f.Ladder.Public(tally.Open)
	return out, err
}
