package casefile

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The states of a recipient's e-mail.
const (
	MailWaiting  = "waiting"
	MailClaimed  = "claimed"
	MailSending  = "sending" // begun: undecided at a crash
	MailDeferred = "deferred"
	MailSent     = "sent"
	MailRefused  = "refused" // by the server, for good
	MailBounced  = "bounced" // later, for good
	MailExpired  = "expired" // never taken within the time
	MailUnclear  = "unclear" // the server hung up behind DATA twice
	MailNone     = "nomail"  // no address
	// MailSuppressed: the reader has objected, and the letter is one that may be objected to.
	MailSuppressed = "suppressed"
)

const sendingLock = 7411 // of the two-part advisory locks: the sending of a notice

// LockSending lets one worker at a time send a notice: whatever it finds begun was left by one that
// died. It holds a connection until release. When somebody else is at it: contract.ErrBusy.
func (s *Store) LockSending(ctx context.Context, ref contract.Ref) (release func(), err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return nil, dbError("lock a notice", err)
	}
	var got bool
	if err := conn.GetContext(ctx, &got, `SELECT pg_try_advisory_lock($1, hashtext($2))`, sendingLock, ref); err != nil || !got {
		_ = conn.Close()
		if err == nil {
			return nil, fault.New(contract.ErrBusy, "another worker is still sending "+ref.String(), nil).After(2 * time.Second)
		}
		return nil, dbError("lock a notice", err)
	}
	return func() {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = conn.ExecContext(short, `SELECT pg_advisory_unlock($1, hashtext($2))`, sendingLock, ref)
		_ = conn.Close()
	}, nil
}

// ClaimRecipients claims the next people up to a wave whose letter is due, leaving out receiving
// domains that asked to be left alone. A row that was begun and never decided counts as repeated.
// after is 0, or the last number claimed before: then what is begun is not looked at again.
// Only whoever holds LockSending calls it.
func (s *Store) ClaimRecipients(ctx context.Context, ref contract.Ref, wave int, after int64, limit int) ([]Recipient, error) {
	var rows []recipientRow
	now := s.now()
	err := s.tx(ctx, "claim recipients", func(tx *sqlx.Tx) error {
		rows = rows[:0]
		return tx.SelectContext(ctx, &rows, `UPDATE recipient r SET state = 'claimed', repeated = repeated + (state = 'sending')::int, first_at = coalesce(first_at, $4)
			FROM (SELECT n AS claimed FROM recipient AS w WHERE ref = $1 AND n > $5 AND wave <= $2 AND due
					AND (next_at IS NULL OR next_at <= $4)
					AND NOT EXISTS (SELECT FROM notice_group g WHERE g.ref = $1 AND g.domain = w.domain AND g.busy_until > $4)
				ORDER BY n LIMIT $3 FOR UPDATE SKIP LOCKED) AS due
			WHERE r.ref = $1 AND r.n = due.claimed
			RETURNING `+recipientColumns, ref, wave, limit, now, after)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b recipientRow) int { return cmp.Compare(a.N, b.N) }) // RETURNING has no order
	return s.openRecipients(ctx, ref, rows)
}

// Settled is what became of one letter.
type Settled struct {
	N      int64
	State  string
	Reply  string     // codes, or a word
	NextAt *time.Time // of a deferred one
}

// Settle writes what became of letters and, in the same transaction, which ones begin now. A letter
// may go to the server only after its beginning was written.
func (s *Store) Settle(ctx context.Context, ref contract.Ref, done []Settled, begin []int64) error {
	now := s.now()
	var ns []int64
	var states, replies []string
	var next []sql.NullTime
	sent, bad := 0, 0
	for _, d := range done {
		ns, states, replies = append(ns, d.N), append(states, d.State), append(replies, replyStatus(d.Reply))
		var at sql.NullTime
		if d.NextAt != nil {
			at = sql.NullTime{Time: d.NextAt.UTC(), Valid: true}
		}
		next = append(next, at)
		switch d.State {
		case MailSent:
			sent++
		case MailRefused, MailExpired:
			bad++
		}
	}
	return s.alone(ctx, "write what became of letters", settleSQL, ref, pq.Array(ns), pq.Array(states), pq.Array(replies), pq.Array(next), now,
		pq.Array(begin), sent, bad)
}

