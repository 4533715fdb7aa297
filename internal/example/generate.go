package example

import (
	"context"
	"fmt"
	"slices"

	"github.com/habeas-dsr/habeas/examples/cloud"
)

// Table is one table of the example company.
type Table struct {
	System  string // as in the data map
	Schema  string
	Name    string
	Columns []string // in the order in which rows give their values
}

// ID is "system.table", which is also the name of its collection in the data map.
func (t *Table) ID() string { return t.System + "." + t.Name }

// Sink takes rows. Values are int64, bool, string, time.Time (UTC, microseconds) or nil; inet,
// numeric, uuid and jsonb come as strings. An error ends the work.
type Sink interface {
	Row(table *Table, values []any) error
}

// source is a table together with how its rows are made, holder by holder.
type source struct {
	Table
	rows  func(m *maker) func(i int, emit emitter) error
	count func(s shape) int
}

// sources lists every table, parents first.
var sources = []source{
	{Table{"accounts", "accounts", "users", []string{"id", "login_name", "mobile", "mobile_since", "email", "email_since",
		"real_name", "id_number", "enterprise_code", "company_name", "region", "industry", "contact_address", "fax",
		"website", "language", "password_hash", "cookie_id", "marketing_opt_in", "created_at", "last_login_at"}},
		each((*maker).users), func(shape) int { return 1 }},
	{Table{"accounts", "accounts", "contacts", []string{"id", "user_id", "name", "mobile", "email", "role", "since"}},
		each((*maker).contacts), func(s shape) int { return s.contacts }},
	{Table{"accounts", "accounts", "login_logs", []string{"id", "user_id", "at", "ip", "user_agent", "accept_language", "result"}},
		(*maker).loginLogs, func(s shape) int { return s.logins }},
	{Table{"accounts", "accounts", "request_logs", []string{"id", "user_id", "at", "ip", "method", "path", "status",
		"user_agent", "cookie_id"}},
		(*maker).requestLogs, func(s shape) int { return s.requests }},
	{Table{"billing", "billing", "orders", []string{"id", "account_id", "order_no", "status", "currency", "amount",
		"payment_method", "created_at", "paid_at"}},
		each((*maker).orders), func(s shape) int { return s.orders }},
	{Table{"billing", "billing", "order_items", []string{"order_id", "line_no", "sku", "description", "quantity", "unit_price"}},
		each((*maker).orderItems), shape.itemCount},
	{Table{"billing", "billing", "invoices", []string{"id", "order_id", "invoice_no", "title", "tax_no", "bank_name",
		"bank_account", "address", "amount", "issued_at"}},
		each((*maker).invoices), shape.invoiceCount},
	{Table{"support", "support", "tickets", []string{"id", "account_id", "contact_email", "contact_mobile", "subject",
		"status", "created_at", "closed_at"}},
		each((*maker).tickets), func(s shape) int { return s.tickets }},
	{Table{"support", "support", "messages", []string{"id", "ticket_id", "author", "agent_name", "body", "attachments",
		"created_at"}},
		each((*maker).messages), shape.messageCount},
}

// each is for tables whose rows need nothing from those before.
func each(rows func(m *maker, i int, emit emitter) error) func(m *maker) func(int, emitter) error {
	return func(m *maker) func(int, emitter) error {
		return func(i int, emit emitter) error { return rows(m, i, emit) }
	}
}

func (s shape) itemCount() (n int) {
	for j := range s.orders {
		n += s.items[j]
	}
	return n
}

func (s shape) invoiceCount() (n int) {
	for j := range s.orders {
		if s.invoiced[j] {
			n++
		}
	}
	return n
}

func (s shape) messageCount() (n int) {
	for j := range s.tickets {
		n += s.messages[j]
	}
	return n
}

// Tables lists every table of the company, parents first.
func Tables() []Table {
	tables := make([]Table, len(sources))
	for i := range sources {
		tables[i] = sources[i].Table
	}
	return tables
}

// Systems are the names of the systems, for DSNs.
func Systems() []string { return slices.Clone(cloud.Systems) }

// Servers are the names of the systems by the server that keeps them, for stacks.
func Servers() (postgres, mariadb []string) {
	postgres = slices.DeleteFunc(Systems(), func(s string) bool { return slices.Contains(cloud.MariaDB, s) })
	return postgres, slices.Clone(cloud.MariaDB)
}

// Generate gives every row to sink, table by table, parents first, always in the same order. The
// slice of values is the sink's to keep. Rows asked for by Options.Heavy are not among them.
func Generate(ctx context.Context, o Options, sink Sink) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	m := newMaker(o)
	for i := range sources {
		if err := sources[i].generate(ctx, m, sink); err != nil {
			return err
		}
	}
	return nil
}

// generate gives the rows of one table to sink.
func (s *source) generate(ctx context.Context, m *maker, sink Sink) error {
	rows := s.rows(m)
	emit := func(values ...any) error { return sink.Row(&s.Table, values) }
	for i := range m.o.People {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := rows(i, emit); err != nil {
			return fmt.Errorf("making rows of %s: %w", s.ID(), err)
		}
	}
	return nil
}

// count says how many rows there will be, Heavy's included.
func count(o Options) int64 {
	m := newMaker(o)
	n := int64(o.Heavy)
	for i := range o.People {
		s := m.shape(i)
		for j := range sources {
			n += int64(sources[j].count(s))
		}
	}
	return n
}
