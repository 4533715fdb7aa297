package mysql

import (
	"testing"

	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

func TestSweeperConformance(t *testing.T) {
	t.Parallel()
	conformance.RunSweeper(t, conformance.Engine{
		Driver: "mariadb",
		Fresh: func(t *testing.T) conformance.Database {
			db, exec := fresh(t)
			return conformance.Database{DSN: db.URL, Schema: db.Name, Exec: exec}
		},
	})
}
