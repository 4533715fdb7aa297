package desk

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/evidence"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// NoticeEvidence writes a signed pack about what a notice told whom: about everybody, or, with a
// person's e-mail address, about them alone. waves is how many there are.
func (d *Desk) NoticeEvidence(ctx context.Context, ref contract.Ref, email string, house announce.House, w io.Writer) (evidence.Line, error) {
	m, waves, err := d.manifest(ctx, ref, house)
	if err != nil {
		return evidence.Line{}, err
	}
	source := d.outcomes(ref, house)
	if email == "" {
		return evidence.Line{}, evidence.Write(ctx, w, m, waves, source, d.Keys)
	}
	key := hex.EncodeToString(d.Store.AddressKey(strings.TrimSpace(email)))
	return evidence.WritePerson(ctx, w, m, waves, source, func(l evidence.Line) bool { return l.Person == key }, d.Keys)
}

func (d *Desk) manifest(ctx context.Context, ref contract.Ref, house announce.House) (evidence.Manifest, int, error) {
	var m evidence.Manifest
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return m, 0, err
	}
	if n.FrozenAt == nil {
		return m, 0, fault.Newf(contract.ErrNotOpen, "the list of notice %s is not frozen yet: nobody was told anything", ref.ID())
	}
	f, err := d.incident(ctx, ref)
	if err != nil {
		return m, 0, err
	}
	m = evidence.Manifest{
		Installation: d.Keys.Installation(), Notice: n.ID, Kind: n.Kind, Exercise: n.Exercise, MadeAt: d.Now().UTC(),
		FileSHA256: hex.EncodeToString(n.FileHash), ListSHA256: hex.EncodeToString(n.ListHash), People: n.People,
		Texts: map[string]string{}, TextSHA256: map[string]string{},
	}
	for _, lang := range d.Map.Company.Languages {
		text, err := house.Letter(f, n.ID, lang, announce.All(f))
		if err != nil {
			return m, 0, err
		}
		m.Texts[lang], m.TextSHA256[lang] = text.Subject+"\n\n"+text.Text, text.Hash()
	}
	if m.Decisions, err = d.decisions(ctx, ref); err != nil {
		return m, 0, err
	}
	clocks, err := d.Store.Clocks(ctx, ref)
	if err != nil {
		return m, 0, err
	}
	if m.Clocks, err = json.Marshal(clocks); err != nil {
		return m, 0, fmt.Errorf("writing the clocks: %w", err)
	}
	lines, err := d.Store.Ledger(ctx, ref)
	if err != nil {
		return m, 0, err
	}
	m.Ledger, err = json.Marshal(lines)
	return m, len(f.Pace.Waves), err
}

// decisions lists who signed what, from the ledger: reasons stay sealed.
func (d *Desk) decisions(ctx context.Context, ref contract.Ref) ([]evidence.Decision, error) {
	tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Limit: 1000})
	if err != nil {
		return nil, err
	}
	occasions := map[string]casefile.Task{}
	for _, t := range tasks {
		occasions[t.ID] = t
	}
	lines, err := d.Store.Ledger(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := []evidence.Decision{}
	for _, l := range lines {
		if l.Event != "decision.recorded" {
			continue
		}
		text := func(key string) string { s, _ := l.Detail[key].(string); return s }
		out = append(out, evidence.Decision{Task: text("task"), Kind: text("kind"), Occasion: occasions[text("task")].Occasion,
			Staff: text("staff"), Verdict: text("verdict"), Digest: text("digest"), Signature: text("signature"), At: l.At})
	}
	return out, nil
}

func (d *Desk) outcomes(ref contract.Ref, house announce.House) evidence.Source {
	_, domain, _ := strings.Cut(house.Company.From, "@")
	return func(ctx context.Context, wave int, yield func(evidence.Line) error) error {
		return d.Store.Outcomes(ctx, ref, wave, func(p casefile.PersonOutcome) error {
			l := evidence.Line{
				N: p.N, Person: hex.EncodeToString(p.Key), Wave: p.Wave, Lang: p.Lang, Scopes: p.Scopes, State: p.State, Reply: p.Reply,
				Attempts: p.Attempts, Repeated: p.Repeated, Unclear: p.Unclear, SentAt: p.SentAt, Bounce: p.Bounce, BouncedAt: p.BouncedAt,
				Step: p.Step, ToldAt: p.ToldAt,
			}
			if p.Attempts > 0 {
				l.MessageID = seal.NoticeMessageID(d.Keys, ref, p.N) + "@" + domain
			}
			return yield(l)
		})
	}
}

// FallbackPage is one person whom e-mail did not reach, opened for the staff member who calls or
// writes to them.
type FallbackPage struct {
	N      int64  `json:"n"`
	Lang   string `json:"lang"`
	Who    string `json:"who,omitempty"`
	Mobile string `json:"mobile,omitempty"`
	Postal string `json:"postal,omitempty"`
	Check  string `json:"check_code"`
}

// Fallback yields the people whom nothing has reached yet. It is personal data.
func (d *Desk) Fallback(ctx context.Context, ref contract.Ref, yield func(FallbackPage) error) error {
	key, err := d.Store.Key(ctx, ref)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		list, err := d.Store.Unreached(ctx, ref, after, "", 500)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			after = r.N
			if err := yield(FallbackPage{N: r.N, Lang: r.Lang, Who: r.Person.Who, Mobile: r.Person.Mobile, Postal: r.Person.Postal,
				Check: announce.CheckCode(key, r.N)}); err != nil {
				return err
			}
		}
	}
}

// PrintLetters writes the letters to the people whom nothing has reached yet as one HTML file, a
// page each, for a printer.
func (d *Desk) PrintLetters(ctx context.Context, ref contract.Ref, house announce.House, w io.Writer) (int, error) {
	f, err := d.incident(ctx, ref)
	if err != nil {
		return 0, err
	}
	n := 0
	if _, err := io.WriteString(w, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>"+ref.ID()+"</title></head><body>\n"); err != nil {
		return 0, err
	}
	err = d.Fallback(ctx, ref, func(p FallbackPage) error {
		m, err := house.Letter(f, ref.ID(), p.Lang, announce.All(f))
		if err != nil {
			return err
		}
		m = m.Fill(p.Who, p.Check)
		n++
		_, err = fmt.Fprintf(w, "<section style=\"page-break-after: always\"><pre style=\"white-space: pre-wrap; font: 12pt/1.5 sans-serif\">%s\n\n%s\n\n%s</pre></section>\n",
			escape(p.Postal), escape(m.Subject), escape(m.Text))
		return err
	})
	if err == nil {
		_, err = io.WriteString(w, "</body></html>\n")
	}
	return n, err
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }

// NoticeReport renders the report to an authority, as far as the facts are known.
func (d *Desk) NoticeReport(ctx context.Context, ref contract.Ref, authority, lang string, house announce.House) (subject, text, html string, err error) {
	f, err := d.incident(ctx, ref)
	if err != nil {
		return "", "", "", err
	}
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return "", "", "", err
	}
	kept, err := d.Store.Clock(ctx, ref, authority)
	if err != nil {
		return "", "", "", err
	}
	c, err := house.ClockOf(f, authority, kept.From, kept.Due)
	if err != nil {
		return "", "", "", err
	}
	m, err := house.Report(f, c, n.ID, lang, max(n.People, f.Severity.Persons))
	return m.Subject, m.Text, m.HTML, err
}
