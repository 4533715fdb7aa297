package example

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// billed adds what Expected says of the billing system, which is on MariaDB. How each row looks is
// written out by hand: MariaDB has no row_to_json, and its JSON_OBJECT writes a time with a blank
// and without a zone.
func billed(ctx context.Context, db *sql.DB, account int64, found Rows) error {
	const theirs = `order_id IN (SELECT id FROM orders WHERE account_id = ?)`
	for _, q := range []struct{ table, key, row, where string }{
		{"orders", "id", `'id', id, 'account_id', account_id, 'order_no', order_no, 'status', status, 'currency', currency,
			'amount', amount, 'payment_method', payment_method, 'created_at', ` + stamp("created_at") + `, 'paid_at', ` + stamp("paid_at"),
			"account_id = ?"},
		{"order_items", "order_id, line_no", `'order_id', order_id, 'line_no', line_no, 'sku', sku, 'description', description,
			'quantity', quantity, 'unit_price', unit_price`, theirs},
		{"invoices", "id", `'id', id, 'order_id', order_id, 'invoice_no', invoice_no, 'title', title, 'tax_no', tax_no, 'bank_name', bank_name,
			'bank_account', bank_account, 'address', address, 'amount', amount, 'issued_at', DATE_FORMAT(issued_at, '%Y-%m-%dT%H:%i:%s')`, theirs},
	} {
		rows, err := db.QueryContext(ctx, "SELECT CONCAT_WS(',', "+q.key+"), JSON_OBJECT("+q.row+") FROM "+q.table+" WHERE "+q.where+" ORDER BY "+q.key, account)
		if err != nil {
			return fmt.Errorf("reading billing.%s: %w", q.table, err)
		}
		list, err := readBilled(rows)
		if err != nil {
			return fmt.Errorf("reading billing.%s: %w", q.table, err)
		}
		found["billing."+q.table] = list
	}
	return nil
}

// stamp is a timestamp in RFC 3339; the session's zone is UTC.
func stamp(column string) string { return "DATE_FORMAT(" + column + ", '%Y-%m-%dT%H:%i:%s+00:00')" }

func readBilled(rows *sql.Rows) ([]Row, error) {
	defer func() { _ = rows.Close() }()
	var list []Row
	for rows.Next() {
		var key string
		var r Row
		if err := rows.Scan(&key, &r.JSON); err != nil {
			return nil, err
		}
		r.Key = strings.Split(key, ",") // keys are numbers
		list = append(list, r)
	}
	return list, rows.Err()
}
