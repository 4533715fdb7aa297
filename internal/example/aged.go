package example

import (
	"context"
	"fmt"
	"slices"
)

// aged is what Age runs in each system: three generations of older rows, each a copy of what was there, set back: logs by
// a year each, tickets with their messages by a year, orders with their lines and invoices by five. Keys
// are moved by tens of millions, beyond all that Generate makes.
var aged = map[string][]string{
	"accounts": {
		`INSERT INTO accounts.login_logs (id, user_id, at, ip, user_agent, accept_language, result)
			SELECT id + 10000000 * k, user_id, at - k * interval '1 year', ip, user_agent, accept_language, result
			FROM accounts.login_logs, generate_series(1, 3) AS g (k) WHERE id < 10000000 ON CONFLICT DO NOTHING`,
		`INSERT INTO accounts.request_logs (id, user_id, at, ip, method, path, status, user_agent, cookie_id)
			SELECT id + 10000000 * k, user_id, at - k * interval '1 year', ip, method, path, status, user_agent, cookie_id
			FROM accounts.request_logs, generate_series(1, 3) AS g (k) WHERE id < 10000000 ON CONFLICT DO NOTHING`,
	},
	"support": {
		`INSERT INTO support.tickets (id, account_id, contact_email, contact_mobile, subject, status, created_at, closed_at)
			SELECT id + 10000000 * k, account_id, contact_email, contact_mobile, subject, status, created_at - k * interval '1 year', closed_at - k * interval '1 year'
			FROM support.tickets, generate_series(1, 3) AS g (k) WHERE id < 10000000 ON CONFLICT DO NOTHING`,
		`INSERT INTO support.messages (id, ticket_id, author, agent_name, body, attachments, created_at)
			SELECT id + 10000000 * k, ticket_id + 10000000 * k, author, agent_name, body, attachments, created_at - k * interval '1 year'
			FROM support.messages, generate_series(1, 3) AS g (k) WHERE id < 10000000 ON CONFLICT DO NOTHING`,
	},
	"billing": {
		`INSERT IGNORE INTO orders (id, account_id, order_no, status, currency, amount, payment_method, created_at, paid_at)
			SELECT id + 10000000 * k, account_id, CONCAT('A', k, '-', id), status, currency, amount, payment_method, created_at - INTERVAL 5 * k YEAR, paid_at - INTERVAL 5 * k YEAR
			FROM orders, (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3) AS g WHERE id < 10000000`,
		`INSERT IGNORE INTO order_items (order_id, line_no, sku, description, quantity, unit_price)
			SELECT order_id + 10000000 * k, line_no, sku, description, quantity, unit_price
			FROM order_items, (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3) AS g WHERE order_id < 10000000`,
		`INSERT IGNORE INTO invoices (id, order_id, invoice_no, title, tax_no, bank_name, bank_account, address, amount, issued_at)
			SELECT id + 10000000 * k, order_id + 10000000 * k, CONCAT('A', k, '-', id), title, tax_no, bank_name, bank_account, address, amount, issued_at - INTERVAL 5 * k YEAR
			FROM invoices, (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3) AS g WHERE id < 10000000`,
	},
}

// Age gives a company that was loaded several years of older rows, so that retention finds something.
// Again: only what is not there any more. dsns are those by which rows are loaded. Where systems are named,
// only these age.
func Age(ctx context.Context, dsns map[string]string, only ...string) error {
	dbs, err := connect(ctx, dsns)
	if err != nil {
		return err
	}
	defer closeAll(dbs)
	for _, system := range Systems() {
		if len(only) > 0 && !slices.Contains(only, system) {
			continue
		}
		for _, statement := range aged[system] {
			if _, err := dbs[system].ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("ageing %s: %w", system, err)
			}
		}
	}
	return nil
}
