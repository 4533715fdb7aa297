package endtoend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// stubborn is staff and a person who do not mind that everything breaks around them: what was not
// confirmed they do again, as people would.
type stubborn struct {
	t   *testing.T
	c   *demo.Company
	d   *desk.Desk
	p   *demo.Person
	ctx context.Context
}

func newStubborn(t *testing.T, c *demo.Company, who example.Person, atMost time.Duration) *stubborn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	t.Cleanup(cancel)
	d, done, err := c.Desk(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	s := &stubborn{t: t, c: c, d: d, p: c.Person(who), ctx: ctx}
	if err := s.p.ForgetUnread(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// until tries until it is so. Errors are what people see while something is down: they try again.
func (s *stubborn) until(what string, so func(ctx context.Context) (bool, error)) {
	s.t.Helper()
	var last error
	pause := 50 * time.Millisecond
	for {
		ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
		ok, err := so(ctx)
		cancel()
		if ok {
			return
		}
		if err != nil {
			last = err
			pause = min(2*pause, time.Second) // as people do: the portal counts how often one asks
		}
		select {
		case <-s.ctx.Done():
			s.t.Fatalf("%s: not before the time was over; the last error: %v", what, last)
		case <-time.After(pause):
		}
	}
}

// open opens a case for the person's account.
func (s *stubborn) open() contract.Ref {
	s.t.Helper()
	id := dsr.Identity{Kind: "account", Value: s.p.Login}
	if s.p.Login == "" {
		id = dsr.Identity{Kind: "email", Value: s.p.Email}
	}
	ref, err := s.c.Open(s.ctx, s.d, desk.Opening{Identities: []dsr.Identity{id}, Lang: s.p.Language})
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// code reads the next code; when none comes, the person asks for one.
func (s *stubborn) code(ref contract.Ref, purpose string, ask bool) string {
	s.t.Helper()
	var code string
	s.until("reading a code: "+purpose, func(ctx context.Context) (bool, error) {
		if ask {
			if err := s.p.AskCode(ctx, ref.ID(), purpose); err != nil {
				return false, err
			}
		}
		ask = true
		var err error
		code, err = s.p.Code(ctx)
		return err == nil, err
	})
	return code
}

func (s *stubborn) verify(ref contract.Ref) {
	s.t.Helper()
	code := s.code(ref, dsr.CodeVerify, false)
	s.until("proving who they are", func(ctx context.Context) (bool, error) {
		if _, err := s.d.Store.MetChallenge(ctx, ref, dsr.CodeVerify); err == nil {
			return true, nil
		}
		return false, s.p.Verify(ctx, ref.ID(), code)
	})
}

// sign waits for a task and signs it, however often that takes.
func (s *stubborn) sign(ref contract.Ref, kind dsr.TaskKind, who string, verdict dsr.Verdict, reason string) {
	s.t.Helper()
	task := s.task(ref, kind)
	if kind == dsr.TaskReview && verdict == dsr.Approve {
		s.until("choosing", func(ctx context.Context) (bool, error) {
			if now, err := s.d.Store.Task(ctx, task.ID); err != nil || len(now.Choices) > 0 {
				return err == nil, err
			}
			_, err := s.d.Choose(ctx, task.ID, map[string]string{"all": dsr.ChoiceMask}, who)
			return err == nil, err
		})
	}
	s.until("signing "+string(kind), func(ctx context.Context) (bool, error) {
		_, err := s.d.Decide(ctx, task.ID, verdict, reason, s.c.Staff[who])
		if now, readErr := s.d.Store.Task(ctx, task.ID); readErr == nil && now.State == casefile.TaskDone {
			return true, nil
		}
		return false, err
	})
}

func (s *stubborn) task(ref contract.Ref, kind dsr.TaskKind) casefile.Task {
	s.t.Helper()
	var task casefile.Task
	s.until("a task "+string(kind), func(ctx context.Context) (bool, error) {
		tasks, err := s.d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(kind), State: casefile.TaskOpen})
		if len(tasks) > 0 {
			task = tasks[0]
		}
		return len(tasks) > 0, err
	})
	return task
}

func (s *stubborn) state(ref contract.Ref, want dsr.State) {
	s.t.Helper()
	s.until("being "+string(want), func(ctx context.Context) (bool, error) {
		k, err := s.d.Store.Case(ctx, ref)
		if err == nil && k.State != want {
			err = fmt.Errorf("it is %s and waits on %q", k.State, k.WaitingOn)
		}
		return err == nil, err
	})
}

// download fetches the package whole; a download that broke begins again with a new code.
func (s *stubborn) download(ref contract.Ref) []byte {
	s.t.Helper()
	var zip bytes.Buffer
	s.until("downloading", func(ctx context.Context) (bool, error) {
		zip.Reset()
		if err := s.p.AskCode(ctx, ref.ID(), dsr.CodeDownload); err != nil {
			return false, err
		}
		code, err := s.p.Code(ctx)
		if err != nil {
			return false, err
		}
		err = s.p.Fetch(ctx, ref.ID(), code, &zip)
		return err == nil, err
	})
	return zip.Bytes()
}

// whole carries one case from its opening to its end.
func (s *stubborn) whole(opened func(contract.Ref)) (contract.Ref, []byte) {
	s.t.Helper()
	ref := s.open()
	opened(ref)
	s.verify(ref)
	s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.state(ref, dsr.StateReady)
	zip := s.download(ref)
	s.state(ref, dsr.StateClosed)
	return ref, zip
}

// endedOnce holds what a case left behind against what it must: one package, released and fetched,
// that verifies; every letter once, or as often as the ledger admits; a ledger that verifies; and
// nothing lying about.
func (s *stubborn) endedOnce(ref contract.Ref, zip []byte) {
	s.t.Helper()
	view, err := s.d.Show(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	if view.Outcome != dsr.Fulfilled {
		s.t.Errorf("outcome %q", view.Outcome)
	}
	if p := view.Package; p == nil || p.ReleasedAt == nil || p.FetchedAt == nil || p.WipedAt == nil {
		s.t.Errorf("the package: %+v", p)
	} else if manifest, err := export.ReadManifest(bytes.NewReader(zip), int64(len(zip))); err != nil || !bytes.Equal(manifest.Hash(), p.ManifestHash) {
		s.t.Errorf("the ZIP is not the package that was released (%v)", err)
	}
	if err := export.VerifyPackage(bytes.NewReader(zip), int64(len(zip)), s.d.Keys.PublicKey()); err != nil {
		s.t.Errorf("the package does not verify: %v", err)
	}
	s.lettersArrived(ref, view.Letters, "ack", "verify_code", "access_ready", "download_code", "case_closed")
	s.ledgerHolds()
	s.nothingLeft(ref)
}

func (s *stubborn) ledgerHolds() {
	s.t.Helper()
	report, err := s.d.Store.VerifyLedger(s.ctx, nil)
	if err != nil || !report.OK() {
		s.t.Errorf("the ledger: %v %+v", err, report.Problems)
	}
}

// inbox counts what arrived by Message-ID, and text messages by their key.
func (s *stubborn) inbox() map[string]int {
	s.t.Helper()
	arrived := map[string]int{}
	list, err := s.c.Stack.Catcher().List(s.ctx, "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range list {
		arrived[strings.Trim(l.MessageID, "<>")]++
	}
	messages, err := s.c.Stack.Catcher().SMS(s.ctx, "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range messages {
		arrived[m.Key]++
	}
	return arrived
}

// arrivals counts, by template, how often the first letter of that template arrived.
func (s *stubborn) arrivals(ref contract.Ref) map[string]int {
	s.t.Helper()
	arrived, by := s.inbox(), map[string]int{}
	outbox, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range outbox {
		if _, seen := by[l.Template]; !seen {
			by[l.Template] = arrived[l.MessageID] + arrived[l.Key]
		}
	}
	return by
}

// lettersArrived holds what arrived against the outbox and the ledger, and wants letters of these kinds.
func (s *stubborn) lettersArrived(ref contract.Ref, outbox []casefile.Letter, wanted ...string) {
	s.t.Helper()
	arrived := s.inbox()
	templates := map[string]bool{}
	for _, l := range outbox {
		templates[l.Template] = true
		id := l.MessageID
		if l.Channel == "mobile" {
			id = l.Key
		}
		n := arrived[id]
		admitted := s.repeats(ref, l)
		if l.State != casefile.LetterSent || n < 1 || n > 1+admitted || admitted != l.Repeated {
			s.t.Errorf("the letter %s/%s is %s, arrived %d times, was repeated %d times, and the ledger admits %d",
				l.Template, l.Occasion, l.State, n, l.Repeated, admitted)
		}
	}
	for _, want := range wanted {
		if !templates[want] {
			s.t.Errorf("no letter %s", want)
		}
	}
}

// repeats counts the ledger's lines that say that a letter may have been sent twice.
func (s *stubborn) repeats(ref contract.Ref, l casefile.Letter) int {
	s.t.Helper()
	lines, err := s.d.Store.Ledger(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, line := range lines {
		if line.Event == "letter.repeated" && line.Detail["template"] == l.Template && line.Detail["occasion"] == l.Occasion {
			n++
		}
	}
	return n
}

// nothingLeft finds blobs, halves of blobs and keys of the search that outlived the case.
func (s *stubborn) nothingLeft(ref contract.Ref) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.c.Dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(path, ref.ID()) {
			s.t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Error(err)
	}
	var keys, packages int
	db := owner(s.t, s.c)
	if err := db.GetContext(s.ctx, &keys, `SELECT count(*) FROM habeas.found_keys WHERE ref = $1`, ref); err != nil || keys != 0 {
		s.t.Errorf("%d chunks of keys are left (%v)", keys, err)
	}
	if err := db.GetContext(s.ctx, &packages, `SELECT count(*) FROM habeas.package WHERE ref = $1`, ref); err != nil || packages != 1 {
		s.t.Errorf("%d packages (%v)", packages, err)
	}
}

// owner is a connection to the casefile as its owner.
func owner(t *testing.T, c *demo.Company) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// events are the names of the ledger's lines of a reference.
func (s *stubborn) events(ref contract.Ref) []string {
	s.t.Helper()
	lines, err := s.d.Store.Ledger(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, line := range lines {
		names = append(names, line.Event)
	}
	return names
}

// patient says an error that means "not now", which people meet by trying again.
func patient(err error) bool {
	return err == nil || fault.Is(err, contract.ErrUnavailable) || fault.Is(err, contract.ErrBusy)
}

func count[T comparable](list []T, what T) (n int) {
	for _, v := range list {
		if v == what {
			n++
		}
	}
	return n
}

// tail is the end of a process's log, for a test that failed.
func tail(c *demo.Company, name string) string {
	p, ok := c.Stack.Process(name)
	if !ok {
		return "no process " + name
	}
	raw, _ := os.ReadFile(p.Log)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(slices.Clone(lines[max(0, len(lines)-25):]), "\n")
}
