package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// letter is a row of the outbox.
type letter struct {
	ref                                         contract.Ref
	key, template, occasion, channel, id, state string
	repeated                                    int
}

// letters holds what arrived against the outbox and the ledger: a letter that was sent arrived; it came
// more than once only as often as the ledger admits that it was undecided, always under one Message-ID.
func (a *auditor) letters(ctx context.Context) error {
	outbox, err := a.outbox(ctx)
	if err != nil {
		return err
	}
	arrived, err := a.arrivals()
	if err != nil {
		return err
	}
	sent := map[contract.Ref]map[string]bool{}
	for _, l := range outbox {
		a.report.Counts["letters"]++
		admitted := 0
		for _, line := range a.lines[l.ref] {
			if said := line.says(); line.event == "letter.repeated" && said["template"] == l.template && said["occasion"] == l.occasion {
				admitted++
			}
		}
		a.report.Counts["letters that the ledger says were undecided"] += admitted
		n := arrived.times[l.id]
		if l.channel == "mobile" {
			n = arrived.times[l.key]
		}
		if l.state == "sent" {
			if sent[l.ref] == nil {
				sent[l.ref] = map[string]bool{}
			}
			sent[l.ref][l.template] = true
		}
		switch {
		case l.state != "sent" && l.state != "refused":
			a.broken(Letters, l.ref, "the letter %s/%s is %s", l.template, l.occasion, l.state)
		case admitted != l.repeated:
			a.broken(Letters, l.ref, "the letter %s/%s was repeated %d times, and the ledger says %d", l.template, l.occasion, l.repeated, admitted)
		case a.h.Mail == "":
		case l.state == "sent" && n < 1, n > 1+admitted:
			a.broken(Letters, l.ref, "the letter %s/%s (%s) arrived %d times, and the ledger admits %d repeats", l.template, l.occasion, l.state, n, admitted)
		}
	}
	for _, c := range a.cases {
		for _, want := range c.Letters {
			if !sent[c.Ref][want] {
				a.broken(Letters, c.Ref, "(%s) has sent no letter %s", c.Kind, want)
			}
		}
	}
	return a.noticed(ctx, arrived)
}

func (a *auditor) outbox(ctx context.Context) ([]letter, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT ref, key, template, occasion, channel, message_id, state, repeated FROM habeas.letter`)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []letter
	for rows.Next() {
		var l letter
		if err := rows.Scan(&l.ref, &l.key, &l.template, &l.occasion, &l.channel, &l.id, &l.state, &l.repeated); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// mail is what the catcher has.
type mail struct {
	times   map[string]int                            // by Message-ID, or by the key of a text message
	notices map[contract.Ref]map[int64]map[string]int // of mass notices: by notice, number on its list and Message-ID
}

// arrivals reads what the catcher has kept. The return path of a letter of a notice names its reader's
// number on the list: bounce+<notice>.<number>.<seal>@<domain>.
func (a *auditor) arrivals() (mail, error) {
	m := mail{map[string]int{}, map[contract.Ref]map[int64]map[string]int{}}
	if a.h.Mail == "" {
		return m, nil
	}
	for _, kind := range []string{"mail", "sms"} {
		files, err := filepath.Glob(filepath.Join(a.h.Mail, kind, "*.json"))
		if err != nil {
			return m, fmt.Errorf("listing what was caught: %w", err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				return m, fmt.Errorf("reading what was caught: %w", err)
			}
			var head struct {
				MessageID string `json:"message_id"`
				Key       string `json:"key"`
				From      string `json:"from"`
			}
			if err := json.Unmarshal(raw, &head); err != nil {
				return m, fmt.Errorf("reading what was caught: %w", err)
			}
			a.report.Counts["letters that arrived"]++
			switch path, ofNotice := strings.CutPrefix(head.From, "bounce+"); {
			case kind == "sms":
				m.times[head.Key]++
			case ofNotice:
				m.notice(path, head.MessageID)
			default:
				m.times[strings.Trim(head.MessageID, "<>")]++
			}
		}
	}
	return m, nil
}

// notice counts a letter of a notice by its return path.
func (m mail) notice(path, id string) {
	words := strings.Split(path, ".")
	if len(words) < 2 || len(words[0]) != 10 {
		m.times[id]++ // which no outbox knows
		return
	}
	number := strings.ToUpper(words[0])
	ref := contract.NewRef(contract.KindNotice, number[:5]+"-"+number[5:])
	n, _ := strconv.ParseInt(words[1], 10, 64)
	if m.notices[ref] == nil {
		m.notices[ref] = map[int64]map[string]int{}
	}
	if m.notices[ref][n] == nil {
		m.notices[ref][n] = map[string]int{}
	}
	m.notices[ref][n][id]++
}

// noticed holds what notices sent against their lists: whoever is on one got it, and nobody more often than
// the list says it was undecided, always under one Message-ID.
func (a *auditor) noticed(ctx context.Context, m mail) error {
	rows, err := a.db.QueryContext(ctx, `SELECT ref, n, state, repeated + unclear FROM habeas.recipient`)
	if err != nil {
		return fmt.Errorf("reading the lists of notices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var ref contract.Ref
		var n int64
		var state string
		var admitted int
		if err := rows.Scan(&ref, &n, &state, &admitted); err != nil {
			return fmt.Errorf("reading the lists of notices: %w", err)
		}
		a.report.Counts["people of notices"]++
		copies := 0
		for _, times := range m.notices[ref][n] {
			copies += times
		}
		switch {
		case state != "sent" && state != "unclear" && state != "refused":
			a.broken(Letters, ref, "number %d on its list is %s", n, state)
		case a.h.Mail == "":
		case state == "sent" && copies < 1, copies > 1+admitted, len(m.notices[ref][n]) > 1:
			a.broken(Letters, ref, "number %d on its list (%s) got %d letters under %d Message-IDs, and the list admits %d repeats",
				n, state, copies, len(m.notices[ref][n]), admitted)
		}
		delete(m.notices[ref], n)
	}
	for ref, rest := range m.notices {
		if len(rest) > 0 {
			a.broken(Letters, ref, "told %d people who are not on its list", len(rest))
		}
	}
	return rows.Err()
}
