package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sqldriver "github.com/go-sql-driver/mysql"
)

// DSN is how go-sql-driver reaches a database of a server on this machine, for whoever makes
// schemas and loads them: several statements at once, names in double quotes, backslashes plain.
// database may be empty.
func DSN(port int, user, password, database string) string {
	cfg := sqldriver.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = user, password, database
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	cfg.Collation, cfg.MultiStatements, cfg.Timeout = "utf8mb4_general_ci", true, 10*time.Second
	cfg.Params = map[string]string{
		"sql_mode": "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "time_zone": "'+00:00'",
	}
	cfg.Logger = silent{}
	return cfg.FormatDSN()
}

// URL is the same place as HABEAS_DSN_… names it.
func URL(port int, user, password, database string) string {
	u := url.URL{Scheme: "mysql", User: url.User(user), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/" + database}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// FromURL is DSN for a place of which the URL is known. The error says nothing of the URL, which may
// hold a password.
func FromURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || !IsURL(address) {
		return "", fmt.Errorf("this is no mysql:// URL")
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || u.Hostname() != "127.0.0.1" {
		return "", fmt.Errorf("this mysql:// URL is of no server on 127.0.0.1")
	}
	password, _ := u.User.Password()
	return DSN(port, u.User.Username(), password, strings.TrimPrefix(u.Path, "/")), nil
}

// IsURL tells a URL of MariaDB from that of another database.
func IsURL(address string) bool { return strings.HasPrefix(address, "mysql://") }

type silent struct{}

func (silent) Print(...any) {}

// Quote writes a name in SQL.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Do opens one connection and hands it on.
func Do(ctx context.Context, dsn string, do func(*sql.DB) error) error {
	cfg, err := sqldriver.ParseDSN(dsn)
	if err != nil {
		return fmt.Errorf("reading the DSN of MariaDB") // the parser's own text may hold a password
	}
	cfg.Logger = silent{}
	connector, err := sqldriver.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("using the DSN of MariaDB")
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("reaching MariaDB: %w", err)
	}
	return do(db)
}

// Environ is our environment without what would bend the server or the language of its messages.
func Environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "MYSQL") || strings.HasPrefix(kv, "MARIADB") || strings.HasPrefix(kv, "LC_") ||
			strings.HasPrefix(kv, "LANG=") || strings.HasPrefix(kv, "TZ=")
	})
	return append(env, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC")
}
