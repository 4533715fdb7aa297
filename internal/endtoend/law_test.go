package endtoend

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// lawCase is one case on which staff use what its law gives them.
type lawCase struct {
	t   *testing.T
	c   *demo.Company
	d   *desk.Desk
	ctx context.Context
	p   *demo.Person
	ref contract.Ref
}

func newLawCase(t *testing.T, law string) *lawCase {
	t.Helper()
	c := common(t)
	ctx, d := deskOf(t, c)
	cast := example.Cast().English
	l := &lawCase{t: t, c: c, d: d, ctx: ctx, p: c.Person(cast)}
	l.must(l.p.ForgetUnread(ctx)) // of other tests' cases
	ref, err := c.Open(ctx, d, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: cast.Login}}, Laws: []string{law}, Lang: "en"})
	l.must(err)
	l.ref = ref
	l.must(demo.WaitState(ctx, d, ref, dsr.StateVerifying))
	waitFor(t, 30*time.Second, "the acknowledgement", func() bool { return l.letter("We received your request") != "" })
	return l
}

func (l *lawCase) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// letter is the text of the letter of this case whose subject begins so.
func (l *lawCase) letter(subject string) string {
	l.t.Helper()
	list, err := l.p.Letters(l.ctx)
	l.must(err)
	for _, m := range list {
		if strings.HasPrefix(m.Subject, subject) && strings.Contains(m.Subject, l.ref.ID()) {
			if len(m.Problems) > 0 {
				l.t.Errorf("%s: %v", m.Subject, m.Problems)
			}
			return m.Text
		}
	}
	return ""
}

// move makes a motion as bo; the task, where there is one, is signed by those named.
func (l *lawCase) move(m desk.Moving, signers ...string) error {
	m.By = "bo"
	out, err := l.d.Move(l.ctx, l.ref, m)
	for _, who := range signers {
		if err == nil {
			_, err = l.d.Decide(l.ctx, out.Task, dsr.Approve, "", l.c.Staff[who])
		}
	}
	return err
}

// A part is refused by two people while the review waits: the reviewer looks again, the package leaves
// it out and says why, and so does the letter.
func TestAPartOfTheAnswerIsRefused(t *testing.T) {
	l := newLawCase(t, "eu-gdpr")
	code, err := l.p.Code(l.ctx)
	l.must(err)
	l.must(l.p.Verify(l.ctx, l.ref.ID(), code))
	first, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskReview)
	l.must(err)
	part := desk.Moving{Kind: dsr.MotionRefuse, Code: "others_rights", Words: "They speak of other callers.", Items: []string{"support.messages"}}
	for _, items := range [][]string{{"support.mesages"}, {"support"}} {
		wrong := part
		wrong.Items = items
		if err := l.move(wrong); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("refused %v: %v", items, err)
		}
	}
	l.must(l.move(part, "bo"))
	if now, err := l.d.Store.Task(l.ctx, first.ID); err != nil || now.State != casefile.TaskOpen {
		t.Errorf("after one signature the review is %s, %v", now.State, err)
	}
	task, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskRefuse)
	l.must(err)
	_, err = l.d.Decide(l.ctx, task.ID, dsr.Approve, "", l.c.Staff["cao"])
	l.must(err)
	waitFor(t, time.Minute, "the first review to be closed", func() bool {
		now, err := l.d.Store.Task(l.ctx, first.ID)
		return err == nil && now.State == casefile.TaskVoid
	})
	again, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskReview)
	l.must(err)
	shown, err := l.d.Task(l.ctx, again.ID)
	l.must(err)
	if w := shown.Shown.Withheld; len(w) != 1 || w[0].Collection != "support.messages" || w[0].Ground != "others_rights" {
		t.Errorf("the new review shows %+v", w)
	}
	l.must(l.c.Review(l.ctx, l.d, l.ref, dsr.ChoiceMask))
	l.must(l.c.Release(l.ctx, l.d, l.ref))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateReady))
	var zip bytes.Buffer
	l.must(l.p.Download(l.ctx, l.ref.ID(), &zip))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateClosed))
	closed, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	if closed.Outcome != dsr.PartlyDone {
		t.Errorf("outcome %q", closed.Outcome)
	}
	files := unzip(t, zip.Bytes())
	for name := range files {
		if strings.Contains(name, "support/messages") {
			t.Errorf("%s is in the package", name)
		}
	}
	for _, page := range []string{"index.html", "context.json"} {
		if !strings.Contains(string(files[page]), "GDPR Art. 15(4)") {
			t.Errorf("%s does not say on which ground a part is missing", page)
		}
	}
	text := l.letter("The copy of your personal information is ready")
	for _, want := range []string{"GDPR Art. 15(4)", "They speak of other callers.", "supervisory authority", "judicial remedy"} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter does not say %q:\n%s", want, text)
		}
	}
}

