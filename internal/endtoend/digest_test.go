package endtoend

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/habeas-dsr/habeas/activities"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// The privacy lead hears once, in one mail, of a case whose last day is near and of a task that
// waits; the mail holds numbers and states, and nothing about the person. The clock that raises the
// alarm is the real one: the request reached the company weeks ago.
func TestStaffAreToldOnceOfWhatIsDue(t *testing.T) {
	c := common(t)
	ctx, d := deskOf(t, c)
	p := example.Cast().English
	ref, err := c.Open(ctx, d, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}, Laws: []string{"br-lgpd"},
		ReceivedAt: time.Now().AddDate(0, 0, -13)})
	if err != nil {
		t.Fatal(err)
	}
	var alarm casefile.Alarm
	waitFor(t, 30*time.Second, "the alarm", func() bool {
		alarms, err := d.Store.UntoldAlarms(ctx, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alarms {
			if a.Ref == ref && a.Level == "3d" {
				alarm = a
			}
		}
		return alarm.Ref == ref
	})
	waitFor(t, 30*time.Second, "the case to wait for the person", func() bool {
		now, err := d.Store.Case(ctx, ref)
		return err == nil && now.WaitingOn == "person:code" // else the owner of a system is told
	})
	a := digestActivities(t, ctx, d, c.Env, c.Stack.DatabaseURL(stack.RoleApp, stack.CasefileDatabase))
	lead := c.Stack.Catcher()
	told := func() (texts []string) {
		heads, err := lead.List(ctx, a.Config.LeadMail)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range heads {
			m, err := lead.Letter(ctx, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Problems) > 0 {
				t.Errorf("%v", m.Problems)
			}
			texts = append(texts, m.Text+m.HTML)
		}
		return texts
	}
	for range 2 {
		sendDigests(t, a)
	}
	var with []string
	for _, text := range told() {
		if strings.Contains(text, ref.ID()) {
			with = append(with, text)
		}
		for _, value := range []string{p.Name, p.Email, p.Mobile, p.Login, p.IDNumber} {
			if value != "" && strings.Contains(text, value) {
				t.Error("the digest holds a value of the person")
			}
		}
	}
	if len(with) != 1 || !strings.Contains(with[0], "3d") {
		t.Errorf("told of %s in %d mails: %s", ref.ID(), len(with), strings.Join(with, "\n"))
	}
	if err := d.Withdraw(ctx, ref, "bo", "called"); err != nil {
		t.Error(err)
	}
}

func digestActivities(t *testing.T, ctx context.Context, d *desk.Desk, env map[string]string, url string) *activities.Activities {
	t.Helper()
	conf, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	conf.LeadMail, conf.TaskPatience = "lead@yunzhan.example", 24*time.Hour
	post, err := wire.OpenPost(conf, d.Map.Company)
	if err != nil {
		t.Fatal(err)
	}
	store, err := casefile.Open(ctx, url, d.Keys, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &activities.Activities{Store: store, Map: d.Map, Config: conf, Mailer: post.Mailer, DKIM: post.DKIM, Laws: d.Laws,
		Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
}

func sendDigests(t *testing.T, a *activities.Activities) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a.SendDigests)
	if _, err := env.ExecuteActivity(a.SendDigests, contract.DigestInput{}); err != nil {
		t.Fatal(err)
	}
}
