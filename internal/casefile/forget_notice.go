package casefile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ofNotices are the tables whose rows belong to a notice, in an order in which foreign keys let them
// go.
var ofNotices = []string{"concerned", "notice_consent", "recipient", "notice_group", "notice_bounce", "notice_canary", "notice_clock", "task", "notice"}

// ClosedNotices lists closed notices in the order of their references, behind after.
func (s *Store) ClosedNotices(ctx context.Context, after contract.Ref, limit int) ([]Notice, error) {
	var list []Notice
	err := s.db.SelectContext(ctx, &list, `SELECT `+noticeColumns+` FROM notice WHERE closed_at IS NOT NULL AND ref > $1
		ORDER BY ref LIMIT $2`, after, limitOf(limit))
	for i := range list {
		list[i].finish()
	}
	return list, dbError("list closed notices", err)
}

// ForgetNotice destroys the data key of a closed notice and deletes its rows, the list of people with
// them. What stays is its ledger, with one more line. An open notice is a contract.ErrNotOpen; one that
// is forgotten already: nothing.
func (s *Store) ForgetNotice(ctx context.Context, ref contract.Ref) error {
	err := s.tx(ctx, "forget a notice", func(tx *sqlx.Tx) error {
		n, err := lockNotice(ctx, tx, ref, `FOR UPDATE`)
		if fault.Is(err, contract.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if n.State != NoticeClosed {
			return fault.Newf(contract.ErrNotOpen, "%s is not closed: it is not forgotten", ref)
		}
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = '1h'`); err != nil {
			return err
		}
		for _, table := range ofTasks {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE task IN (SELECT id FROM task WHERE ref = $1)`, ref); err != nil {
				return err
			}
		}
		for _, table := range ofNotices {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE ref = $1`, ref); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE data_key SET wrapped = NULL, destroyed_at = $2 WHERE ref = $1`, ref, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "notice.forgotten", map[string]any{"kind": n.Kind, "exercise": n.Exercise, "outcome": n.Outcome,
			"opened_at": n.OpenedAt.UTC().Format(time.RFC3339), "closed_at": n.ClosedAt.UTC().Format(time.RFC3339), "people": n.People, "sent": n.Sent, "bad": n.Bad})
	})
	if err == nil {
		s.cache.drop(ref)
	}
	return err
}

// ForgottenNotice is what the ledger still says of a notice that was forgotten.
type ForgottenNotice struct {
	ID       string    `json:"id"`
	At       time.Time `json:"forgotten_at"`
	Kind     string    `json:"kind"`
	Exercise bool      `json:"exercise"`
	Outcome  string    `json:"outcome"`
	OpenedAt time.Time `json:"opened_at"`
	ClosedAt time.Time `json:"closed_at"`
	People   int64     `json:"people"`
	Sent     int64     `json:"sent"`
}

// ForgottenNotice reads what is left of a notice; one that was never forgotten is a
// contract.ErrNotFound.
func (s *Store) ForgottenNotice(ctx context.Context, ref contract.Ref) (ForgottenNotice, error) {
	lines, err := s.Ledger(ctx, ref)
	if err != nil {
		return ForgottenNotice{}, err
	}
	last := lines[len(lines)-1]
	if last.Event != "notice.forgotten" {
		return ForgottenNotice{}, notFound("forgotten notice", ref.ID())
	}
	text := func(key string) string { v, _ := last.Detail[key].(string); return v }
	number := func(key string) int64 { v, _ := last.Detail[key].(float64); return int64(v) }
	at := func(key string) time.Time { t, _ := time.Parse(time.RFC3339, text(key)); return t }
	exercise, _ := last.Detail["exercise"].(bool)
	return ForgottenNotice{ID: ref.ID(), At: last.At, Kind: text("kind"), Exercise: exercise, Outcome: text("outcome"),
		OpenedAt: at("opened_at"), ClosedAt: at("closed_at"), People: number("people"), Sent: number("sent")}, nil
}
