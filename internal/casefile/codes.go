package casefile

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/text/width"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// CodeRule is how a one-time code behaves. All four are needed.
type CodeRule struct {
	Digits  int           // 4 to 18
	TTL     time.Duration // how long it may be typed
	Tries   int           // how many guesses
	PerHour int           // how many codes of one purpose a reference gets within an hour
	// Pause is how long the next code waits after the first one within the hour; it grows with each. 0: not.
	Pause time.Duration
}

// Challenge is one one-time code, without the code: CodeOf computes that.
type Challenge struct {
	ID        string
	Ref       contract.Ref
	Purpose   string // one of dsr's
	Occasion  string
	Channel   string // kind of channel, never an address
	Digits    int
	ExpiresAt time.Time
	MetAt     *time.Time
}

type challengeRow struct {
	ID        string       `db:"id"`
	Ref       contract.Ref `db:"ref"`
	Purpose   string       `db:"purpose"`
	Occasion  string       `db:"occasion"`
	Channel   string       `db:"channel"`
	Digits    int          `db:"digits"`
	ExpiresAt time.Time    `db:"expires_at"`
	MetAt     *time.Time   `db:"met_at"`
}

const challengeColumns = `id, ref, purpose, occasion, channel, digits, expires_at, met_at`

func (r *challengeRow) value() Challenge {
	return Challenge{ID: r.ID, Ref: r.Ref, Purpose: r.Purpose, Occasion: r.Occasion, Channel: r.Channel,
		Digits: r.Digits, ExpiresAt: r.ExpiresAt.UTC(), MetAt: utc(r.MetAt)}
}