// settleSQL ends letters, begins others and counts, in this order: the counts wait for the rows, as
// Bounce takes its locks.
const settleSQL = `WITH ended AS (
		UPDATE recipient r SET
			state = CASE WHEN d.state = 'unclear' AND r.unclear = 0 THEN 'deferred' ELSE d.state END,
			unclear = r.unclear + (d.state = 'unclear')::int, reply = d.reply, next_at = d.next,
			sent_at = CASE WHEN d.state = 'sent' THEN $6 ELSE r.sent_at END
		FROM unnest($2::bigint[], $3::text[], $4::text[], $5::timestamptz[]) AS d (n, state, reply, next)
		WHERE r.ref = $1 AND r.n = d.n AND r.state = 'sending' RETURNING 1
	), begun AS (
		UPDATE recipient SET state = 'sending', attempts = attempts + 1 WHERE ref = $1 AND n = ANY ($7::bigint[]) RETURNING 1
	)
	UPDATE notice SET sent = sent + $8::bigint, bad = bad + $9::bigint WHERE ref = $1 AND $8::bigint + $9::bigint > 0
		AND (SELECT count(*) FROM ended) >= 0 AND (SELECT count(*) FROM begun) >= 0`

// Unclaim gives back what was claimed, or begun and certainly not handed over. Only whoever holds
// LockSending calls it.
func (s *Store) Unclaim(ctx context.Context, ref contract.Ref, begun []int64) error {
	_, err := s.db.ExecContext(ctx, `UPDATE recipient SET state = CASE WHEN attempts > 0 THEN 'deferred' ELSE 'waiting' END
		WHERE ref = $1 AND (state = 'claimed' OR state = 'sending' AND n = ANY ($2::bigint[]))`, ref, pq.Array(begun))
	return dbError("give back what was claimed", err)
}

// GroupBusy leaves a receiving domain alone for a while, which doubles each time, and says until when.
func (s *Store) GroupBusy(ctx context.Context, ref contract.Ref, domain []byte, first time.Duration) (time.Time, error) {
	var until time.Time
	now := s.now()
	err := s.db.GetContext(ctx, &until, `INSERT INTO notice_group AS g (ref, domain, busy_until, strikes) VALUES ($1, $2, $3::timestamptz + make_interval(secs => $4), 1)
		ON CONFLICT (ref, domain) DO UPDATE SET strikes = CASE WHEN g.busy_until > $3 THEN g.strikes ELSE g.strikes + 1 END,
			busy_until = CASE WHEN g.busy_until > $3 THEN g.busy_until
				ELSE $3::timestamptz + make_interval(secs => least($4 * 2 ^ least(g.strikes, 10), greatest(14400, $4))) END
		RETURNING busy_until`, ref, domain, now, first.Seconds())
	return until.UTC(), dbError("leave a domain alone", err)
}

// Due says how many letters up to a wave are still to be sent, and when the next of them is due;
// zero is now.
func (s *Store) Due(ctx context.Context, ref contract.Ref, wave int) (open int64, next time.Time, err error) {
	var row struct {
		Open int64        `db:"open"`
		Next sql.NullTime `db:"next"`
	}
	err = s.db.GetContext(ctx, &row, `SELECT count(*) AS open, min(greatest(coalesce(w.next_at, '-infinity'), coalesce(g.busy_until, '-infinity'), '1970-01-01')) AS next
		FROM recipient w LEFT JOIN notice_group g ON g.ref = w.ref AND g.domain = w.domain
		WHERE w.ref = $1 AND w.wave <= $2 AND w.due`, ref, wave)
	if row.Next.Valid && row.Next.Time.After(s.now()) {
		next = row.Next.Time.UTC()
	}
	return row.Open, next, dbError("see what is due", err)
}

// The classes of a bounce (RFC 3463, 3464).
const (
	BounceHard   = "hard"
	BounceSoft   = "soft"
	BounceFull   = "full"
	BouncePolicy = "policy"
	BounceAuto   = "auto-reply"
)

