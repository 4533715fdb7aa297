package mysql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestDSN(t *testing.T) {
	t.Parallel()
	sys := &datamap.System{Name: "shop", Driver: "mariadb"}
	for url, want := range map[string]string{
		"mysql://u:p%40ss@db.example:3307/shop":          "u:p@ss tcp(db.example:3307) shop tls=true",
		"mariadb://u@127.0.0.1/shop":                     "u: tcp(127.0.0.1:3306) shop tls=false",
		"mysql://u@localhost/shop?tls=true":              "u: tcp(localhost:3306) shop tls=true",
		"mysql://u@[::1]:3308/shop?tls=preferred":        "u: tcp([::1]:3308) shop tls=preferred",
		"mysql://u@db.example/shop?tls=false":            "u: tcp(db.example:3306) shop tls=false",
		"mysql://u@db.example/shop?tls=skip-verify":      "u: tcp(db.example:3306) shop tls=skip-verify",
		"mysql://u@/shop?socket=/run/mysqld/mysqld.sock": "u: unix(/run/mysqld/mysqld.sock) shop tls=false",
		"mysql://u@db.example/shop%20two?tls=true":       "u: tcp(db.example:3306) shop two tls=true",
	} {
		cfg, err := config(sys, url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := cfg.User + ":" + cfg.Passwd + " " + cfg.Net + "(" + cfg.Addr + ") " + cfg.DBName + " tls=" + cfg.TLSConfig; got != want {
			t.Errorf("%s\nwant %s\ngot  %s", url, want, got)
		}
		if cfg.MultiStatements || cfg.AllowAllFiles || cfg.InterpolateParams || cfg.AllowCleartextPasswords || cfg.AllowOldPasswords {
			t.Errorf("%s opens what is shut", url)
		}
	}
}

// Whatever is wrong with a DSN, nothing of it is in the error.
func TestDSNIsNeverShown(t *testing.T) {
	t.Parallel()
	sys := &datamap.System{Name: "shop", Driver: "mariadb"}
	notPEM := filepath.Join(t.TempDir(), "hush.pem")
	if err := os.WriteFile(notPEM, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"mysql://u:hush hush@host:notaport/\x7f", "u:hush@tcp(host:3306)/db", "postgres://u:hush@host/db", "mysql:hush", "mysql://u:hush@host",
		"mysql://u:hush@host/", "mysql://host/db", "mysql://u:hush@/db", "mysql://u:hush@host/db?multiStatements=true", "mysql://u:hush@host/db?tls=hush",
		"mysql://u:hush@host/db?allowAllFiles=true", "mysql://u:hush@host/db?tls=true&tls=false", "mysql://u:hush@host/db?tls-ca=/hush/none.pem",
		"mysql://u:hush@host/db?tls-ca=" + notPEM, "mysql://u:hush@host/db#hush", "mysql://u:hush@host/db?%zz",
	} {
		_, err := Open(t.Context(), sys, url)
		if !fault.Is(err, contract.ErrBadInput) || strings.Contains(err.Error()+fault.As(err).Hint, "hush") {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if cause := fault.As(err).Cause(); cause != nil {
			t.Errorf("%s: the cause may hold the password: %T", url, cause)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"10.11.19-MariaDB-0+deb12u1": false, "10.6.0-MariaDB": false, "10.5.9-MariaDB": true, "11.4.2-MariaDB": false, "5.5.5-10.5.1-MariaDB": true, "strange": false,
	} {
		if got := older(version, [3]int{10, 6, 0}); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
	if !older("8.0.18", [3]int{8, 0, 19}) || older("8.0.19-log", [3]int{8, 0, 19}) || older("8.4.0", [3]int{8, 0, 19}) {
		t.Error("MySQL's versions")
	}
}
