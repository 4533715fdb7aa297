package mysql

import (
	"net/url"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/scratch"
)

// A connection is encrypted and the server held against its authority when the DSN asks for it;
// with another authority, or in plain to an account that must not, there is none.
func TestTLS(t *testing.T) {
	t.Parallel()
	db, exec := fresh(t)
	reader := account(t, exec)
	exec("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); GRANT SELECT ON " + db.Name + ".* TO " + reader + "@'127.0.0.1'; ALTER USER " + reader + "@'127.0.0.1' REQUIRE SSL")
	count := func(query url.Values) (int64, error) {
		d := open(t, db.As(reader)+"?"+query.Encode(), db.Name)
		return d.Count(t.Context(), byKey(d.table("t", "id"), "1"))
	}
	if n, err := count(url.Values{"tls-ca": {db.CA}}); err != nil || n != 1 {
		t.Errorf("with the server's authority: %d, %v", n, err)
	}
	other, err := scratch.NewCertificate(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, query := range map[string]url.Values{
		"in plain": {"tls": {"false"}}, "another authority": {"tls-ca": {other.Cert}}, "the machine's authorities": {"tls": {"true"}},
	} {
		if _, err := count(query); !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
