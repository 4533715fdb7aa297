package deploy_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/casefile"
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

// Real servers take what prepare.sh wrote: the casefile is migrated and the example loaded as compose
// does it, and each account can do its work and no more.
func TestServersTakeWhatPrepareWrote(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	secrets := prepare(t)
	admin, postgres := onPostgres(ctx, t, secrets)
	maria := onMariaDB(ctx, t, secrets)
	if _, _, err := casefile.Migrate(ctx, postgres("casefile_owner_url")); err != nil {
		t.Fatalf("migrating as compose does: %v", err)
	}
	dsns := map[string]string{"accounts": postgres("accounts_owner_url"), "support": postgres("support_owner_url"), "billing": maria("billing_owner_url")}
	if err := example.Load(ctx, dsns, example.Options{People: 100, Seed: 1, Now: time.Now()}, nil); err != nil {
		t.Fatalf("loading the example as compose does: %v", err)
	}

	t.Run("casefile", func(t *testing.T) {
		for _, secret := range []string{"casefile_worker_url", "casefile_portal_url"} {
			db := open(t, "postgres", postgres(secret))
			holds(ctx, t, db, "habeas.case_file", -1)
			refuses(ctx, t, db, `DELETE FROM habeas.ledger_line`)
		}
	})
	t.Run("accounts", func(t *testing.T) {
		db := open(t, "postgres", postgres("accounts_url"))
		holds(ctx, t, db, "accounts.users", 1)
		refuses(ctx, t, db, `CREATE TABLE public.x (id int)`)
	})
	t.Run("billing", func(t *testing.T) {
		db := openMaria(t, maria("billing_url"))
		holds(ctx, t, db, "orders", 1)
		if _, err := db.ExecContext(ctx, "DELETE FROM order_items LIMIT 1"); err != nil {
			t.Errorf("the worker cannot delete, and no deletion case would get past its preflight: %v", err)
		}
		refuses(ctx, t, db, "DROP TABLE order_items")
	})
	for _, statement := range []string{"DROP DATABASE habeas WITH (FORCE)", "DROP DATABASE accounts WITH (FORCE)", "DROP DATABASE support WITH (FORCE)"} {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Error(err)
		}
	}
}

// onPostgres runs roles.sql on a real server. at gives a URL of prepare.sh with that server's address.
func onPostgres(ctx context.Context, t *testing.T, secrets string) (admin *sql.DB, at func(secret string) string) {
	t.Helper()
	server := pgtest.URL(t)
	admin = open(t, "postgres", server)
	for _, statement := range strings.Split(read(t, filepath.Join(secrets, "roles.sql")), ";\n") {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", strings.SplitN(statement, "PASSWORD", 2)[0], err)
		}
	}
	here, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return admin, func(secret string) string { return moved(t, secrets, secret, here.Host) }
}

// onMariaDB does the same with billing.sql.
func onMariaDB(ctx context.Context, t *testing.T, secrets string) (at func(secret string) string) {
	t.Helper()
	server := mytest.New(t)
	admin := open(t, "mysql", server.DSN)
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE billing; DROP USER 'example_eraser'@'%', 'example_owner'@'%'"); err != nil {
			t.Error(err)
		}
	})
	if _, err := admin.ExecContext(ctx, read(t, filepath.Join(secrets, "billing.sql"))); err != nil {
		t.Fatal("MariaDB does not take what prepare.sh wrote")
	}
	return func(secret string) string { return moved(t, secrets, secret, "127.0.0.1:"+strconv.Itoa(server.Port)) }
}

// moved is a URL of prepare.sh with another host and port.
func moved(t *testing.T, secrets, secret, host string) string {
	t.Helper()
	u, err := url.Parse(strings.TrimSpace(read(t, filepath.Join(secrets, secret))))
	if err != nil {
		t.Fatal("a URL from prepare.sh cannot be read")
	}
	u.Host = host
	return u.String()
}

// holds wants a table to be readable, with at least so many rows; -1 for any number.
func holds(ctx context.Context, t *testing.T, db *sql.DB, table string, least int) {
	t.Helper()
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil || n < least {
		t.Errorf("%d rows of %s can be read: %v", n, table, err)
	}
}

func refuses(ctx context.Context, t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(ctx, statement); err == nil {
		t.Errorf("the account may do this: %s", statement)
	}
}

func openMaria(t *testing.T, address string) *sql.DB {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("an address cannot be read")
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return open(t, "mysql", mariadb.DSN(port, u.User.Username(), password, strings.TrimPrefix(u.Path, "/")))
}

func open(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal("an address cannot be read")
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