// Bounce writes that a letter came back. A passing reason defers the letter while its time lasts;
// retry is the wait. It says whether anything changed: the same bounce comes twice. message is the
// message that came, where the same one is read again and again (a mailbox): it counts once; else nil.
func (s *Store) Bounce(ctx context.Context, ref contract.Ref, n int64, class, reply string, retry, giveUp time.Duration, message []byte) (bool, error) {
	changed := false
	now := s.now()
	err := s.tx(ctx, "write a bounce", func(tx *sqlx.Tx) error {
		changed = false
		var row struct {
			State    string     `db:"state"`
			FirstAt  *time.Time `db:"first_at"`
			Attempts int        `db:"attempts"`
		}
		err := tx.GetContext(ctx, &row, `SELECT state, first_at, attempts FROM recipient WHERE ref = $1 AND n = $2 FOR NO KEY UPDATE`, ref, n)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("recipient of", ref.ID())
		}
		if err != nil {
			return err
		}
		// Only a letter that was handed over can come back; one that is being sent again is judged anew.
		if row.State == MailSending && row.Attempts == 1 {
			return fault.Newf(contract.ErrBusy, "letter %d of %s came back before it is written down as taken", n, ref.ID())
		}
		if row.State != MailSent && row.State != MailUnclear {
			return nil
		}
		if fresh, err := s.freshBounce(ctx, tx, ref, n, message); err != nil || !fresh {
			return err
		}
		state, next := MailBounced, (*time.Time)(nil)
		switch class {
		case BounceAuto:
			state = row.State
		case BounceSoft, BounceFull:
			if at := now.Add(retry); row.FirstAt == nil || at.Before(row.FirstAt.Add(giveUp)) {
				state, next = MailDeferred, &at
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE recipient SET state = $3, bounce = $4, bounced_at = $5, next_at = $6, reply = CASE WHEN $7 = '' THEN reply ELSE $7 END WHERE ref = $1 AND n = $2`,
			ref, n, state, class, now, next, replyStatus(reply)); err != nil {
			return err
		}
		changed = true
		if state == MailBounced {
			_, err = tx.ExecContext(ctx, `UPDATE notice SET bad = bad + 1, sent = sent - 1 WHERE ref = $1`, ref)
		}
		return err
	})
	return changed, err
}

// freshBounce says whether that message was never read before, and remembers it by a keyed hash.
func (s *Store) freshBounce(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, n int64, message []byte) (bool, error) {
	if message == nil {
		return true, nil
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO notice_bounce (ref, n, message, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		ref, n, s.keys.KeyedHash("habeas notice bounce v1", message), s.now())
	if err != nil {
		return false, err
	}
	rows, err := done.RowsAffected()
	return rows > 0, err
}

// Tally counts the recipients by state of their e-mail, and those told by another way by it.
type Tally struct {
	Mail     map[string]int64 `json:"mail"`
	Steps    map[string]int64 `json:"steps"`
	Repeated int64            `json:"repeated"` // letters that may have gone twice
	Unclear  int64            `json:"unclear"`
	Open     int64            `json:"unreached"` // not told yet by any way, and not by mail any more
}

// Tally counts the list of a notice.
func (s *Store) Tally(ctx context.Context, ref contract.Ref) (Tally, error) {
	t := Tally{Mail: map[string]int64{}, Steps: map[string]int64{}}
	var rows []struct {
		State    string `db:"state"`
		Step     string `db:"step"`
		Count    int64  `db:"count"`
		Repeated int64  `db:"repeated"`
		Unclear  int64  `db:"unclear"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT state, step, count(*), count(*) FILTER (WHERE repeated > 0) AS repeated,
		count(*) FILTER (WHERE unclear > 0) AS unclear FROM recipient WHERE ref = $1 GROUP BY state, step`, ref); err != nil {
		return t, dbError("count a list", err)
	}
	for _, r := range rows {
		t.Mail[r.State] += r.Count
		t.Repeated, t.Unclear = t.Repeated+r.Repeated, t.Unclear+r.Unclear
		switch {
		case r.Step != "":
			t.Steps[r.Step] += r.Count
		case unreached(r.State):
			t.Open += r.Count
		}
	}
	return t, nil
}

func unreached(state string) bool {
	switch state {
	case MailRefused, MailBounced, MailExpired, MailUnclear, MailNone:
		return true
	}
	return false
}
