package example

import (
	"context"
	"database/sql"
	"fmt"
)

// heavyBatch bounds one INSERT, so that progress shows and no transaction grows long.
const heavyBatch = 250_000

// heavy makes Options.Heavy request log rows for the cast's Heavy person, inside the database:
// every value follows from the row's number. It runs before keys and indexes are there.
func heavy(ctx context.Context, db *sql.DB, o Options, count *meter) error {
	h := newMaker(o).holder(castHeavy)
	var last int64
	err := db.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM accounts.request_logs`).Scan(&last)
	if err != nil {
		return fmt.Errorf("numbering the heavy rows: %w", err)
	}
	for from := 1; from <= o.Heavy; from += heavyBatch {
		to := min(from+heavyBatch-1, o.Heavy)
		_, err := db.ExecContext(ctx, `
INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
SELECT $1::bigint + n, $2::bigint,
       $3::timestamptz - make_interval(secs => (n::bigint * 7919 % 15000000)),
       ('203.0.113.' || 1 + n % 254)::inet,
       (ARRAY['GET', 'GET', 'POST', 'PUT'])[1 + n % 4],
       '/api/v2/buckets/backup/objects/part-' || n,
       (ARRAY[200, 200, 204, 404, 503])[1 + n % 5],
       'yunzhan-sdk-go/1.19.0', $4::uuid
FROM generate_series($5::int, $6::int) AS n`, last, h.id, o.Now, h.cookie, from, to)
		if err != nil {
			return fmt.Errorf("making the heavy rows: %w", err)
		}
		count.add(int64(to - from + 1))
	}
	return nil
}
