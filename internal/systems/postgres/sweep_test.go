package postgres

import (
	"testing"

	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

func TestSweeperConformance(t *testing.T) {
	t.Parallel()
	conformance.RunSweeper(t, conformance.Engine{
		Driver: "postgres",
		Fresh: func(t *testing.T) conformance.Database {
			dsn, exec := fresh(t)
			return conformance.Database{DSN: dsn, Schema: "public", Exec: exec}
		},
	})
}
