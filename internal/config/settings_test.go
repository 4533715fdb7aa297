package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestDefaultsAndOverrides(t *testing.T) {
	t.Parallel()
	c, err := Load(env("HABEAS_PACKAGE_TTL", "36h", "HABEAS_CODEC", "off", "HABEAS_SYSTEMS", "a, b",
		"HABEAS_PORTAL_PROXIES", "127.0.0.1, 2001:db8::/32"))
	if err != nil {
		t.Fatal(err)
	}
	if c.CodeDigits != 6 || c.VerifyWithin != 14*24*time.Hour || c.PackageTTL != 36*time.Hour || !c.CodecOff || len(c.Systems) != 2 ||
		len(c.PortalProxies) != 2 || c.PortalProxies[0].Bits() != 32 || c.PortalProxies[1].Bits() != 32 {
		t.Errorf("%+v", c)
	}
}

func TestBadValuesNameTheVariable(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"HABEAS_CODE_DIGITS": "5", "HABEAS_CODE_TRIES": "many", "HABEAS_CODEC": "maybe",
		"HABEAS_VERIFY_WITHIN": "soon", "HABEAS_PACKAGE_TTL": "-1h", "HABEAS_PORTAL_PROXIES": "the.proxy", "HABEAS_DATABASE_URL": "@/no/such/file",
	} {
		_, err := Load(env(name, value))
		if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	_, err := Load(env(), "HABEAS_KEYS")
	if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), "HABEAS_KEYS") {
		t.Errorf("missing: %v", err)
	}
}

func TestSecretsComeFromFilesAndAreNotPrinted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgres://u:hunter2@db.example/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(env("HABEAS_DATABASE_URL", "@"+file, "HABEAS_SMTP_URL", "smtps://u:hunter2@mail.example:465"))
	if err != nil {
		t.Fatal(err)
	}
	if c.DatabaseURL != "postgres://u:hunter2@db.example/x" {
		t.Errorf("read %q", c.DatabaseURL)
	}
	if all := strings.Join(c.Describe(), "\n"); strings.Contains(all, "hunter2") || !strings.Contains(all, "db.example") {
		t.Error(all)
	}
	dsn, err := DSN(env("HABEAS_DSN_OLD_CRM", "@"+file), "old-crm")
	if err != nil || dsn != c.DatabaseURL {
		t.Errorf("dsn %q, %v", dsn, err)
	}
	if _, err := DSN(env(), "billing"); !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), "HABEAS_DSN_BILLING") {
		t.Errorf("missing dsn: %v", err)
	}
}

// The table in the documentation is the loader's, line by line.
func TestDocumentedWordByWord(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings {
		def := s.Default
		if def != "" {
			def = "`" + def + "`"
		}
		if line := "| `" + s.Name + "` | " + def + " | " + s.Text + " |"; !strings.Contains(string(page), line) {
			t.Errorf("docs/configuration.md lacks the line:\n%s", line)
		}
	}
}
