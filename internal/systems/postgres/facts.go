package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// fact is what a change must know of a column beyond its type.
type fact struct {
	Name     string `json:"name"`
	Filled   bool   `json:"filled"`   // NOT NULL, of the column or its domain
	Length   int    `json:"length"`   // characters; 0: no bound
	Computed bool   `json:"computed"` // generated, or an identity that is always
	Unique   bool   `json:"single"`   // a unique index has it alone
	Update   bool   `json:"updatable"`
}

// foreign is a foreign key between two tables.
type foreign struct {
	Name    string   `json:"name"`
	Child   int64    `json:"child"`
	Parent  int64    `json:"parent"`
	Schema  string   `json:"schema"` // of the child
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Keys    []string `json:"keys"`
	// Delete is pg_constraint.confdeltype: a (no action), r (restrict), c (cascade), n (set null), d.
	Delete     string `json:"delete"`
	Deferrable bool   `json:"deferrable"`
	// Hidden says that the account may not see every row of the child, or not its columns.
	Hidden bool `json:"hidden"`
}

// trigger is one of the company's own.
type trigger struct {
	Name   string `json:"name"`
	Beyond bool   `json:"beyond"` // it may do something that a roll-back does not take back
}

// facts are what a change must know of a table.
type facts struct {
	columns  map[string]fact
	deletes  bool
	self     []foreign
	foreign  []foreign // in which the table is the parent
	triggers []trigger
	estimate int64
}

const factsSQL = `WITH RECURSIVE seen AS (
	SELECT a.attnum, a.attname, a.attnotnull AS filled, a.atttypmod AS mod, t.oid AS typ, t.typtype, t.typbasetype, t.typtypmod,
		a.attgenerated <> '' OR a.attidentity = 'a' AS computed
	FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT s.attnum, s.attname, s.filled OR d.typnotnull, CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE s.mod END, t.oid, t.typtype, t.typbasetype, t.typtypmod, s.computed
	FROM seen s JOIN pg_type d ON d.oid = s.typ JOIN pg_type t ON t.oid = s.typbasetype WHERE s.typtype = 'd')
SELECT s.attname::text AS name, s.filled, s.computed,
	CASE WHEN s.mod > 4 AND format_type(s.typ, -1) IN ('character varying', 'character', 'bpchar') THEN s.mod - 4 ELSE 0 END AS length,
	EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = s.attnum) AS single,
	has_column_privilege($1::bigint::oid, s.attnum, 'UPDATE') AS updatable
FROM seen s WHERE s.typtype <> 'd'`

// A foreign key of a partitioned table stands once for the table and again for each partition:
// the root's says it all.
const foreignSQL = `SELECT f.conname::text AS name, f.conrelid::bigint AS child, f.confrelid::bigint AS parent, n.nspname::text AS schema, c.relname::text AS table,
	k.names AS columns, k.keys AS keys, f.confdeltype::text AS delete, f.condeferrable AS deferrable,
	NOT has_schema_privilege(n.oid, 'USAGE') OR row_security_active(c.oid) OR NOT k.readable AS hidden
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
	SELECT array_agg(a.attname::text ORDER BY u.n) AS names, array_agg(b.attname::text ORDER BY u.n) AS keys,
		bool_and(has_column_privilege(f.conrelid, u.child, 'SELECT')) AS readable
	FROM unnest(f.conkey, f.confkey) WITH ORDINALITY AS u(child, parent, n)
	JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.child
	JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.parent) AS k
WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confrelid = $1::bigint::oid ORDER BY 1`

// What a function in one of the trusted languages does stays in the database, unless its text
// names one of the usual ways out.
const triggersSQL = `SELECT t.tgname::text AS name,
	l.lanname NOT IN ('sql', 'plpgsql') OR p.prosrc ~* 'dblink|pg_notify|\mnotify\M|http_|net\.http|\mprogram\M|lo_export|pg_background|aws_lambda' AS beyond
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
WHERE t.tgrelid = $1::bigint::oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND (t.tgtype & 24) <> 0 ORDER BY 1`

