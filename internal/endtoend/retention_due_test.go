package endtoend

import (
	"database/sql"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// dueSQL are the rules of the example's map, written by hand for each rule as the condition that a row
// is due at $1; of parents without regard to who refers to them. The day of a time in Shanghai plus
// the span must lie before the day of the run there. Invoices are counted in UTC.
var dueSQL = map[string]string{
	"accounts.login_logs":   `SELECT id FROM accounts.login_logs WHERE (at AT TIME ZONE 'Asia/Shanghai')::date + interval '6 months' < ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"accounts.request_logs": `SELECT id FROM accounts.request_logs WHERE (at AT TIME ZONE 'Asia/Shanghai')::date + interval '6 months' < ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"support.tickets": `SELECT id FROM support.tickets WHERE status = 'closed' AND (closed_at AT TIME ZONE 'Asia/Shanghai')::date + interval '2 years'
		< ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"support.messages": `SELECT m.id FROM support.messages m JOIN support.tickets t ON t.id = m.ticket_id WHERE (t.closed_at AT TIME ZONE 'Asia/Shanghai')::date + interval '2 years'
		< ($1::timestamptz AT TIME ZONE 'Asia/Shanghai')::date`,
	"billing.orders": `SELECT id FROM orders WHERE DATE(CONVERT_TZ(created_at, '+00:00', '+08:00')) + INTERVAL 10 YEAR < DATE(CONVERT_TZ(?, '+00:00', '+08:00'))`,
	"billing.order_items": `SELECT CONCAT(i.order_id, '/', i.line_no) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE DATE(CONVERT_TZ(o.created_at, '+00:00', '+08:00')) + INTERVAL 10 YEAR < DATE(CONVERT_TZ(?, '+00:00', '+08:00'))`,
	"billing.invoices": `SELECT id FROM invoices WHERE DATE(issued_at) + INTERVAL 10 YEAR < DATE(?)`,
}

// due asks the databases themselves which rows are due.
func (s *stubborn) due(rule string, at time.Time) map[string]bool {
	s.t.Helper()
	system, _, _ := cutRule(rule)
	db, arg := s.database(system), any(at)
	if system == "billing" {
		arg = at.UTC().Format("2006-01-02 15:04:05")
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(s.ctx, dueSQL[rule], arg)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			s.t.Fatal(err)
		}
		out[key] = true
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func cutRule(rule string) (system, collection string, ok bool) {
	for i := range rule {
		if rule[i] == '.' {
			return rule[:i], rule[i+1:], true
		}
	}
	return rule, "", false
}

func (s *stubborn) database(system string) *sql.DB {
	s.t.Helper()
	url := s.c.Stack.LoadDSNs()[system]
	driver := "postgres"
	if mariadb.IsURL(url) {
		dsn, err := mariadb.FromURL(url)
		if err != nil {
			s.t.Fatal(err)
		}
		driver, url = "mysql", dsn
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}
