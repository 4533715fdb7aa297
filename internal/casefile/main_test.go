package casefile

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is a casefile in a database of its own, and three people who are pinned.
type fixture struct {
	*Store
	url   string
	super *sqlx.DB // as the superuser, for looking and for tampering
	time  *clock
	pins  Pins
	keys  map[string]ed25519.PrivateKey
	sets  *seal.Keys
	dir   string // of the key sets
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{url: pgtest.URL(t), time: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)},
		pins: Pins{}, keys: map[string]ed25519.PrivateKey{}}
	if _, _, err := Migrate(t.Context(), f.url); err != nil {
		t.Fatalf("Migrate: %v", cause(err))
	}
	f.dir = filepath.Join(t.TempDir(), "keys")
	if err := seal.Init(f.dir); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.sets, err = seal.Open(f.dir); err != nil {
		t.Fatal(err)
	}
	f.Store = f.as(t, RoleApp)
	f.super = sqlx.MustOpen("postgres", f.url)
	t.Cleanup(func() { _ = f.super.Close() })
	for _, name := range []string{"ann", "bob", "eve"} {
		f.pins[name] = Pin{PublicKey: f.newKey(t, name), Roles: []dsr.Role{dsr.RoleApprover, dsr.RoleReviewer}}
	}
	return f
}

// as opens the casefile under one of its roles.
func (f *fixture) as(t *testing.T, role string) *Store {
	t.Helper()
	s, err := Open(t.Context(), withRole(t, f.url, role), f.sets, f.time.Now)
	if err != nil {
		t.Fatalf("Open as %s: %v", role, cause(err))
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func withRole(t *testing.T, base, role string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	return u.String()
}

func (f *fixture) newKey(t *testing.T, name string) ed25519.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.keys[name] = private
	return public
}

// exec runs SQL as the superuser.
func (f *fixture) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := f.super.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// tamper runs SQL as a superuser who takes the triggers off first.
func (f *fixture) tamper(t *testing.T, query string, args ...any) {
	t.Helper()
	for _, table := range []string{"ledger_line", "checkpoint", "checkpoint_head"} {
		f.exec(t, `ALTER TABLE habeas.`+table+` DISABLE TRIGGER ALL`)
	}
	f.exec(t, query, args...)
}

// cause unwraps the private cause of an error, for the log of a failed test.
func cause(err error) any {
	if e := fault.As(err); e != nil && e.Cause() != nil {
		return e.Error() + ": " + e.Cause().Error()
	}
	return err
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(cause(err))
	}
}

func wantType(t *testing.T, err error, typ string) {
	t.Helper()
	if !fault.Is(err, typ) {
		t.Fatalf("got error %v, want one of type %s", cause(err), typ)
	}
}

var person = Request{
	Identities: []dsr.Identity{
		{Kind: "email", Value: "mei.lin@persons.example"}, {Kind: "mobile", Value: "+8613900001234"},
		{Kind: "national_id", Value: "990101199001011234"}},
	Note: "asks on behalf of Aurelia Zhang 张奥蕾",
}

func (f *fixture) newCase(t *testing.T) contract.Ref {
	t.Helper()
	ref, err := f.CreateCase(t.Context(), f.caseOf(person))
	ok(t, err)
	return ref
}

func (f *fixture) caseOf(r Request) NewCase {
	now := f.time.Now()
	return NewCase{Kind: dsr.Access, Laws: []string{"cn-pipl"}, Lang: "zh", Channel: "phone", Requester: "self",
		OpenedBy: "sue", MapHash: "0badcafe", ReceivedAt: now.Add(-time.Hour), DueAt: now.Add(15 * 24 * time.Hour), Request: r}
}

func (f *fixture) newTask(t *testing.T, ref contract.Ref, kind dsr.TaskKind, shown string) Task {
	t.Helper()
	task, err := f.OpenTask(t.Context(), NewTask{Ref: ref, Kind: kind, Occasion: "1", Shown: []byte(shown)})
	ok(t, err)
	return task
}

// sign makes a decision on a task as the person of that name.
func (f *fixture) sign(task Task, staff string, verdict dsr.Verdict) dsr.Decision {
	d := dsr.Decision{Installation: f.sets.Installation(), Ref: task.Ref, TaskKind: task.Kind, Task: task.ID,
		Digest: task.Digest, Verdict: verdict, Reason: "looked at it", Nonce: task.Nonce, Staff: staff}
	d.Signature = ed25519.Sign(f.keys[staff], d.Bytes())
	return d
}

func (f *fixture) decide(t *testing.T, task Task, staff string, verdict dsr.Verdict) Recorded {
	t.Helper()
	got, err := f.RecordDecision(t.Context(), f.sign(task, staff, verdict), f.pins)
	ok(t, err)
	return got
}

// events lists the events of a chain.
func (f *fixture) events(t *testing.T, ref contract.Ref) []string {
	t.Helper()
	lines, err := f.Ledger(t.Context(), ref)
	ok(t, err)
	var events []string
	for _, line := range lines {
		events = append(events, line.Event)
	}
	return events
}

func (f *fixture) verify(t *testing.T) Report {
	t.Helper()
	report, err := f.VerifyLedger(context.WithoutCancel(t.Context()), nil)
	ok(t, err)
	return report
}