const tableFactsSQL = `SELECT has_table_privilege(c.oid, 'DELETE') AS deletes,
	(CASE c.relkind WHEN 'p' THEN (SELECT sum(greatest(l.reltuples, 0)) FROM pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid WHERE p.isleaf)
		ELSE c.reltuples END)::bigint AS estimate
FROM pg_class c WHERE c.oid = $1::bigint::oid`

// facts reads what a change of the table must know, in one statement.
func (s *session) facts(ctx context.Context, sh *shape) (*facts, error) {
	list := func(statement string) string {
		return "(SELECT coalesce(json_agg(r), '[]') FROM (" + statement + ") AS r)"
	}
	var columns, keys, triggers, table []byte
	err := s.tx.QueryRowContext(ctx, "SELECT "+list(factsSQL)+", "+list(foreignSQL)+", "+list(triggersSQL)+", "+list(tableFactsSQL), sh.oid).
		Scan(&columns, &keys, &triggers, &table)
	if err != nil {
		return nil, s.classify(ctx, sh.c, err)
	}
	f := &facts{columns: map[string]fact{}}
	var facts []fact
	var tables []struct {
		Deletes  bool  `json:"deletes"`
		Estimate int64 `json:"estimate"`
	}
	for _, part := range []struct {
		text []byte
		into any
	}{{columns, &facts}, {keys, &f.foreign}, {triggers, &f.triggers}, {table, &tables}} {
		if err := json.Unmarshal(part.text, part.into); err != nil {
			return nil, fault.New(contract.ErrInternal, sh.c.ID()+": the catalog's answer cannot be read", err)
		}
	}
	if len(tables) != 1 {
		return nil, fault.Newf(contract.ErrMapMismatch, "%s: the table is gone", sh.c.ID())
	}
	f.deletes, f.estimate = tables[0].Deletes, tables[0].Estimate
	for _, col := range facts {
		f.columns[col.Name] = col
	}
	for _, key := range f.foreign {
		if key.Child == sh.oid {
			f.self = append(f.self, key)
		}
	}
	return f, nil
}

// leaf is the condition that no other row of the table refers to the row; nil where none can.
func (f *facts) leaf() func(alias string) string {
	if len(f.self) == 0 {
		return nil
	}
	return func(alias string) string {
		parts := make([]string, len(f.self))
		for i, key := range f.self {
			matches := make([]string, len(key.Columns))
			for n := range key.Columns {
				matches[n] = "l." + pq.QuoteIdentifier(key.Columns[n]) + " = " + alias + "." + pq.QuoteIdentifier(key.Keys[n])
			}
			parts[i] = "NOT EXISTS (SELECT FROM " + pq.QuoteIdentifier(key.Schema) + "." + pq.QuoteIdentifier(key.Table) + " AS l WHERE " +
				strings.Join(matches, " AND ") + " AND (l.tableoid, l.ctid) <> (" + alias + ".tableoid, " + alias + ".ctid))"
		}
		return strings.Join(parts, " AND ")
	}
}

// objection says what the database has against a change: the kind of a finding, and a text with
// names alone. "" where it is another kind of error.
func objection(err error) (kind, text string) {
	var answer *pq.Error
	if !errors.As(err, &answer) {
		return "", ""
	}
	where := ""
	if answer.Column != "" {
		where = " (column " + answer.Column + ")"
	} else if answer.Constraint != "" {
		where = " (constraint " + answer.Constraint + ")"
	}
	switch code := string(answer.Code); {
	case code == "23502":
		return "not-null", "a column must hold a value" + where
	case code == "23505":
		return "not-unique", "two rows would hold the same where that is forbidden" + where
	case code == "23503" || code == "23001":
		return "other-rows", "rows that stay refer to rows that go" + where
	case code == "23514" || code == "23P01" || strings.HasPrefix(code, "22"):
		return "not-allowed", "a new value is not allowed" + where
	case code == "428C9":
		return "computed", "a generated column cannot be set" + where
	case code == "42501":
		return "no-privilege", "the account may not change it" + where
	case code == "55000" || code == "42809" || code == "0A000":
		return "not-changeable", "rows of it cannot be changed" + where
	case strings.HasPrefix(code, "P0") || strings.HasPrefix(code, "38") || strings.HasPrefix(code, "39"):
		return "not-allowed", "a trigger refuses the change" + where
	}
	return "", ""
}
