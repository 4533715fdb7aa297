package endtoend

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/systems/webhook"
)

const newsletter = `version: 1
system: newsletter
title: {zh: 新闻邮件, en: Newsletter}
driver: webhook
region: cn
owner: marketing@yunzhan.example
recipient: {zh: 示例新闻邮件公司, en: Example Newsletters Ltd}
url: %s/habeas
tells: [email]
stops: [marketing, profiling]
`

// newsletters is the recipient's program: it is not well at first, and then takes what it is told.
type newsletters struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

type call struct {
	message webhook.Message
	body    []byte
	header  http.Header
	took    bool
}

func newNewsletters(t *testing.T) *newsletters {
	n := &newsletters{}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		c := call{header: r.Header, took: len(n.calls) > 0}
		c.body, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(c.body, &c.message)
		n.calls = append(n.calls, c)
		if !c.took {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(n.Close)
	return n
}

// told are the calls that were taken for an address.
func (n *newsletters) told(address string) (taken []call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.calls {
		if c.took && slices.ContainsFunc(c.message.Identities, func(id dsr.Identity) bool { return id.Value == address }) {
			taken = append(taken, c)
		}
	}
	return taken
}

// Stopping a purpose, from the wish to its end. The histories are kept with those of TestHistories, so
// that its name begins like that one's.
func TestHistoriesOfStopping(t *testing.T) {
	t.Parallel()
	n := newNewsletters(t)
	c := companyWith(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_COOL_OFF": "2s"}, map[string]string{"newsletter.yaml": fmt.Sprintf(newsletter, n.URL), "accounts.yaml": withHosted(t)})
	ctx, d := deskOf(t, c)
	r := &recorder{t: t, c: c, d: d, ctx: ctx, dir: os.Getenv("HABEAS_HISTORIES")}
	if r.dir == "" {
		r.dir = t.TempDir()
	}
	cast := example.Cast()
	newStubborn(t, c, cast.English, 4*time.Minute).onSystem("accounts", hostedTable)
	t.Run("opt-out", func(t *testing.T) {
		r.record("restriction-at-once", string(optOut(newStubborn(t, c, cast.CaseTwinA, 4*time.Minute), n, cast.CaseTwinB)))
	})
	t.Run("portal", func(t *testing.T) { optOutAlone(newStubborn(t, c, cast.English, 4*time.Minute)) })
	t.Run("restriction", func(t *testing.T) {
		r.record("restriction-lifted", string(restricted(newStubborn(t, c, cast.Plain, 4*time.Minute), n)))
	})
	t.Run("kinds of data", func(t *testing.T) {
		r.record("access-kinds", string(kindsAlone(newStubborn(t, c, cast.English, 4*time.Minute))))
	})
	t.Run("portability", func(t *testing.T) { takenAlong(newStubborn(t, c, cast.AlsoContact, 4*time.Minute)) })
	t.Run("account closure", func(t *testing.T) { closing(newStubborn(t, c, cast.English, 4*time.Minute)) })
	t.Run("held for a customer", func(t *testing.T) {
		r.record("deletion-forwarded", string(forwarded(newStubborn(t, c, ordinary(t, c, 1)[0], 6*time.Minute))))
	})
}

// flag reads a column of an account.
func (s *stubborn) flag(column, login string) (on bool) {
	s.t.Helper()
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(s.ctx, `SELECT `+column+` FROM accounts.users WHERE login_name = $1`, login).Scan(&on); err != nil {
		s.t.Fatal(err)
	}
	return on
}

func (s *stubborn) count(where string) (n int) {
	s.t.Helper()
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(s.ctx, `SELECT count(*) FROM accounts.users WHERE `+where).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

const minorChange = `version: 1
kind: policy-change
title: {zh: 隐私政策变更通知, en: Our privacy policy changes}
what: {zh: 我们改正了错字。, en: We have mended a typing error.}
contact: {zh: 400-000-0000, en: 400-000-0000}
concerned: [{csv: people.csv}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [sms, phone], after: 1s}
policy:
  class: %s
  effective: "2027-01-01T00:00:00+08:00"
  changes:
    - {clause: "8", before: {zh: 旧八, en: the old eight}, after: {zh: 新八, en: the new eight}, touches: nothing}
`

// notice sends a notice to those of a CSV and waits for its end.
func (s *stubborn) notice(text, people string) *teller {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, content := range map[string]string{"notice.yaml": text, "people.csv": people} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	n := newTeller(s.t, s.c, 4*time.Minute)
	n.open(filepath.Join(dir, "notice.yaml"))
	if strings.Contains(text, "policy-change") {
		if _, enrolled := s.c.Staff["eve"]; !enrolled {
			counsel(s.t, n, "eve")
			n.d = s.d
		}
		n.sign(dsr.TaskNoticeCounsel, dsr.Approve, "eve")
	}
	n.wave(1)
	n.settled()
	return n
}

// optOut is the wish of one address that stands on two accounts, in other letters: both flags go off and no
// other, the recipient is told, a mass letter leaves the address out, and a legal one does not.
func optOut(s *stubborn, n *newsletters, twin example.Person) contract.Ref {
	s.onSystem("accounts", `UPDATE accounts.users SET marketing_opt_in = true WHERE login_name IN ($1, $2)`, s.p.Login, twin.Login)
	others := s.count(`marketing_opt_in`) - 2
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Restriction, Scope: dsr.ScopeMarketing, OpenedBy: "an",
		Identities: []dsr.Identity{{Kind: "email", Value: s.p.Email}}})
	if err != nil {
		s.t.Fatal(err)
	}
	// The letter goes out while the case may still be on its way: the list stands since the case was opened.
	people := "email,lang\n" + s.p.Email + ",en\n" + twin.Email + ",en\nother@readers.example,en\n"
	mass := s.notice(fmt.Sprintf(minorChange, "minor"), people)
	tally := mass.tally()
	if tally.Mail[casefile.MailSuppressed] != 2 || tally.Mail[casefile.MailSent] != 1 || tally.Open != 0 {
		s.t.Errorf("the mass letter: %+v", tally)
	}
	copies := mass.copies()
	if len(copies[s.p.Email])+len(copies[twin.Email]) != 0 || len(copies["other@readers.example"]) != 1 {
		s.t.Error("the mass letter reached who has objected, or nobody")
	}
	legal := s.notice(fmt.Sprintf(minorChange, "major"), people)
	if copies := legal.copies(); len(copies[s.p.Email]) != 1 || len(copies[twin.Email]) != 1 {
		s.t.Error("a letter that the law asks for did not reach who has objected to marketing")
	}
	s.ended(ref, dsr.Fulfilled)
	if s.flag("marketing_opt_in", s.p.Login) || s.flag("marketing_opt_in", twin.Login) {
		s.t.Error("the flag is still on")
	}
	if now := s.count(`marketing_opt_in`); now != others {
		s.t.Errorf("%d others want marketing now, before there were %d", now, others)
	}
	s.told(ref, "opted_out")
	told := n.told(strings.ToLower(s.p.Email))
	if len(told) != 1 {
		s.t.Fatalf("the recipient was told %d times", len(told))
	}
	s.wantCall(told[0], contract.CallStopped, "marketing")
	s.oneClick(mass)
	s.ledgerHolds()
	return ref
}

// wantCall holds a call against its signature and against what it may hold.
func (s *stubborn) wantCall(c call, event string, purposes ...string) {
	s.t.Helper()
	signature, err := base64.StdEncoding.DecodeString(c.header.Get(webhook.HeaderSignature))
	if err == nil {
		err = seal.VerifySignature(s.d.Keys.PublicKey(), webhook.SignatureDomain, webhook.Signed(c.header.Get(webhook.HeaderTime), c.body), signature)
	}
	if err != nil {
		s.t.Error(err)
	}
	if c.message.Event != event || !slices.Equal(c.message.Purposes, purposes) || len(c.message.Identities) != 1 || c.message.ID != c.header.Get(webhook.HeaderID) {
		s.t.Errorf("the recipient was told %s of %v with %d identities", c.message.Event, c.message.Purposes, len(c.message.Identities))
	}
}

// oneClick unsubscribes the reader of the mass letter as their mailbox provider does.
func (s *stubborn) oneClick(mass *teller) {
	s.t.Helper()
	const reader = "other@readers.example"
	letter, err := s.c.Stack.Catcher().Letter(s.ctx, mass.copies()[reader][0].ID)
	if err != nil {
		s.t.Fatal(err)
	}
	at := strings.Trim(letter.Header("List-Unsubscribe"), "<>")
	if letter.Header("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.HasPrefix(at, s.c.Env["HABEAS_PORTAL_URL"]+"/unsubscribe/") || strings.Contains(at, "readers") {
		s.t.Fatalf("the letter cannot be unsubscribed from: %q", at)
	}
	if strings.Contains(letter.Text, "://") || strings.Contains(letter.HTML, "/unsubscribe/") {
		s.t.Error("the letter has a link in its text")
	}
	on := func() bool {
		list, err := s.d.Store.Suppressed(s.ctx, dsr.ScopeMarketing, [][]byte{s.d.Store.SuppressionHash("email", reader)})
		if err != nil {
			s.t.Fatal(err)
		}
		return list[0]
	}
	get := func(method, address, body string) (int, string) {
		r, _ := http.NewRequestWithContext(s.ctx, method, address, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://mail.provider.example") // from another site, and without a cookie
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	if code, _ := get(http.MethodGet, at, ""); code != http.StatusOK || on() {
		s.t.Errorf("looking at the page: %d, and it changed something: %v", code, on())
	}
	if code, _ := get(http.MethodPost, at, "nothing=1"); code != http.StatusBadRequest || on() {
		s.t.Errorf("a POST that is no click: %d", code)
	}
	last := map[byte]string{'0': "1"}[at[len(at)-1]]
	if last == "" {
		last = "0"
	}
	forged, foreign := get(http.MethodPost, at[:len(at)-1]+last, "List-Unsubscribe=One-Click")
	if forged != http.StatusOK || on() {
		s.t.Errorf("a token that is wrong by one letter: %d, %v", forged, on())
	}
	code, text := get(http.MethodPost, at, "List-Unsubscribe=One-Click")
	if code != http.StatusOK || !on() || text != foreign {
		s.t.Errorf("the one click: %d, on the list: %v, told apart from a wrong token: %v", code, on(), text != foreign)
	}
}

// optOutAlone is the portal's page: equal answers, and the browser's own word.
func optOutAlone(s *stubborn) {
	s.onSystem("accounts", `UPDATE accounts.users SET marketing_opt_in = true WHERE login_name = $1`, s.p.Login)
	ask := func(address, gpc string, stop ...string) (int, string) {
		r, _ := http.NewRequestWithContext(s.ctx, http.MethodPost, s.c.Env["HABEAS_PORTAL_URL"]+"/opt-out?lang=en",
			strings.NewReader(url.Values{"address": {address}, "stop": stop}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if gpc != "" {
			r.Header.Set("Sec-GPC", gpc)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	known, one := ask(s.p.Email, "", "marketing")
	unknown, two := ask("nobody@strangers.example", "", "marketing")
	again, three := ask(s.p.Email, "", "marketing")
	if known != http.StatusOK || unknown != http.StatusOK || again != http.StatusOK || one != two || one != three {
		s.t.Errorf("the answers differ: %d, %d, %d; same text %v, %v", known, unknown, again, one == two, one == three)
	}
	if code, _ := ask("not an address", "", "marketing"); code != http.StatusUnprocessableEntity {
		s.t.Errorf("what is no address: %d", code)
	}
	if code, _ := ask(s.p.Email, "0"); code != http.StatusUnprocessableEntity {
		s.t.Errorf("nothing ticked, no signal: %d", code)
	}
	if code, text := ask(s.p.Email, "1"); code != http.StatusOK || !strings.Contains(text, "Global Privacy Control") {
		s.t.Errorf("the browser's signal alone: %d", code)
	}
	for scope, address := range map[string]string{dsr.ScopeMarketing: "nobody@strangers.example", dsr.ScopeTracking: s.p.Email} {
		if list, err := s.d.Store.Suppressed(s.ctx, scope, [][]byte{s.d.Store.SuppressionHash("email", address)}); err != nil || !list[0] {
			s.t.Errorf("the wish about %s does not stand: %v", scope, err)
		}
	}
	if list, err := s.d.Store.Suppressed(s.ctx, dsr.ScopeTracking, [][]byte{s.d.Store.SuppressionHash("email", "nobody@strangers.example")}); err != nil || list[0] {
		s.t.Errorf("somebody who did not ask for it is not tracked: %v", err)
	}
	s.until("the flag to be off", func(context.Context) (bool, error) { return !s.flag("marketing_opt_in", s.p.Login), nil })
}

// restricted is the whole way of a restriction: proof, signatures, force, and its end.
func restricted(s *stubborn, n *newsletters) contract.Ref {
	others := s.count(`profiling`) - 1
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Restriction, Scope: dsr.ScopePurpose("profiling"), OpenedBy: "an", Lang: s.p.Language,
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(ref)
	plan, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskPlan).ID)
	if err != nil || len(plan.Shown.Entries) != 1 || plan.Shown.Entries[0].Collection != "users" || !slices.Equal(plan.Shown.Entries[0].Columns, []string{"profiling constant"}) {
		s.t.Errorf("what the reviewer sees: %+v, %v", plan.Shown.ShownPlan, err)
	}
	if !s.flag("profiling", s.p.Login) || len(n.told(s.p.Email)) != 0 {
		s.t.Error("something stopped before anybody signed")
	}
	s.agreeOn(ref)
	s.state(ref, dsr.StateInForce)
	if s.flag("profiling", s.p.Login) || s.count(`profiling`) != others {
		s.t.Error("the flag is still on, or somebody else's went off")
	}
	told := n.told(s.p.Email)
	if len(told) != 1 {
		s.t.Fatalf("the recipient was told %d times", len(told))
	}
	s.wantCall(told[0], contract.CallStopped, "profiling")
	s.told(ref, "restriction_ack", "restricted")
	if list, err := s.d.Store.ListCases(s.ctx, casefile.Filter{State: string(dsr.StateInForce)}); err != nil || len(list) != 1 || list[0].Scope != "purpose:profiling" {
		s.t.Errorf("what lists show of it: %+v, %v", list, err)
	}
	s.lift(ref)
	if !s.flag("profiling", s.p.Login) || s.count(`profiling`) != others+1 {
		s.t.Error("the flag was not set back, or somebody else's was")
	}
	if told := n.told(s.p.Email); len(told) != 2 || told[1].message.Event != contract.CallLifted || told[1].message.ID == told[0].message.ID {
		s.t.Errorf("the recipient was told %d times", len(told))
	}
	s.ledgerHolds()
	return ref
}

// lift ends a restriction: two people say no, then two say yes, and the person hears of it before.
func (s *stubborn) lift(ref contract.Ref) {
	s.t.Helper()
	if err := s.d.EndRestriction(s.ctx, ref, "an", "it was a mistake"); err != nil {
		s.t.Fatal(err)
	}
	first := s.task(ref, dsr.TaskLift)
	if err := s.d.EndRestriction(s.ctx, ref, "an", "again"); !fault.Is(err, contract.ErrNotOpen) {
		s.t.Errorf("a second wish while the first is decided on: %v", err)
	}
	s.sign(ref, dsr.TaskLift, "bo", dsr.Reject, "not yet")
	s.until("the restriction to stand as before", func(ctx context.Context) (bool, error) {
		k, err := s.d.Store.Case(ctx, ref)
		return err == nil && k.WaitingOn == "staff:end", err
	})
	if s.flag("profiling", s.p.Login) {
		s.t.Error("it was lifted although somebody said no")
	}
	if err := s.d.EndRestriction(s.ctx, ref, "an", "The check that you asked for is done."); err != nil {
		s.t.Fatal(err)
	}
	task := s.task(ref, dsr.TaskLift)
	shown, err := s.d.Task(s.ctx, task.ID)
	if err != nil || task.ID == first.ID || shown.Shown.Because != "The check that you asked for is done." || len(shown.Shown.Entries) != 1 {
		s.t.Errorf("what the two see: %+v, %v", shown.Shown, err)
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff["bo"]); err != nil {
		s.t.Fatal(err)
	}
	if s.flag("profiling", s.p.Login) {
		s.t.Error("one signature lifted it")
	}
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff["cao"]); err != nil {
		s.t.Fatal(err)
	}
	s.until("the person to be told", func(ctx context.Context) (bool, error) {
		sent, err := s.d.Store.Letters(ctx, ref)
		return slices.ContainsFunc(sent, func(l casefile.Letter) bool { return l.Template == "restriction_ending" && l.State == "sent" }), err
	})
	s.ended(ref, dsr.Fulfilled)
	s.told(ref, "restriction_ending", "restriction_closed")
	p, err := s.d.Store.Plans(s.ctx, ref)
	if last := p[len(p)-1]; err != nil || last.CoolUntil == nil || last.BegunAt.Before(*last.CoolUntil) {
		s.t.Errorf("it ended before its time: %v", err)
	}
}

// answered carries an access case of some kind to its end and gives the package.
func (s *stubborn) answered(o desk.Opening) (contract.Ref, map[string][]byte) {
	s.t.Helper()
	o.OpenedBy, o.Lang = "an", s.p.Language
	o.Identities = []dsr.Identity{{Kind: "account", Value: s.p.Login}}
	ref, err := s.d.OpenCase(s.ctx, o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(ref)
	review := s.task(ref, dsr.TaskReview)
	if shown, err := s.d.Task(s.ctx, review.ID); err != nil || len(shown.Shown.Collections) == 0 {
		s.t.Errorf("the reviewer sees nothing: %v", err)
	} else if len(shown.Shown.Undecided(nil)) > 0 {
		s.sign(ref, dsr.TaskReview, "bo", dsr.Approve, "")
	} else {
		s.until("reviewing", func(ctx context.Context) (bool, error) {
			_, err := s.d.Decide(ctx, review.ID, dsr.Approve, "", s.c.Staff["bo"])
			now, readErr := s.d.Store.Task(ctx, review.ID)
			return readErr == nil && now.State == casefile.TaskDone, err
		})
	}
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.state(ref, dsr.StateReady)
	files := unzip(s.t, s.download(ref))
	s.state(ref, dsr.StateClosed)
	return ref, files
}

// kindsAlone is an access that says what kinds of data there are: no value of the person is in the package,
// and none was collected.
func kindsAlone(s *stubborn) contract.Ref {
	mine := s.mine()
	ref, files := s.answered(desk.Opening{Kind: dsr.Access, Scope: dsr.ScopeCategories})
	if parts, err := s.d.Store.Parts(s.ctx, ref); err != nil || len(parts) > 0 {
		s.t.Errorf("%d parts were collected, %v", len(parts), err)
	}
	for _, name := range []string{"index.html", "context.json", "manifest.json"} {
		if len(files[name]) == 0 {
			s.t.Errorf("the package has no %s", name)
		}
	}
	for name, content := range files {
		if strings.HasPrefix(name, "data/") {
			s.t.Errorf("%s is in the package", name)
		}
		for _, value := range []string{s.p.Login, s.p.Email, s.p.Mobile, s.p.Name} {
			if value != "" && bytes.Contains(content, []byte(value)) {
				s.t.Errorf("%s holds a value of the person", name)
			}
		}
	}
	var said struct {
		Systems []struct {
			Name        string
			Collections []struct {
				Name    string
				Rows    int
				Purpose map[string]string
				Columns []any
			}
		}
	}
	if err := json.Unmarshal(files["context.json"], &said); err != nil {
		s.t.Fatal(err)
	}
	counted := 0
	for _, sys := range said.Systems {
		for _, c := range sys.Collections {
			counted++
			if want := len(mine[sys.Name+"."+c.Name]); c.Rows != want || len(c.Columns) == 0 || c.Purpose["en"] == "" {
				s.t.Errorf("%s.%s: %d rows, want %d", sys.Name, c.Name, c.Rows, want)
			}
		}
	}
	if counted < 5 {
		s.t.Errorf("only %d collections are named", counted)
	}
	return ref
}

// takenAlong is a portability case: of each row only what the person gave on consent or contract, as CSV
// and as JSON that fits the schema beside it.
func takenAlong(s *stubborn) contract.Ref {
	ref, files := s.answered(desk.Opening{Kind: dsr.Portability})
	checked := 0
	for name, content := range files {
		of, ok := strings.CutPrefix(name, "data/")
		if !ok || !strings.HasSuffix(of, ".json") {
			continue
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(files["schema/"+of]))
		if err != nil {
			s.t.Fatalf("%s has no schema: %v", name, err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("schema.json", doc); err != nil {
			s.t.Fatal(err)
		}
		schema, err := compiler.Compile("schema.json")
		if err != nil {
			s.t.Fatal(err)
		}
		rows, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil || schema.Validate(rows) != nil {
			s.t.Errorf("%s does not fit its schema", name)
		}
		if len(files[strings.TrimSuffix(name, "json")+"csv"]) == 0 {
			s.t.Errorf("%s has no CSV beside it", name)
		}
		checked++
	}
	var users []map[string]any
	if err := json.Unmarshal(files["data/accounts/users.json"], &users); err != nil || len(users) != 1 || checked != 2 {
		s.t.Fatalf("%d files, %d accounts: %v", checked, len(users), err)
	}
	for column, there := range map[string]bool{"login_name": true, "email": true, "real_name": true, "id": false, "cookie_id": false, "last_login_at": false, "profiling": false, "password_hash": false} {
		if _, is := users[0][column]; is != there {
			s.t.Errorf("%s is in what was given: %v", column, is)
		}
	}
	if users[0]["login_name"] != s.p.Login {
		s.t.Error("it is somebody else's account")
	}
	return ref
}

// closing is a deletion that closes an account: what stands in the way is counted for the reviewer, signed
// with the plan, and refuses nothing.
func closing(s *stubborn) {
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundService, Scope: dsr.ScopeAccount, OpenedBy: "an", Lang: s.p.Language,
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	db := s.database("support")
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(s.ctx, `UPDATE support.tickets SET status = 'open', closed_at = NULL WHERE id = (SELECT min(id) FROM support.tickets WHERE contact_email = $1)`, s.p.Email); err != nil {
		s.t.Fatal(err)
	}
	var open int
	if err := db.QueryRowContext(s.ctx, `SELECT count(*) FROM support.tickets WHERE contact_email = $1 AND status <> 'closed'`, s.p.Email).Scan(&open); err != nil || open == 0 {
		s.t.Fatal(open, err)
	}
	s.verify(ref)
	task, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskPlan).ID)
	want := fmt.Sprintf("Tickets that are not closed: %d", open)
	if err != nil || task.Shown.Scope != dsr.ScopeAccount || !slices.ContainsFunc(task.Shown.Findings, func(f string) bool {
		return strings.HasPrefix(f, "tickets: closure") && strings.HasSuffix(f, want)
	}) {
		s.t.Errorf("the reviewer does not see %q: %v, %v", want, task.Shown.ShownPlan, err)
	}
	s.sign(ref, dsr.TaskPlan, "bo", dsr.Reject, "the tickets first")
	s.ended(ref, dsr.Refused)
}
