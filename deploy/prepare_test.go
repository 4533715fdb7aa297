package deploy_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/casefile"
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

// prepare runs prepare.sh on a folder of its own and gives the folder with the secrets.
func prepare(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(ctx, "./prepare.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("prepare.sh: %v\n%s", err, out)
	}
	return filepath.Join(dir, "secrets")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPrepareMakesEverySecretOnce(t *testing.T) {
	t.Parallel()
	secrets := prepare(t)
	if info, err := os.Stat(secrets); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is open to others: %v, %v", info.Mode(), err)
	}
	before := map[string]string{}
	for name, secret := range project(t).Secrets {
		file := filepath.Base(secret.File)
		before[file] = read(t, filepath.Join(secrets, file))
		if len(before[file]) < 32 {
			t.Errorf("secret %s is %d bytes long", name, len(before[file]))
		}
	}
	if other := read(t, filepath.Join(prepare(t), "postgres_password")); other == before["postgres_password"] {
		t.Error("two preparations give the same password")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "./prepare.sh", filepath.Dir(secrets)).CombinedOutput(); err != nil {
		t.Fatalf("prepare.sh again: %v\n%s", err, out)
	}
	for file, text := range before {
		if read(t, filepath.Join(secrets, file)) != text {
			t.Errorf("%s was made anew", file)
		}
	}
}

// A real PostgreSQL takes the roles, and each login can do its work and no more.
func TestRolesCarryTheCasefile(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	secrets := prepare(t)
	server := pgtest.URL(t)
	admin := open(t, server)
	for _, statement := range strings.Split(read(t, filepath.Join(secrets, "roles.sql")), ";\n") {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", strings.SplitN(statement, "PASSWORD", 2)[0], err)
		}
	}
	// at gives a URL from prepare.sh with the address of the test's server.
	at := func(secret string) string {
		u, err := url.Parse(strings.TrimSpace(read(t, filepath.Join(secrets, secret))))
		if err != nil {
			t.Fatal("a URL from prepare.sh cannot be read")
		}
		here, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		u.Host = here.Host
		return u.String()
	}
	if _, _, err := casefile.Migrate(ctx, at("casefile_owner_url")); err != nil {
		t.Fatalf("migrating as compose does: %v", err)
	}
	for _, secret := range []string{"casefile_worker_url", "casefile_portal_url"} {
		db := open(t, at(secret))
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM habeas.case_file`).Scan(&n); err != nil {
			t.Errorf("%s cannot read cases: %v", secret, err)
		}
		if _, err := db.ExecContext(ctx, `DELETE FROM habeas.ledger_line`); err == nil {
			t.Errorf("%s may delete ledger lines", secret)
		}
	}
	if _, err := admin.ExecContext(ctx, `DROP DATABASE habeas WITH (FORCE)`); err != nil {
		t.Error(err)
	}
	eraser := open(t, at("accounts_url"))
	if _, err := eraser.ExecContext(ctx, `CREATE TABLE public.x (id int)`); err == nil {
		t.Error("the worker's account in the example systems makes tables")
	}
}

// A real MariaDB takes the account of the billing system, which reads and does no more.
func TestAccountReadsBilling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	secrets, server := prepare(t), mytest.New(t)
	admin, err := sql.Open("mysql", server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE billing; DROP USER 'example_eraser'@'%'"); err != nil {
			t.Error(err)
		}
		_ = admin.Close()
	})
	if _, err := admin.ExecContext(ctx, read(t, filepath.Join(secrets, "billing.sql"))+" CREATE TABLE billing.orders (id int)"); err != nil {
		t.Fatal("MariaDB does not take what prepare.sh wrote")
	}
	u, err := url.Parse(strings.TrimSpace(read(t, filepath.Join(secrets, "billing_url"))))
	if err != nil {
		t.Fatal("a URL from prepare.sh cannot be read")
	}
	password, _ := u.User.Password()
	eraser, err := sql.Open("mysql", mariadb.DSN(server.Port, u.User.Username(), password, strings.TrimPrefix(u.Path, "/")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = eraser.Close() })
	var n int
	if err := eraser.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&n); err != nil {
		t.Errorf("the worker cannot read: %v", err)
	}
	if _, err := eraser.ExecContext(ctx, "DELETE FROM orders"); err != nil {
		t.Errorf("the worker cannot delete, and no deletion case would get past its preflight: %v", err)
	}
	if _, err := eraser.ExecContext(ctx, "DROP TABLE orders"); err == nil {
		t.Error("the worker may drop tables")
	}
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal("an address cannot be read")
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
