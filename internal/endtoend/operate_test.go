package endtoend

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/jmoiron/sqlx"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// An operator's company: letters are signed with DKIM, a case whose start was lost is found, the
// worker's pages answer, and it stops when it is asked to.
func TestOperating(t *testing.T) {
	t.Parallel()
	keyFile, public := dkimKey(t)
	c := company(t, map[string]string{"HABEAS_DKIM_KEY": keyFile, "HABEAS_DKIM_SELECTOR": "s1"})
	ctx, d := deskOf(t, c)
	cast := example.Cast()

	t.Run("letters carry a DKIM signature that verifies", func(t *testing.T) {
		p := c.Person(cast.English)
		answer, err := c.Access(ctx, d, p, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}})
		if err != nil {
			t.Fatal(err)
		}
		letters, err := p.Letters(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(letters) < 4 {
			t.Fatalf("%d letters for case %s", len(letters), answer.Ref)
		}
		for _, l := range letters {
			checks, err := dkim.VerifyWithOptions(strings.NewReader(l.Raw), &dkim.VerifyOptions{
				LookupTXT: func(string) ([]string, error) { return []string{"v=DKIM1; k=ed25519; p=" + public}, nil }})
			if err != nil || len(checks) != 1 || checks[0].Err != nil {
				t.Errorf("%q: %v %+v", l.Subject, err, checks)
			}
			if l.Header("Auto-Submitted") != "auto-generated" || l.Header("Content-Language") != "en" {
				t.Errorf("%q: Auto-Submitted %q, Content-Language %q", l.Subject, l.Header("Auto-Submitted"), l.Header("Content-Language"))
			}
		}
	})

	t.Run("a case that never started is started", func(t *testing.T) {
		ref := lostCase(t, c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase), d, cast.Plain)
		if err := d.Temporal.ScheduleClient().GetHandle(ctx, "habeas-reconcile").Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 30*time.Second, "the reconciler", func() bool {
			k, err := d.Store.Case(ctx, ref)
			return err == nil && k.State == dsr.StateVerifying
		})
	})

	t.Run("pages", func(t *testing.T) {
		for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "temporal_activity_execution_latency"} {
			resp, err := http.Get("http://" + c.Env["HABEAS_METRICS_LISTEN"] + path)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(want)) {
				t.Errorf("%s: %s, %d bytes", path, resp.Status, len(body))
			}
		}
	})

	t.Run("SIGTERM", func(t *testing.T) {
		p, ok := c.Stack.Process("worker")
		if !ok {
			t.Fatal("no worker")
		}
		if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 25*time.Second, "the worker's end", func() bool { return !p.Alive() })
		log, err := os.ReadFile(p.Log)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(log, []byte("panic")) || bytes.Contains(log, []byte("goroutine ")) {
			t.Errorf("it did not end cleanly:\n%s", log)
		}
	})
}

// dkimKey writes a fresh Ed25519 key and gives its public half as DNS would.
func dkimKey(t *testing.T) (file, public string) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, base64.StdEncoding.EncodeToString(pub)
}

// lostCase writes a case as if whoever opened it had died before the workflow was started.
func lostCase(t *testing.T, owner string, d *desk.Desk, p example.Person) contract.Ref {
	t.Helper()
	now := time.Now()
	ref, err := d.Store.CreateCase(t.Context(), casefile.NewCase{
		Kind: dsr.Access, Laws: []string{"cn-pipl"}, Lang: "zh", Channel: "phone", Requester: "self", OpenedBy: "an",
		MapHash: d.Map.Hash, ReceivedAt: now, DueAt: now.Add(30 * 24 * time.Hour),
		Request: casefile.Request{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.Connect("postgres", owner)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`UPDATE habeas.case_file SET opened_at = opened_at - interval '2 minutes', received_at = received_at - interval '2 minutes' WHERE ref = $1`, ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func waitFor(t *testing.T, atMost time.Duration, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(atMost); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", atMost, what)
		}
	}
}
