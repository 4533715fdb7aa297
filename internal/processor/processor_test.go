package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	cloud "github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr/opendsrtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	asking   = "dsr.yunzhan.example"
	another  = "dsr.other.example"
	answers  = "dsr.mailing.example"
	callback = "127.0.0.1:9"
)

// away is a Temporal server that does not answer: cases are written, and start later.
type away struct{ client.Client }

func (away) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, serviceerror.NewUnavailable("away")
}

func (away) SignalWorkflow(context.Context, string, string, string, any) error {
	return serviceerror.NewUnavailable("away")
}

// served is a processor with a casefile of its own, and those who may and may not ask it.
type served struct {
	*httptest.Server
	store *casefile.Store
	super *sqlx.DB
	peers map[string]*opendsr.Peers // by domain
	log   *bytes.Buffer
}

func serve(t *testing.T) *served {
	t.Helper()
	dir := t.TempDir()
	authority := opendsrtest.New(t, dir)
	s := &served{peers: map[string]*opendsr.Peers{}, log: &bytes.Buffer{}}
	list := func(domain string) string {
		return "  - {domain: " + domain + ", certificate: " + domain + ".crt, callbacks: ['" + callback + "']}\n"
	}
	for _, domain := range []string{asking, another, answers} {
		authority.Issue(domain)
	}
	for domain, more := range map[string]string{asking: "", another: "", answers: "controllers:\n" + list(asking) + list(another)} {
		path := filepath.Join(dir, domain+".yaml")
		text := "domain: " + domain + "\ncertificate: " + domain + ".crt\nkey: " + domain + ".key\nauthorities: ca.pem\n" + more
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if s.peers[domain], err = opendsr.Load(path, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	dsn := pgtest.URL(t)
	if _, _, err := casefile.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys")
	if err := seal.Init(keys); err != nil {
		t.Fatal(err)
	}
	sets, err := seal.Open(keys)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the address of the test's database cannot be read")
	}
	q := address.Query()
	q.Set("role", casefile.RoleStaff)
	address.RawQuery = q.Encode()
	if s.store, err = casefile.Open(t.Context(), address.String(), sets, time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.super = sqlx.MustOpen("postgres", dsn)
	t.Cleanup(func() { _ = s.super.Close() })
	files, err := fs.Sub(cloud.Map, "map")
	if err != nil {
		t.Fatal(err)
	}
	m, err := datamap.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk.Desk{Store: s.store, Keys: sets, Map: m, Temporal: away{}, Now: time.Now}
	s.Server = httptest.NewServer(New(Options{Desk: d, Peers: s.peers[answers], Map: m, Now: time.Now, Log: slog.New(slog.NewTextHandler(s.log, nil))}))
	t.Cleanup(s.Close)
	return s
}

// call makes a call signed by a controller and gives the number and the answer, whose signature holds.
func (s *served) call(t *testing.T, by, method, path string, body []byte, change func(*http.Request)) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+opendsr.Root+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.peers[by].SignRequest(r, body, time.Now()); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var got bytes.Buffer
	if _, err := got.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	file := s.peers[answers].Chain
	cert, err := s.peers[by].Certificate(file, answers, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := opendsr.Verify(cert, got.Bytes(), answer.Header.Get(opendsr.HeaderSignature)); err != nil {
		t.Errorf("%s %s: the answer's signature does not hold: %v", method, path, err)
	}
	return answer.StatusCode, got.Bytes()
}

const mail = "li.ming@persons.example"

func request() opendsr.Request {
	return opendsr.Request{Regulation: "gdpr", ID: opendsr.NewID(), Type: opendsr.Erasure, APIVersion: opendsr.Version, Submitted: time.Now().UTC().Truncate(time.Second),
		Identities: []opendsr.Identity{{Type: "email", Format: "raw", Value: mail}}, CallbackURL: []string{"http://" + callback + "/"}}
}

func bodyOf(t *testing.T, r opendsr.Request) []byte {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *served) cases(t *testing.T) int {
	t.Helper()
	list, err := s.store.ListCases(t.Context(), casefile.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// What is not signed as it should be is 403, and neither read nor kept.
func TestSignaturesAreVerifiedFirst(t *testing.T) {
	t.Parallel()
	s := serve(t)
	body := bodyOf(t, request())
	for name, change := range map[string]func(*http.Request){
		"no signature":             func(r *http.Request) { r.Header.Del(opendsr.HeaderSignature) },
		"a signature of nothing":   func(r *http.Request) { r.Header.Set(opendsr.HeaderSignature, "AAAA") },
		"another's name":           func(r *http.Request) { r.Header.Set(opendsr.HeaderController, another) },
		"a name nobody knows":      func(r *http.Request) { r.Header.Set(opendsr.HeaderController, "dsr.stranger.example") },
		"another time":             func(r *http.Request) { r.Header.Set(opendsr.HeaderTime, "1") },
		"no time":                  func(r *http.Request) { r.Header.Del(opendsr.HeaderTime) },
		"another path than signed": func(r *http.Request) { r.URL.Path += "/" + opendsr.NewID(); r.Method = http.MethodGet },
	} {
		if code, _ := s.call(t, asking, http.MethodPost, "/requests", body, change); code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := s.call(t, asking, http.MethodPost, "/requests", bytes.Repeat([]byte("x"), maxRequest+1), nil); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body without end: %d", code)
	}
	if n := s.cases(t); n != 0 {
		t.Errorf("%d cases were opened", n)
	}
}

// Callbacks go only where the controller's list says.
func TestCallbacksOnTheListOnly(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, address := range []string{"http://127.0.0.1:8/", "http://127.0.0.2:9/", "https://dsr.stranger.example/", "http://" + callback + "@dsr.stranger.example/", "file:///etc/passwd", "nowhere"} {
		r := request()
		r.CallbackURL = []string{address}
		if code, _ := s.call(t, asking, http.MethodPost, "/requests", bodyOf(t, r), nil); code != http.StatusBadRequest {
			t.Errorf("%s: %d", address, code)
		}
	}
	if n := s.cases(t); n != 0 {
		t.Errorf("%d cases were opened", n)
	}
}

// The same request is one case however often it comes; the same number with another body is refused, and
// another controller's number is its own. Nothing that was sent stands in the casefile unsealed, and
// encoded_request nowhere.
func TestOneRequestIsOneCase(t *testing.T) {
	t.Parallel()
	s := serve(t)
	r := request()
	body := bodyOf(t, r)
	var first opendsr.Receipt
	for n := range 3 {
		code, answer := s.call(t, asking, http.MethodPost, "/requests", body, nil)
		var receipt opendsr.Receipt
		if err := json.Unmarshal(answer, &receipt); err != nil || code != http.StatusCreated || receipt.ID != r.ID || receipt.Encoded == "" {
			t.Fatalf("try %d: %d, %v", n+1, code, err)
		}
		if n == 0 {
			first = receipt
		} else if !receipt.Received.Equal(first.Received) || !receipt.Expected.Equal(first.Expected) {
			t.Errorf("try %d got another receipt", n+1)
		}
	}
	if n := s.cases(t); n != 1 {
		t.Errorf("%d cases of one request", n)
	}
	other := r
	other.Identities = []opendsr.Identity{{Type: "email", Format: "raw", Value: "wang.fang@persons.example"}}
	if code, _ := s.call(t, asking, http.MethodPost, "/requests", bodyOf(t, other), nil); code != http.StatusConflict {
		t.Errorf("the same number with another body: %d", code)
	}
	if code, _ := s.call(t, another, http.MethodGet, "/requests/"+r.ID, nil, nil); code != http.StatusNotFound {
		t.Errorf("another controller reads it: %d", code)
	}
	if code, _ := s.call(t, another, http.MethodPost, "/requests", body, nil); code != http.StatusCreated {
		t.Errorf("another controller's request of that number: %d", code)
	}
	if n := s.cases(t); n != 2 {
		t.Errorf("%d cases of two requests", n)
	}
	s.holdsNothing(t, mail, first.Encoded, string(body))
}

// holdsNothing looks for values in every column of every table of the casefile.
func (s *served) holdsNothing(t *testing.T, values ...string) {
	t.Helper()
	var tables []string
	if err := s.super.SelectContext(t.Context(), &tables, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'habeas' AND table_type = 'BASE TABLE'`); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, table := range tables {
		var list []string
		if err := s.super.SelectContext(t.Context(), &list, `SELECT t::text FROM habeas."`+table+`" t`); err != nil {
			t.Fatal(err)
		}
		rows += len(list)
		for _, row := range list {
			for _, value := range values {
				if strings.Contains(row, value) {
					t.Errorf("%s holds what was sent", table)
				}
			}
		}
	}
	if rows < 5 {
		t.Errorf("only %d rows were looked through", rows)
	}
	for _, value := range values {
		if strings.Contains(s.log.String(), value) {
			t.Error("the log says what was sent")
		}
	}
}

// DELETE takes a request back while it is pending, and not another controller's.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := serve(t)
	r := request()
	if code, _ := s.call(t, asking, http.MethodPost, "/requests", bodyOf(t, r), nil); code != http.StatusCreated {
		t.Fatalf("asking: %d", code)
	}
	asked, err := s.store.ControllerRequest(t.Context(), asking, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := s.call(t, another, http.MethodDelete, "/requests/"+r.ID, nil, nil); code != http.StatusNotFound {
		t.Errorf("another controller cancels it: %d", code)
	}
	if c, err := s.store.Case(t.Context(), asked.Ref); err != nil || c.WithdrawnAt != nil {
		t.Fatalf("it is withdrawn: %v", err)
	}
	if code, _ := s.call(t, asking, http.MethodDelete, "/requests/"+r.ID, nil, nil); code != http.StatusAccepted {
		t.Errorf("cancelling: %d", code)
	}
	if c, err := s.store.Case(t.Context(), asked.Ref); err != nil || c.WithdrawnAt == nil {
		t.Errorf("it was cancelled, and the case is not withdrawn: %v", err)
	}
	if code, _ := s.call(t, asking, http.MethodDelete, "/requests/"+opendsr.NewID(), nil, nil); code != http.StatusNotFound {
		t.Errorf("cancelling what nobody asked for: %d", code)
	}

	// At work it is too late.
	late := request()
	if code, _ := s.call(t, asking, http.MethodPost, "/requests", bodyOf(t, late), nil); code != http.StatusCreated {
		t.Fatalf("asking: %d", code)
	}
	if asked, err = s.store.ControllerRequest(t.Context(), asking, late.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.super.ExecContext(t.Context(), `UPDATE habeas.case_file SET state = 'erasing' WHERE ref = $1`, asked.Ref); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.call(t, asking, http.MethodDelete, "/requests/"+late.ID, nil, nil); code != http.StatusConflict {
		t.Errorf("cancelling what is at work: %d", code)
	}
	if c, err := s.store.Case(t.Context(), asked.Ref); err != nil || c.WithdrawnAt != nil {
		t.Errorf("it was withdrawn although it is at work: %v", err)
	}
}
