package postgres

import (
	"testing"

	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

// Every kind of link, with lists in an array and in JSON.
func TestWalk(t *testing.T) {
	t.Parallel()
	e := conformance.Engine{
		Driver: "postgres",
		Fresh: func(t *testing.T) conformance.Database {
			dsn, exec := fresh(t)
			return conformance.Database{DSN: dsn, Schema: "public", Exec: exec}
		},
		ListType: "integer[]", List: func(numbers string) string { return "'{" + numbers + "}'" },
	}
	t.Run("array", func(t *testing.T) { conformance.RunWalk(t, e) })
	t.Run("JSON", func(t *testing.T) {
		e := e
		e.ListType, e.List = "jsonb", func(numbers string) string { return "'[" + numbers + "]'" }
		conformance.RunWalk(t, e)
	})
}