// IssueChallenge makes a one-time code for a purpose of ref. The same occasion gives the same
// challenge, and so the same code. More than rule.PerHour within an hour is a contract.ErrLimited
// that says when there will be another.
func (s *Store) IssueChallenge(ctx context.Context, ref contract.Ref, purpose, occasion, channel string, rule CodeRule) (Challenge, error) {
	if rule.Digits < 4 || rule.Digits > 18 || rule.TTL <= 0 || rule.Tries <= 0 || rule.PerHour <= 0 {
		return Challenge{}, fault.New(contract.ErrBadInput, "a rule for codes needs 4 to 18 digits, a time to live, tries and a number per hour", nil)
	}
	if _, err := s.Key(ctx, ref); err != nil {
		return Challenge{}, err
	}
	var made Challenge
	err := s.tx(ctx, "issue a code", func(tx *sqlx.Tx) error {
		// One at a time per reference and purpose, or two would both see room for the last one.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`,
			"habeas challenge "+ref.String()+" "+purpose); err != nil {
			return err
		}
		var row challengeRow
		err := tx.GetContext(ctx, &row, `SELECT `+challengeColumns+` FROM challenge WHERE ref = $1 AND purpose = $2 AND occasion = $3`,
			ref, purpose, occasion)
		if err == nil {
			made = row.value()
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		now := s.now()
		if err := limited(ctx, tx, ref, purpose, now, rule); err != nil {
			return err
		}
		raw := make([]byte, 16)
		_, _ = rand.Read(raw) // never fails
		row = challengeRow{ID: hex.EncodeToString(raw), Ref: ref, Purpose: purpose, Occasion: occasion, Channel: channel,
			Digits: rule.Digits, ExpiresAt: now.Add(rule.TTL).Truncate(time.Microsecond)}
		if _, err := tx.ExecContext(ctx, `INSERT INTO challenge (id, ref, purpose, occasion, channel, digits, tries_left, issued_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			row.ID, ref, purpose, occasion, channel, rule.Digits, rule.Tries, now, row.ExpiresAt); err != nil {
			return err
		}
		made = row.value()
		return s.record(ctx, tx, ref, "code.issued", map[string]any{"purpose": purpose, "channel": channel, "challenge": row.ID})
	})
	return made, err
}

// limited refuses a code that comes too soon after the others, or for a case that is locked.
func limited(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, purpose string, now time.Time, rule CodeRule) error {
	var locked []time.Time
	if err := tx.SelectContext(ctx, &locked, `SELECT locked_until FROM identity WHERE ref = $1 AND locked_until > $2`, ref, now); err != nil {
		return err
	}
	if len(locked) > 0 {
		return fault.Newf(contract.ErrLimited, "%s is locked: too many wrong codes", ref).After(locked[0].Sub(now))
	}
	var recent []time.Time
	if err := tx.SelectContext(ctx, &recent, `SELECT issued_at FROM challenge
		WHERE ref = $1 AND purpose = $2 AND issued_at > $3 ORDER BY issued_at`, ref, purpose, now.Add(-time.Hour)); err != nil {
		return err
	}
	n := len(recent)
	if n > 0 {
		if wait := recent[n-1].Add(time.Duration(n) * rule.Pause).Sub(now); wait > 0 {
			return fault.Newf(contract.ErrLimited, "%s had a code a moment ago", ref).After(wait)
		}
	}
	if n < rule.PerHour {
		return nil
	}
	return fault.Newf(contract.ErrLimited, "%s had %d codes within the hour", ref, n).
		After(recent[n-rule.PerHour].Add(time.Hour).Sub(now))
}

// Challenge reads a challenge by its id.
func (s *Store) Challenge(ctx context.Context, id string) (Challenge, error) {
	return s.challenge(ctx, `id = $1`, id)
}

// MetChallenge gives the latest challenge of that purpose that was met: it answers whether a person
// proved who they are, also when the word about it was lost on its way to Temporal.
func (s *Store) MetChallenge(ctx context.Context, ref contract.Ref, purpose string) (Challenge, error) {
	return s.challenge(ctx, `ref = $1 AND purpose = $2 AND met_at IS NOT NULL ORDER BY met_at DESC LIMIT 1`, ref, purpose)
}

// OpenChallenge gives the latest challenge of that purpose that was not met.
func (s *Store) OpenChallenge(ctx context.Context, ref contract.Ref, purpose string) (Challenge, error) {
	return s.challenge(ctx, `ref = $1 AND purpose = $2 AND met_at IS NULL ORDER BY issued_at DESC LIMIT 1`, ref, purpose)
}

func (s *Store) challenge(ctx context.Context, where string, args ...any) (Challenge, error) {
	var row challengeRow
	err := s.db.GetContext(ctx, &row, `SELECT `+challengeColumns+` FROM challenge WHERE `+where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return Challenge{}, fault.New(contract.ErrNotFound, "there is no such challenge", nil)
	}
	if err != nil {
		return Challenge{}, dbError("read a challenge", err)
	}
	return row.value(), nil
}

// CodeOf computes the code. It is a secret: it goes into a letter and nowhere else.
func (s *Store) CodeOf(ctx context.Context, c Challenge) (string, error) {
	key, err := s.Key(ctx, c.Ref)
	if err != nil {
		return "", err
	}
	return key.Code(c.ID, c.Digits), nil
}

// TryResult is the answer to a guess. TriesLeft is for staff: whoever guesses must not see it,
// because it tells that the reference exists.
type TryResult struct {
	Met         bool
	ChallengeID string // of the challenge met
	TriesLeft   int
	Locked      bool // this guess locked the case
}

// TryCode takes one guess at the open codes of that purpose: each of them loses a try in the same
// statement that looks for them, so that guesses at the same moment are counted too. A code works
// once and ends its siblings. An unknown reference takes the same statements, and the same write,
// as a wrong code.
func (s *Store) TryCode(ctx context.Context, ref contract.Ref, purpose, code string) (TryResult, error) {
	code = typed(code)
	var result TryResult
	err := s.tx(ctx, "try a code", func(tx *sqlx.Tx) error {
		result = TryResult{}
		now := s.now()
		var open []struct {
			ID     string `db:"id"`
			Digits int    `db:"digits"`
			Left   int    `db:"tries_left"`
		}
		if err := tx.SelectContext(ctx, &open, `WITH open AS (
			SELECT id FROM challenge WHERE ref = $1 AND purpose = $2 AND met_at IS NULL AND expires_at > $3 AND tries_left > 0
			AND NOT EXISTS (SELECT FROM identity WHERE ref = $1 AND locked_until > $3)
			ORDER BY id FOR UPDATE)
			UPDATE challenge c SET tries_left = c.tries_left - 1 FROM open WHERE c.id = open.id
			RETURNING c.id, c.digits, c.tries_left`, ref, purpose, now); err != nil {
			return err
		}
		wrapped, err := wrappedKey(ctx, tx, ref)
		if err != nil {
			return err
		}
		key, err := s.keyOrDecoy(ref, wrapped)
		if err != nil {
			return err
		}
		_ = subtle.ConstantTimeCompare([]byte(key.Code(zeroChallenge, 6)), []byte(code)) // one at least, whatever is open
		for _, c := range open {
			result.TriesLeft = max(result.TriesLeft, c.Left)
			if subtle.ConstantTimeCompare([]byte(key.Code(c.ID, c.Digits)), []byte(code)) == 1 {
				result.Met, result.ChallengeID = true, c.ID
			}
		}
		if result.Met {
			// Whoever proves it while the case is being closed is too late: closing looks before us or after us.
			if err := takes(ctx, tx, ref); fault.Is(err, contract.ErrNotOpen) {
				result.Met, result.ChallengeID = false, ""
			} else if err != nil {
				return err
			}
		}
		if result.Met {
			return s.meet(ctx, tx, ref, purpose, result.ChallengeID, now)
		}
		lock, err := wrongGuess(ctx, tx, ref, len(open) > 0, now)
		if err != nil {
			return err
		}
		result.Locked = lock > 0
		if len(open) > 0 {
			detail := guessed(result.TriesLeft, lock)
			detail["purpose"] = purpose
			return s.record(ctx, tx, ref, "code.wrong", detail)
		}
		return nothingToTry(ctx, tx, ref)
	})
	if err != nil {
		return TryResult{}, err
	}
	return result, nil
}

const zeroChallenge = "00000000000000000000000000000000"

// keyOrDecoy opens a data key anew on every guess, so that an unknown reference costs the same as
// one whose key is at hand.
func (s *Store) keyOrDecoy(ref contract.Ref, wrapped []byte) (*seal.RefKey, error) {
	if wrapped == nil {
		return s.keys.OpenRefKey(s.decoy.ref, s.decoy.wrapped)
	}
	return s.openKey(ref, wrapped)
}

func (s *Store) meet(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, purpose, id string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE identity SET wrong = 0 WHERE ref = $1`, ref); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE challenge SET tries_left = 0, met_at = CASE WHEN id = $4 THEN $3::timestamptz END
		WHERE ref = $1 AND purpose = $2 AND met_at IS NULL AND expires_at > $3`, ref, purpose, now, id); err != nil {
		return err
	}
	return s.record(ctx, tx, ref, "code.met", map[string]any{"purpose": purpose, "challenge": id})
}

// nothingToTry makes the two statements that record makes, and a write, so that the end of the
// transaction waits for the disk as it does after a wrong code.
func nothingToTry(ctx context.Context, tx *sqlx.Tx, ref contract.Ref) error {
	var seq []int64
	if err := tx.SelectContext(ctx, &seq, `SELECT seq FROM ledger_head WHERE ref = $1 FOR UPDATE`, ref); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_logical_emit_message(true, 'habeas', '')`)
	return err
}

// typed is a code as people type it: with gaps, or in full-width digits.
func typed(code string) string {
	return strings.NewReplacer(" ", "", "-", "", "\u3000", "").Replace(width.Narrow.String(strings.TrimSpace(code)))
}
