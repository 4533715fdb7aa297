package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	sqldriver "github.com/go-sql-driver/mysql"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// parameters are all that a URL may carry: the driver's other ones (multiStatements,
// allowAllFiles, allowCleartextPasswords, …) would open what is shut here on purpose.
var parameters = []string{"tls", "tls-ca", "socket"}

const dsnHint = "it looks like mysql://user:password@host:3306/database; after ? may stand tls=true (the default beyond this " +
	"machine), tls=skip-verify, tls=preferred or tls=false, tls-ca=FILE, socket=FILE"

// quiet keeps the driver from writing to standard error: every failure comes back as an error.
type quiet struct{}

func (quiet) Print(...any) {}

// config reads the URL of a system. No part of it stands in an error: it may hold a password.
func config(sys *datamap.System, dsn string) (*sqldriver.Config, error) {
	bad := func(what string) error {
		return fault.Newf(contract.ErrBadInput, "system %s: %s %s", sys.Name, systems.DSNVariable(sys.Name), what).WithHint(dsnHint)
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Opaque != "" || !slices.Contains([]string{"mysql", "mariadb"}, u.Scheme) || u.Fragment != "" {
		return nil, bad("cannot be read")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, bad("cannot be read")
	}
	for name, values := range query {
		if !slices.Contains(parameters, name) || len(values) != 1 {
			return nil, bad("has a parameter that is not known here, or twice")
		}
	}
	cfg := sqldriver.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	if cfg.DBName == "" || cfg.User == "" {
		return nil, bad("names no user or no database")
	}
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(u.Hostname(), cmpPort(u.Port()))
	if socket := query.Get("socket"); socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	} else if u.Hostname() == "" {
		return nil, bad("names no host")
	}
	if !encrypt(cfg, u.Hostname(), query.Get("tls"), query.Get("tls-ca")) {
		return nil, bad("asks for a kind of TLS that is not known, or names an authority that cannot be read")
	}
	cfg.Timeout = connectTimeout
	cfg.Collation = "utf8mb4_bin"
	cfg.InterpolateParams = false // a value is never part of a statement's text
	cfg.MultiStatements, cfg.AllowAllFiles, cfg.AllowCleartextPasswords = false, false, false
	cfg.ParseTime = false // times stay the server's text: nothing is lost on the way
	cfg.ConnectionAttributes = "program_name:habeas"
	cfg.Logger = quiet{}
	return cfg, nil
}

func cmpPort(port string) string {
	if port == "" {
		return "3306"
	}
	return port
}

// encrypt sets up TLS. Unless told otherwise, a connection that leaves the machine is encrypted
// and the server's name is checked.
func encrypt(cfg *sqldriver.Config, host, mode, authority string) bool {
	if mode == "" {
		mode = "true"
		if cfg.Net == "unix" || loopback(host) {
			mode = "false"
		}
		if authority != "" {
			mode = "true"
		}
	}
	if authority != "" {
		raw, err := os.ReadFile(authority)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(raw) || mode != "true" {
			return false
		}
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: host}
		return true
	}
	cfg.TLSConfig = mode
	cfg.AllowFallbackToPlaintext = mode == "preferred"
	return slices.Contains([]string{"true", "false", "skip-verify", "preferred"}, mode)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
