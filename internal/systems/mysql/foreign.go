package mysql

import (
	"context"
	"slices"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// foreign is a foreign key that leads to a table.
type foreign struct {
	Name          string
	Schema, Table string // that has it
	Columns, Keys []string
	Rule          string // RESTRICT, NO ACTION, CASCADE, SET NULL, SET DEFAULT
}

const foreignSQL = `SELECT k.CONSTRAINT_NAME AS name, k.TABLE_SCHEMA AS space, k.TABLE_NAME AS child, k.COLUMN_NAME AS col,
	k.REFERENCED_COLUMN_NAME AS target, r.DELETE_RULE AS rule
FROM information_schema.KEY_COLUMN_USAGE AS k JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r
	ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
WHERE k.REFERENCED_TABLE_SCHEMA = ? AND k.REFERENCED_TABLE_NAME = ?
ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`

// foreignKeys are the foreign keys that lead to the table, from tables that the account may see.
func (s *session) foreignKeys(ctx context.Context, c *datamap.Collection) ([]foreign, error) {
	var parts []struct {
		Name   string `db:"name"`
		Space  string `db:"space"`
		Child  string `db:"child"`
		Col    string `db:"col"`
		Target string `db:"target"`
		Rule   string `db:"rule"`
	}
	if err := s.conn.SelectContext(ctx, &parts, s.note+foreignSQL, c.Schema, c.Table); err != nil {
		return nil, s.classify(ctx, c, err)
	}
	var keys []foreign
	for _, p := range parts {
		last := len(keys) - 1
		if last < 0 || keys[last].Name != p.Name || keys[last].Table != p.Child || keys[last].Schema != p.Space {
			keys, last = append(keys, foreign{Name: p.Name, Schema: p.Space, Table: p.Child, Rule: p.Rule}), last+1
		}
		keys[last].Columns, keys[last].Keys = append(keys[last].Columns, p.Col), append(keys[last].Keys, p.Target)
	}
	return keys, nil
}

func (f foreign) of(c *datamap.Collection) bool { return f.Schema == c.Schema && f.Table == c.Table }

// selfKeys are the foreign keys of the table to itself.
func (e *eraser) selfKeys() ([]foreign, error) {
	keys, err := e.foreignKeys(e.ctx, e.shape.c)
	return slices.DeleteFunc(keys, func(f foreign) bool { return !f.of(e.shape.c) }), err
}
