package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// digest is what one mailbox is told, and what is marked once it was.
type digest struct {
	letters.Digest
	done []func(context.Context) error
}

// SendDigests tells staff by mail of alarms that nobody was told of and of tasks that have waited too
// long: the owner of the system first, then the deputy, then the privacy lead. One mail a mailbox.
// What was told is marked after its mail has gone, so that a crash repeats a digest and loses none.
// What has no mailbox stays in the search attributes, the metric and `habeas case list`.
func (a *Activities) SendDigests(ctx context.Context, _ contract.DigestInput) (contract.DigestResult, error) {
	var out contract.DigestResult
	boxes := map[string]*digest{}
	alarms, err := a.Store.UntoldAlarms(ctx, 1000)
	if err != nil {
		return out, err
	}
	for _, alarm := range alarms {
		a.file(boxes, a.toldOfAlarm(alarm), func(d *digest) {
			d.Cases = append(d.Cases, fmt.Sprintf("%s: %s, %s, %s, due %s, waits on %s", alarm.Level, alarm.Ref.ID(), alarm.Kind, alarm.State,
				alarm.DueAt.UTC().Format("2006-01-02 15:04 MST"), or(alarm.WaitingOn, "-")))
		}, func(ctx context.Context) error { return a.Store.AlarmTold(ctx, alarm) })
	}
	waiting, err := a.Store.WaitingTasks(ctx, a.Config.TaskPatience, 1000)
	if err != nil {
		return out, err
	}
	for _, w := range waiting {
		a.file(boxes, a.rung(w.System, w.Rung), func(d *digest) {
			d.Tasks = append(d.Tasks, fmt.Sprintf("%s: %s, about %s, since %s", w.Task, w.Kind, w.Ref, w.OpenedAt.UTC().Format("2006-01-02 15:04 MST")))
		}, func(ctx context.Context) error { return a.Store.Reminded(ctx, w) })
	}
	names := make([]string, 0, len(boxes))
	for box := range boxes {
		names = append(names, box)
	}
	slices.Sort(names)
	for _, box := range names {
		if err := a.sendDigest(ctx, box, boxes[box]); err != nil {
			return out, err
		}
		out.Mails++
		out.Items += boxes[box].N()
	}
	return out, nil
}

func (a *Activities) file(boxes map[string]*digest, to []string, add func(*digest), done func(context.Context) error) {
	for _, box := range to {
		if boxes[box] == nil {
			boxes[box] = &digest{}
		}
		add(boxes[box])
		boxes[box].done = append(boxes[box].done, done)
	}
}

// toldOfAlarm are the mailboxes for an alarm: with time left the owner of the system that the case
// waits on; with three days left the deputy too; with one day, or none, the lead as well.
func (a *Activities) toldOfAlarm(alarm casefile.Alarm) []string {
	system, _ := strings.CutPrefix(alarm.WaitingOn, "system:")
	highest := map[string]int{"10d": 1, "7d": 1, "3d": 2, clocks.AckOverdue: 2, clocks.NotAnswered: 1}[alarm.Level]
	if highest == 0 {
		highest = 3
	}
	var to []string
	for rung := 1; rung <= highest; rung++ {
		for _, box := range a.rung(system, rung) {
			if !slices.Contains(to, box) {
				to = append(to, box)
			}
		}
	}
	return to
}

// rung is the mailbox on a rung: 1 the system's owner, 2 its deputy, 3 the privacy lead, who stands
// in where the map names no address.
func (a *Activities) rung(system string, rung int) []string {
	if s := a.Map.System(system); s != nil && rung < 3 {
		if box := mailbox([]string{s.Owner, s.Deputy}[rung-1]); box != "" {
			return []string{box}
		}
	}
	for _, candidate := range []string{a.Config.LeadMail, a.Map.Company.Officer} {
		if box := mailbox(candidate); box != "" {
			return []string{box}
		}
	}
	return nil
}

func mailbox(text string) string {
	address, err := mail.ParseAddress(text)
	if err != nil {
		return ""
	}
	return address.Address
}

func (a *Activities) sendDigest(ctx context.Context, box string, d *digest) error {
	lang := a.Map.Company.Languages[0]
	message, err := letters.RenderDigest(lang, d.Digest)
	if err != nil {
		return err
	}
	company := a.Map.Company
	_, domain, _ := strings.Cut(company.From, "@")
	sum := sha256.Sum256([]byte(box + "\n" + message.Text))
	raw, err := letters.Compose(letters.Envelope{
		From: letters.Mailbox(company.Name.In(lang), company.From), To: box,
		MessageID: hex.EncodeToString(sum[:16]) + "@" + domain, Date: a.Now(), Lang: message.Lang,
	}, message, a.DKIM)
	if err != nil {
		return err
	}
	if _, err := a.Mailer.Send(ctx, company.From, box, raw); err != nil {
		if fault.Is(err, contract.ErrUndeliverable) {
			a.Log.Warn("the digest was refused by its reader's mail server", "type", contract.ErrUndeliverable)
			return nil // it stays untold, and is tried again with the next digest
		}
		return err
	}
	for _, done := range d.done {
		if err := done(ctx); err != nil {
			return err
		}
	}
	return nil
}
