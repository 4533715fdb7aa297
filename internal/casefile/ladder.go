package casefile

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Unreached gives the people whom e-mail did not reach and whom nothing else has told yet, a page at
// a time behind after; tried leaves out those with whom that step was tried.
func (s *Store) Unreached(ctx context.Context, ref contract.Ref, after int64, tried string, limit int) ([]Recipient, error) {
	var rows []recipientRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+recipientColumns+` FROM recipient
		WHERE ref = $1 AND unreached AND n > $2
			AND ($3 = '' OR position($3 IN tried) = 0) ORDER BY n LIMIT $4`, ref, after, tried, limit); err != nil {
		return nil, dbError("list whom mail did not reach", err)
	}
	return s.openRecipients(ctx, ref, rows)
}

// Stepped writes that people were told by another way, or that it was tried in vain.
func (s *Store) Stepped(ctx context.Context, ref contract.Ref, step string, told, tried []int64) error {
	_, err := s.db.ExecContext(ctx, `UPDATE recipient SET tried = tried || $4 || ' ', step = CASE WHEN n = ANY ($2::bigint[]) THEN $4 ELSE step END,
			told_at = CASE WHEN n = ANY ($2::bigint[]) THEN $5 ELSE told_at END
		WHERE ref = $1 AND step = '' AND (n = ANY ($2::bigint[]) OR n = ANY ($3::bigint[]))`, ref, pq.Array(told), pq.Array(tried), step, s.now())
	return dbError("write who was told by another way", err)
}

// SteppedAll writes that everybody whom nothing had reached was told by this way.
func (s *Store) SteppedAll(ctx context.Context, ref contract.Ref, step string) (int64, error) {
	done, err := s.db.ExecContext(ctx, `UPDATE recipient SET tried = tried || $2 || ' ', step = $2, told_at = $3
		WHERE ref = $1 AND unreached`, ref, step, s.now())
	if err != nil {
		return 0, dbError("write who was told by another way", err)
	}
	return done.RowsAffected()
}

// CanaryResult is what became of one letter to an address of the company's own.
type CanaryResult struct {
	N     int       `json:"n" db:"n"`
	Lang  string    `json:"lang" db:"lang"`
	Reply string    `json:"reply" db:"reply"`
	At    time.Time `json:"at" db:"at"`
}

// PutCanary keeps what became of a canary of the file with that hash.
func (s *Store) PutCanary(ctx context.Context, ref contract.Ref, fileHash []byte, c CanaryResult) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO notice_canary (ref, n, lang, file_hash, reply, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (ref, n, lang, file_hash) DO UPDATE SET reply = excluded.reply, at = excluded.at`, ref, c.N, c.Lang, fileHash, replyStatus(c.Reply), s.now())
	return dbError("keep what became of a canary", err)
}

// Canaries lists them.
func (s *Store) Canaries(ctx context.Context, ref contract.Ref, fileHash []byte) ([]CanaryResult, error) {
	var list []CanaryResult
	err := s.db.SelectContext(ctx, &list, `SELECT n, lang, reply, at FROM notice_canary WHERE ref = $1 AND file_hash = $2 ORDER BY n, lang`, ref, fileHash)
	for i := range list {
		list[i].At = list[i].At.UTC()
	}
	return list, dbError("read the canaries", err)
}
