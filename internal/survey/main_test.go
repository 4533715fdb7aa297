package survey

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/mysql"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres"
)

func TestMain(m *testing.M) {
	stop := mytest.Prepare()
	pgtest.Main(m)
	if err := stop(); err != nil {
		panic(err)
	}
}

// database makes a database with the statements run in it.
func database(t *testing.T, statements string) (dsn string, exec func(string)) {
	t.Helper()
	dsn = pgtest.URL(t)
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	exec = func(statements string) {
		t.Helper()
		if _, err := db.Exec(statements); err != nil {
			t.Fatalf("%v\n%.400s", err, statements)
		}
	}
	exec(statements)
	return dsn, exec
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	return ctx
}

// load loads a map of the given files beside a company.yaml.
func load(t *testing.T, files map[string]string) *datamap.Map {
	t.Helper()
	m, err := tryLoad(t, files)
	if err != nil {
		t.Fatalf("the map does not load:\n%v", err)
	}
	return m
}

func tryLoad(t *testing.T, files map[string]string) (*datamap.Map, error) {
	t.Helper()
	dir := t.TempDir()
	company, err := os.ReadFile("../datamap/testdata/scaffold/company.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files[datamap.CompanyFile] = string(company)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return datamap.Load(dir)
}

// opener opens each system of m at its DSN, once.
func opener(t *testing.T, m *datamap.Map, dsns map[string]string) Opener {
	t.Helper()
	opened := map[string]systems.System{}
	return func(ctx context.Context, name string) (systems.System, error) {
		if sys := opened[name]; sys != nil {
			return sys, nil
		}
		sys, err := systems.Open(ctx, m.System(name), dsns[name])
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { sys.Close() })
		opened[name] = sys
		return sys, nil
	}
}

// as is the DSN for another role.
func as(dsn, role string) string { return strings.Replace(dsn, "postgres@", role+"@", 1) }