func TestMoreTimeIsTakenOnceAndTheRefusalNamesItsLaw(t *testing.T) {
	l := newLawCase(t, "eu-gdpr")
	before, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	if err := l.move(desk.Moving{Kind: dsr.MotionExtend, Code: "holidays"}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a ground that the law does not list: %v", err)
	}
	more := desk.Moving{Kind: dsr.MotionExtend, Code: "complexity", Words: "Four systems have to be read by hand."}
	l.must(l.move(more, "bo"))
	now, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	if !now.DueAt.Equal(before.DueAt) || l.letter("We need more time") != "" {
		t.Error("one signature was enough")
	}
	task, err := demo.WaitTask(l.ctx, l.d, l.ref, dsr.TaskExtend)
	l.must(err)
	if _, err := l.d.Decide(l.ctx, task.ID, dsr.Approve, "again", l.c.Staff["bo"]); err == nil {
		t.Error("the author signed twice")
	}
	_, err = l.d.Decide(l.ctx, task.ID, dsr.Approve, "", l.c.Staff["cao"])
	l.must(err)
	waitFor(t, 30*time.Second, "the new time", func() bool {
		now, err = l.d.Store.Case(l.ctx, l.ref)
		return err == nil && now.DueAt.After(before.DueAt)
	})
	text := l.letter("We need more time")
	for _, want := range []string{"GDPR Art. 12(3)", "Four systems have to be read by hand.", "supervisory authority", "judicial remedy"} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter does not say %q:\n%s", want, text)
		}
	}
	if err := l.move(more); !fault.Is(err, contract.ErrNotOpen) {
		t.Errorf("a second time: %v", err)
	}

	for _, code := range []string{"trade_secret", "legal_claims", ""} { // China's; of deletions; none
		if err := l.move(desk.Moving{Kind: dsr.MotionRefuse, Code: code, Words: "x"}); !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("refused for %q: %v", code, err)
		}
	}
	if err := l.move(desk.Moving{Kind: dsr.MotionRefuse, Code: "excessive"}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("refused without facts: %v", err)
	}
	l.must(l.move(desk.Moving{Kind: dsr.MotionRefuse, Code: "excessive", Words: "The same copy was given five times this week."}, "bo", "cao"))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateClosed))
	closed, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	text = l.letter("We cannot do what you asked")
	for _, want := range []string{"GDPR Art. 12(5)", "The same copy was given five times this week.", "supervisory authority", "judicial remedy"} {
		if closed.Outcome != dsr.Refused || !strings.Contains(text, want) {
			t.Errorf("outcome %q; the letter does not say %q:\n%s", closed.Outcome, want, text)
		}
	}
	if l.letter("Your case is closed") != "" {
		t.Error("the person was told twice")
	}
	report, err := l.d.Report(l.ctx, time.Now().UTC().Year())
	l.must(err)
	for _, line := range report.Lines {
		if line.Law == "eu-gdpr" && line.Kind == "access" && (line.Extended == 0 || line.Refusals["eu-gdpr/excessive"] == 0) {
			t.Errorf("the year's report: %+v", line)
		}
	}
}

func TestAQuestionStopsTheBritishClock(t *testing.T) {
	l := newLawCase(t, "uk-gdpr")
	before, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	l.must(l.move(desk.Moving{Kind: dsr.MotionPause, Code: "clarify", Words: "Which of your two accounts do you mean?"}))
	waitFor(t, 30*time.Second, "the question", func() bool { return l.letter("Please clarify your request") != "" })
	if text := l.letter("Please clarify your request"); !strings.Contains(text, "Which of your two accounts do you mean?") || !strings.Contains(text, "stops until we hear from you") {
		t.Errorf("the letter:\n%s", text)
	}
	if err := l.move(desk.Moving{Kind: dsr.MotionPause, Code: "clarify", Words: "And which day?"}); !fault.Is(err, contract.ErrNotOpen) {
		t.Errorf("a second question: %v", err)
	}
	l.must(l.move(desk.Moving{Kind: dsr.MotionResume, Words: "The first."}))
	waitFor(t, 30*time.Second, "the letter that it goes on", func() bool { return l.letter("We go on with your request") != "" })
	after, err := l.d.Store.Case(l.ctx, l.ref)
	l.must(err)
	// Asked and answered on one civil day, or over one midnight.
	if days := after.DueAt.Sub(before.DueAt).Hours() / 24; days < 0.9 || days > 2.1 {
		t.Errorf("the time moved by %.2f days", days)
	}
	l.must(l.move(desk.Moving{Kind: dsr.MotionRecompute}))
	l.must(l.d.Withdraw(l.ctx, l.ref, "bo", "called"))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateClosed))
	if c, err := l.d.Store.Case(l.ctx, l.ref); err != nil || c.Outcome != dsr.Withdrawn {
		t.Errorf("outcome %q, %v", c.Outcome, err)
	}
}

func TestChinaKnowsNoMoreTime(t *testing.T) {
	l := newLawCase(t, "cn-pipl")
	if err := l.move(desk.Moving{Kind: dsr.MotionExtend, Code: "complexity"}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("extended: %v", err)
	}
	if err := l.move(desk.Moving{Kind: dsr.MotionPause, Code: "clarify", Words: "Which?"}); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("paused: %v", err)
	}
	l.must(l.d.Withdraw(l.ctx, l.ref, "bo", "called"))
	l.must(demo.WaitState(l.ctx, l.d, l.ref, dsr.StateClosed))
}
