package endtoend

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// Promise 1: no personal data in Temporal, nor in logs and metrics. With the codec off nothing is
// sealed on its way, so what would be there could be read; the codes are made long enough not to
// stand anywhere by chance.
func TestNoPersonalDataInTemporal(t *testing.T) {
	t.Parallel()
	c := company(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_CODE_DIGITS": "12", "HABEAS_LOG_LEVEL": "debug"})
	ctx, d := deskOf(t, c)
	cast := example.Cast()
	l := &leak{t: t, c: c, d: d, ctx: ctx, values: map[string]string{}}
	l.person("asker", cast.SharedMobileA)
	l.person("other candidate", cast.SharedMobileB)
	l.values["stranger's e-mail"] = "nobody.known@nirgends.example"
	l.values["note"] = "Bitte um Auskunft 请提供我的全部信息"
	l.values["reason"] = "rang back, spoke to 周明远 himself"

	l.person("leaver", cast.CaseTwinA)
	l.values["hold's reason"] = "Streit mit 沈知秋, Az. 12 O 345/26"

	ref := l.wholeCase(cast.SharedMobileA)
	l.stranger()
	l.values["who objects"] = "lass.mich@nirgends.example"
	l.optOut(l.values["who objects"])
	l.optOut(cast.SharedMobileB.Email)
	l.deletion(cast.CaseTwinA, cast.SharedMobileB)
	l.person("corrected", cast.English)
	l.correction(cast.English)
	told, err := c.Breach(ctx, d)
	l.must(err)
	if told.Sent == 0 {
		t.Error("the notice told nobody")
	}
	swept, err := c.Retention(ctx, d) // over rows of all of them
	l.must(err)
	if len(swept) == 0 {
		t.Error("retention swept nothing")
	}
	for where, hits := range l.search() {
		t.Errorf("personal values in %s: %v", where, hits)
	}
	l.forgotten(ref)
	l.control()
	found := map[string]bool{}
	for _, hits := range l.search() {
		for _, hit := range hits {
			found[hit] = true
		}
	}
	for name := range l.values {
		for _, form := range []string{"raw", "base64", "hex", "UTF-16"} {
			if !found[name+", "+form] {
				t.Errorf("the control carries the %s (%s), and the search does not find it", name, form)
			}
		}
	}
	if !found["asker's name, JSON"] {
		t.Error("the search does not find the control's name when it is escaped")
	}
}

// leak is one search for values that should be nowhere.
type leak struct {
	t      *testing.T
	c      *demo.Company
	d      *desk.Desk
	ctx    context.Context
	values map[string]string
}

// optOut is the wish of an address, known or not, to its end.
func (l *leak) optOut(address string) {
	l.t.Helper()
	ref, err := l.d.OptOut(l.ctx, dsr.Identity{Kind: "email", Value: address}, dsr.ScopeMarketing, "zh")
	l.must(err)
	for {
		c, err := l.d.Store.Case(l.ctx, ref)
		l.must(err)
		if c.State == dsr.StateClosed {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (l *leak) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *leak) person(who string, p example.Person) {
	m := p.Mobile
	for name, value := range map[string]string{
		"e-mail": p.Email, "name": p.Name, "ID number": p.IDNumber, "login": p.Login, "mobile": m,
		"mobile with gaps": m[:3] + " " + m[3:7] + " " + m[7:], "mobile with hyphens": m[:3] + "-" + m[3:7] + "-" + m[7:],
		"mobile as typed abroad": m[:4] + " " + m[4:7] + " " + m[7:],
	} {
		l.values[who+"'s "+name] = value
	}
}

// wholeCase runs a case through everything that may speak: a choice among rows, a mail server that
// says the address in its refusals, a wrong code, a reason, the download.
func (l *leak) wholeCase(p example.Person) contract.Ref {
	l.t.Helper()
	l.must(l.c.Stack.Catcher().Arm(l.ctx, catcher.Fault{Rcpt: "450 4.2.1 <" + p.Email + "> try again later", Match: p.Email, Count: 2}))
	person := l.c.Person(p)
	ref, err := l.c.Open(l.ctx, l.d, desk.Opening{Note: l.values["note"], Identities: []dsr.Identity{{Kind: "mobile", Value: p.Mobile}}})
	l.must(err)
	task, err := demo.WaitTask(l.ctx, l.d, ref, dsr.TaskChooseAccount)
	l.must(err)
	l.choose(task.ID, ref, p)
	code := l.code(person, "verification code")
	if _, _, err := l.d.VerifyCode(l.ctx, ref.ID(), "000000000000"); err != nil {
		l.t.Error(err)
	}
	l.must(person.Verify(l.ctx, ref.ID(), code))
	l.must(l.c.Review(l.ctx, l.d, ref, dsr.ChoiceKeep))
	l.must(l.c.Release(l.ctx, l.d, ref))
	l.must(demo.WaitState(l.ctx, l.d, ref, dsr.StateReady))
	l.must(person.AskCode(l.ctx, ref.ID(), dsr.CodeStatus))
	if _, err := person.Status(l.ctx, ref.ID(), l.code(person, "status code")); err != nil {
		l.t.Error(err)
	}
	l.must(person.AskCode(l.ctx, ref.ID(), dsr.CodeDownload))
	l.must(person.Fetch(l.ctx, ref.ID(), l.code(person, "download code"), io.Discard))
	l.must(demo.WaitState(l.ctx, l.d, ref, dsr.StateClosed))
	return ref
}

func (l *leak) choose(task string, ref contract.Ref, p example.Person) {
	l.t.Helper()
	candidates, _, err := l.d.Store.Accounts(l.ctx, ref)
	l.must(err)
	for n, raw := range candidates {
		if bytes.Contains(raw, []byte(p.Email)) {
			_, err := l.d.Choose(l.ctx, task, map[string]string{"account": strconv.Itoa(n)}, "bo")
			l.must(err)
		}
	}
	_, err = l.d.Decide(l.ctx, task, dsr.Approve, l.values["reason"], l.c.Staff["bo"])
	l.must(err)
}

// code reads a code and remembers it as a value that may stand nowhere.
func (l *leak) code(p *demo.Person, name string) string {
	l.t.Helper()
	code, err := p.Code(l.ctx)
	l.must(err)
	if len(code) != 12 {
		l.t.Fatalf("a code of %d digits", len(code))
	}
	l.values[name] = code
	return code
}

// stranger asks under an e-mail that stands in no directory.
func (l *leak) stranger() {
	l.t.Helper()
	ref, err := l.c.Open(l.ctx, l.d, desk.Opening{Identities: []dsr.Identity{{Kind: "email", Value: l.values["stranger's e-mail"]}}})
	l.must(err)
	task, err := demo.WaitTask(l.ctx, l.d, ref, dsr.TaskNoAccount)
	l.must(err)
	_, err = l.d.Decide(l.ctx, task.ID, dsr.Complete, "nobody of the name "+l.values["stranger's e-mail"], l.c.Staff["bo"])
	l.must(err)
	l.must(demo.WaitState(l.ctx, l.d, ref, dsr.StateClosed))
}

// deletion has a person forgotten while another is held, and the hold ends with a reason that says
// who they are.
func (l *leak) deletion(p, held example.Person) {
	l.t.Helper()
	why := l.values["hold's reason"]
	hold, err := l.d.AddHold(l.ctx, desk.HoldOrder{Matter: why, Reason: why, Person: &dsr.Identity{Kind: "mobile", Value: held.Mobile}}, l.c.Staff["cao"])
	l.must(err)
	view, err := l.c.Deletion(l.ctx, l.d, l.c.Person(p))
	l.must(err)
	if view.Outcome != dsr.Fulfilled {
		l.t.Errorf("the deletion ended as %s", view.Outcome)
	}
	l.must(l.d.ReleaseHold(l.ctx, hold, "cao"))
	task, err := demo.WaitTask(l.ctx, l.d, hold, dsr.TaskReleaseHold)
	l.must(err)
	for _, name := range []string{"cao", "dai"} {
		_, err := l.d.Decide(l.ctx, task.ID, dsr.Approve, why, l.c.Staff[name])
		l.must(err)
	}
}

// correction has a wrong number corrected, with a code to the new one.
func (l *leak) correction(p example.Person) {
	l.t.Helper()
	l.values["new mobile"] = "13700190077"
	s := newStubborn(l.t, l.c, p, 5*time.Minute)
	ref := s.askCorrection(dsr.Wish{Field: "contact.mobile", Value: l.values["new mobile"]})
	s.confirmMobile(ref, "+86"+l.values["new mobile"])
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, l.values["reason"])
	s.state(ref, dsr.StateClosed)
}

// search looks into the server's database file, its write-ahead log, every log, and the metrics
// page. It answers where which value stands in which form.
func (l *leak) search() map[string][]string {
	l.t.Helper()
	places := map[string][]byte{}
	l.must(filepath.WalkDir(l.c.Stack.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !(strings.HasPrefix(e.Name(), "temporal.db") || strings.HasSuffix(e.Name(), ".log")) || strings.Contains(path, "postgres") {
			return err
		}
		raw, err := os.ReadFile(path)
		places[e.Name()] = raw
		return err
	}))
	resp, err := http.Get("http://" + l.c.Env["HABEAS_METRICS_LISTEN"] + "/metrics")
	l.must(err)
	places["metrics"], err = io.ReadAll(resp.Body)
	l.must(err)
	l.must(resp.Body.Close())
	for _, must := range []string{"temporal.db", "temporal.db-wal", "worker.log", "portal.log", "metrics"} {
		if len(places[must]) == 0 {
			l.t.Errorf("nothing to search in %s", must)
		}
	}
	hits := map[string][]string{}
	for where, raw := range places {
		for name, value := range l.values {
			for form, needles := range forms(value) {
				for _, needle := range needles {
					if bytes.Contains(raw, needle) {
						hits[where] = append(hits[where], name+", "+form)
						break
					}
				}
			}
		}
	}
	return hits
}

// forms are the ways in which a value may stand somewhere.
func forms(value string) map[string][][]byte {
	f := map[string][][]byte{
		"raw": {[]byte(value), []byte(strings.ToUpper(value)), []byte(strings.ToLower(value))},
		"hex": {[]byte(hex.EncodeToString([]byte(value))), []byte(strings.ToUpper(hex.EncodeToString([]byte(value))))},
	}
	var escaped, little, big strings.Builder
	for _, unit := range utf16.Encode([]rune(value)) {
		if unit < 0x80 {
			escaped.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&escaped, `\u%04x`, unit)
		}
		little.Write([]byte{byte(unit), byte(unit >> 8)})
		big.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	f["UTF-16"] = [][]byte{[]byte(little.String()), []byte(big.String())}
	if escaped.String() != value {
		f["JSON"] = [][]byte{[]byte(escaped.String()), []byte(strings.ToUpper(escaped.String()))}
		f["JSON"][1] = bytes.ReplaceAll(f["JSON"][1], []byte(`\U`), []byte(`\u`))
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 { // the value may begin at any of three places in a group
			whole := e.EncodeToString(append(make([]byte, before), value...))
			f["base64"] = append(f["base64"], []byte(whole[(before*8+5)/6:(before+len(value))*8/6]))
		}
	}
	return f
}

// control is a workflow that does everything wrong: it carries the values in input, memo and
// heartbeat, in every form.
func (l *leak) control() {
	l.t.Helper()
	const queue = "control"
	var all []byte
	for _, value := range l.values {
		for form, needles := range forms(value) {
			if form != "base64" { // the memo is base64
				all = append(append(all, needles[len(needles)-1]...), ' ')
			}
		}
	}
	// Twice, half a page apart: what the end of a page of the database cuts in two stands whole in the other.
	const page = 4092
	all = append(append(all, make([]byte, page+page/2-len(all)%page)...), all...)
	w := worker.New(l.d.Temporal, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ []byte) error {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute}), queue).Get(ctx, nil)
	}, workflow.RegisterOptions{Name: queue})
	w.RegisterActivityWithOptions(func(ctx context.Context) error {
		activity.RecordHeartbeat(ctx, l.values)
		return errors.New("again")
	}, activity.RegisterOptions{Name: queue})
	l.must(w.Start())
	defer w.Stop()
	values, err := json.Marshal(l.values)
	l.must(err)
	run, err := l.d.Temporal.ExecuteWorkflow(l.ctx, client.StartWorkflowOptions{
		ID: queue, TaskQueue: queue,
		Memo: map[string]any{"values": map[string]string{"in": base64.StdEncoding.EncodeToString(values)}},
	}, queue, all)
	l.must(err)
	waitFor(l.t, 30*time.Second, "the control's heartbeat", func() bool {
		now, err := l.d.Temporal.DescribeWorkflowExecution(l.ctx, queue, run.GetRunID())
		return err == nil && len(now.GetPendingActivities()) == 1 && now.GetPendingActivities()[0].GetHeartbeatDetails() != nil
	})
	l.must(l.d.Temporal.TerminateWorkflow(l.ctx, queue, run.GetRunID(), "seen"))
}
