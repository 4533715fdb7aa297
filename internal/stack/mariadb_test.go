package stack

import (
	"database/sql"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// openMariaDB opens the database that a mysql:// URL names.
func openMariaDB(t *testing.T, url string) *sql.DB {
	t.Helper()
	dsn, err := mariadb.FromURL(url)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// checkMariaDB loads a system on MariaDB as its owner and reads it as Habeas would.
func checkMariaDB(t *testing.T, st *Stack) {
	t.Helper()
	if _, err := openMariaDB(t, st.LoadDSNs()["bill_ing"]).Exec("CREATE TABLE kept (n int); INSERT INTO kept VALUES (9)"); err != nil {
		t.Fatal(err)
	}
	url := st.Env(RoleStaff)["HABEAS_DSN_BILL_ING"]
	reader := openMariaDB(t, url)
	var n int
	if err := reader.QueryRow("SELECT n FROM kept").Scan(&n); err != nil || n != 9 {
		t.Errorf("reading a system: %d, %v", n, err)
	}
	if _, err := reader.Exec("DELETE FROM kept"); err == nil {
		t.Error("the reader's account deletes")
	}
	eraser := openMariaDB(t, st.Env(RoleApp)["HABEAS_DSN_BILL_ING"])
	if _, err := eraser.Exec("UPDATE kept SET n = n"); err != nil {
		t.Errorf("the worker's account: %v", err)
	}
	if _, err := eraser.Exec("DELETE FROM kept WHERE n = 8"); err != nil {
		t.Errorf("the worker's account: %v", err)
	}
	if _, err := eraser.Exec("DROP TABLE kept"); err == nil {
		t.Error("the worker's account drops a table")
	}
	if _, err := reader.Exec("SELECT 1 FROM mysql.global_priv"); err == nil {
		t.Error("the reader's account sees the server's accounts")
	}
	for what, wrong := range map[string]string{
		"a wrong password":                 strings.Replace(url, st.state.Passwords[RoleReader], "wrong", 1),
		"the superuser without a password": mariadb.URL(st.Ports().MariaDB, mariadb.Superuser, "", "mysql"),
	} {
		if err := openMariaDB(t, wrong).Ping(); err == nil {
			t.Errorf("%s is let in", what)
		}
	}
}
