package postgres

import (
	"net/url"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/stack/scratch"
)

// A connection is encrypted and the server held against its authority when the DSN asks for it;
// with another authority there is none.
func TestTLS(t *testing.T) {
	t.Parallel()
	dsn, exec := fresh(t)
	exec("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW mine AS SELECT ssl::int AS id FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
	with := func(authority string) *driver {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {authority}}.Encode()
		return open(t, u.String())
	}
	d := with(pgtest.Address(t).CA)
	if n, err := d.Count(t.Context(), byKey(d.table("mine", "id"), "1")); err != nil || n != 1 {
		t.Errorf("not encrypted: %d, %v", n, err)
	}
	plain := open(t, dsn)
	if n, err := plain.Count(t.Context(), byKey(plain.table("mine", "id"), "0")); err != nil || n != 1 {
		t.Errorf("the control is encrypted: %d, %v", n, err)
	}
	other, err := scratch.NewCertificate(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d = with(other.Cert)
	if _, err := d.Count(t.Context(), byKey(d.table("t", "id"), "1")); !fault.Is(err, contract.ErrUnavailable) {
		t.Errorf("another authority: %v", err)
	}
}
