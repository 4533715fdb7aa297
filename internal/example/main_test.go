package example_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

func TestMain(m *testing.M) {
	stop := mytest.Prepare()
	pgtest.Main(m)
	if err := stop(); err != nil {
		panic(err)
	}
}

// now is when these tests look at the company.
var now = time.Date(2026, 7, 1, 9, 30, 0, 0, time.UTC)

// load fills a fresh database with o and gives its DSNs, all the same, and a connection.
func load(t testing.TB, o example.Options) (map[string]string, *sql.DB) {
	t.Helper()
	dsn := emptyDatabase(t)
	if err := example.Load(testContext(t), dsn, o, nil); err != nil {
		t.Fatal(err)
	}
	return dsn, open(t, dsn["accounts"])
}

// emptyDatabase gives the systems on PostgreSQL the same empty database, and those on MariaDB one each.
func emptyDatabase(t testing.TB) map[string]string {
	t.Helper()
	url := pgtest.URL(t)
	dsn := map[string]string{}
	postgres, mariadb := example.Servers()
	for _, system := range postgres {
		dsn[system] = url
	}
	for _, system := range mariadb {
		dsn[system] = mytest.URL(t)
	}
	return dsn
}

func open(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver := "postgres"
	if mariadb.IsURL(url) {
		var err error
		if url, err = mariadb.FromURL(url); err != nil {
			t.Fatal(err)
		}
		driver = "mysql"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// number runs a query that gives one number.
func number(t testing.TB, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(testContext(t), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
