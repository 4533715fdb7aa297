package casefile

import (
	"context"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The states of a letter in the outbox.
const (
	LetterPending = "pending" // to be sent, or to be tried again
	LetterSending = "sending" // claimed; at a crash undecided
	LetterSent    = "sent"
	LetterRefused = "refused" // for good
)

// Letter is one row of the outbox: neither text nor address.
type Letter struct {
	Key       string       `json:"key"` // from reference, template and occasion
	Ref       contract.Ref `json:"ref"`
	Template  string       `json:"template"`
	Occasion  string       `json:"occasion"`
	Lang      string       `json:"lang"`
	Channel   string       `json:"channel"`    // kind of channel
	MessageID string       `json:"message_id"` // without angle brackets; a repeat carries the same one
	State     string       `json:"state"`      // Letter…
	Attempts  int          `json:"attempts"`
	Repeated  int          `json:"repeated"` // how often a crash left it undecided and it was sent again
	Reply     string       `json:"reply"`    // SMTP code and enhanced status, or a word
	SentAt    *time.Time   `json:"sent_at"`
}

type letterRow struct {
	Key       string       `db:"key"`
	Ref       contract.Ref `db:"ref"`
	Template  string       `db:"template"`
	Occasion  string       `db:"occasion"`
	Lang      string       `db:"lang"`
	Channel   string       `db:"channel"`
	MessageID string       `db:"message_id"`
	State     string       `db:"state"`
	Attempts  int          `db:"attempts"`
	Repeated  int          `db:"repeated"`
	Reply     string       `db:"reply"`
	SentAt    *time.Time   `db:"sent_at"`
}

const letterColumns = `key, ref, template, occasion, lang, channel, message_id, state, attempts, repeated, reply, sent_at`

func (r *letterRow) value() Letter {
	l := Letter(*r)
	l.SentAt = utc(r.SentAt)
	return l
}

// LetterKey is the key of a letter in the outbox.
func LetterKey(ref contract.Ref, template, occasion string) string {
	return ref.String() + "/" + template + "/" + occasion
}

// messageID derives the part before the domain from the key, keyed, so that it tells nothing.
func (s *Store) messageID(key, domain string) string {
	hash := s.keys.KeyedHash("habeas message id v1", []byte(key))
	name := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash[:20])
	return strings.ToLower(name) + "@" + domain
}

// ClaimLetter claims a letter before the first byte goes to the mail server. What it answers:
// State "sending": send it (again: it was "sending" already, so a crash left it undecided and this
// may be a repeat, which the ledger says); State "sent" or "refused": do nothing. To send after a
// refusal, use another occasion.
func (s *Store) ClaimLetter(ctx context.Context, ref contract.Ref, template, occasion, lang, channel, domain string) (l Letter, again bool, err error) {
	key := LetterKey(ref, template, occasion)
	err = s.tx(ctx, "claim a letter", func(tx *sqlx.Tx) error {
		again = false
		if _, err := tx.ExecContext(ctx, `INSERT INTO letter (key, ref, template, occasion, lang, channel, message_id, state, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8) ON CONFLICT (key) DO NOTHING`,
			key, ref, template, occasion, lang, channel, s.messageID(key, domain), s.now()); err != nil {
			return err
		}
		row, err := lockLetter(ctx, tx, key)
		if err != nil {
			return err
		}
		switch row.State {
		case LetterSent, LetterRefused:
			l = row.value()
			return nil
		case LetterSending:
			again = true
			row.Repeated++
		}
		row.State, row.Lang, row.Channel = LetterSending, lang, channel
		row.Attempts++
		l = row.value()
		if _, err := tx.ExecContext(ctx, `UPDATE letter SET state = 'sending', attempts = $2, repeated = $3, lang = $4, channel = $5
			WHERE key = $1`, key, row.Attempts, row.Repeated, lang, channel); err != nil {
			return err
		}
		if !again {
			return nil
		}
		return s.record(ctx, tx, ref, "letter.repeated", map[string]any{"template": template, "occasion": occasion, "times": row.Repeated})
	})
	return l, again, err
}

func lockLetter(ctx context.Context, tx *sqlx.Tx, key string) (letterRow, error) {
	var row letterRow
	err := tx.GetContext(ctx, &row, `SELECT `+letterColumns+` FROM letter WHERE key = $1 FOR NO KEY UPDATE`, key)
	if errors.Is(err, sql.ErrNoRows) {
		return row, fault.New(contract.ErrNotFound, "there is no such letter in the outbox", nil)
	}
	return row, err
}

// LetterSent says that the server took the letter. Again: nothing.
func (s *Store) LetterSent(ctx context.Context, key, reply string) error {
	return s.endLetter(ctx, key, LetterSent, reply)
}

// LetterDeferred says that the letter certainly did not go out now (a 4xx, or no connection): the
// next claim is no repeat. It leaves no line in the ledger, because nothing was told to anybody.
func (s *Store) LetterDeferred(ctx context.Context, key, reply string) error {
	return s.endLetter(ctx, key, LetterPending, reply)
}

// LetterRefused says that the letter was refused for good.
func (s *Store) LetterRefused(ctx context.Context, key, reply string) error {
	return s.endLetter(ctx, key, LetterRefused, reply)
}

func (s *Store) endLetter(ctx context.Context, key, state, reply string) error {
	reply = replyStatus(reply)
	return s.tx(ctx, "write what became of a letter", func(tx *sqlx.Tx) error {
		row, err := lockLetter(ctx, tx, key)
		if err != nil || row.State == state {
			return err
		}
		if row.State != LetterSending {
			return fault.Newf(contract.ErrConflict, "the letter %s of %s is %s, not being sent", row.Template, row.Ref, row.State)
		}
		var sent *time.Time
		if state == LetterSent {
			now := s.now()
			sent = &now
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letter SET state = $2, reply = $3, sent_at = $4 WHERE key = $1`, key, state, reply, sent); err != nil {
			return err
		}
		if state == LetterPending {
			return nil
		}
		return s.record(ctx, tx, row.Ref, "letter."+state, map[string]any{"template": row.Template, "occasion": row.Occasion,
			"lang": row.Lang, "channel": row.Channel, "reply": reply, "message_id": strings.Replace(row.MessageID, "@", " at ", 1)})
	})
}

var (
	smtpStatus = regexp.MustCompile(`^([0-9]{3})(?:[ -]+([245]\.[0-9]{1,3}\.[0-9]{1,3}))?(?:\b|$)`)
	replyWord  = regexp.MustCompile(`^[a-z-]{1,32}$`)
)

// replyStatus keeps the code and the enhanced status of a reply, or one word of ours, and nothing
// else: the words of a server quote addresses.
func replyStatus(reply string) string {
	if m := smtpStatus.FindStringSubmatch(reply); m != nil {
		return strings.TrimSpace(fmt.Sprintf("%s %s", m[1], m[2]))
	}
	if reply == "" || replyWord.MatchString(reply) {
		return reply
	}
	return "other"
}

// Letters lists the outbox of ref, the oldest first.
func (s *Store) Letters(ctx context.Context, ref contract.Ref) ([]Letter, error) {
	var rows []letterRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+letterColumns+` FROM letter WHERE ref = $1 ORDER BY created_at, key`, ref); err != nil {
		return nil, dbError("read the outbox", err)
	}
	letters := make([]Letter, len(rows))
	for i := range rows {
		letters[i] = rows[i].value()
	}
	return letters, nil
}
