package portal

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/blobs"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/subject"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// temporal hears signals; the end-to-end tests have a real server.
type temporal struct {
	client.Client
	signals atomic.Int64
}

func (c *temporal) SignalWorkflow(context.Context, string, string, string, any) error {
	c.signals.Add(1)
	return nil
}

func (c *temporal) UpdateWorkflow(context.Context, client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	return nil, fault.New(contract.ErrUnavailable, "no server", nil)
}

// office is a portal on a real casefile and a real blob store, with one case whose person must prove more.
type office struct {
	*bench
	real   *desk.Desk
	worker *casefile.Store
	ref    contract.Ref
	task   string
	dir    string // of the blobs
	heard  *temporal
}

// realDesk is the desk as the portal sees it.
type realDesk struct{ *desk.Desk }

func (realDesk) Status(context.Context, string) (Status, error) {
	return Status{}, fault.New(contract.ErrNotFound, "not asked here", nil)
}

func (realDesk) Withdraw(context.Context, string) error {
	return fault.New(contract.ErrNotFound, "not asked here", nil)
}

func (r realDesk) RequestCode(ctx context.Context, id, purpose string) {
	r.Desk.RequestCode(ctx, id, purpose)
}
func (r realDesk) TryCode(ctx context.Context, id, purpose, code string) (bool, error) {
	return r.Desk.TryCode(ctx, id, purpose, code)
}
func (realDesk) OpenPackage(context.Context, string) (Download, error) {
	return Download{}, fault.New(contract.ErrNotFound, "not asked here", nil)
}

func (r realDesk) Standing(ctx context.Context, id, lang string) (Standing, error) {
	now, err := r.Ladder(ctx, id)
	out := Standing{Met: now.Met, Second: now.Second, Document: now.Document, Open: now.Open, Files: now.Files}
	for _, question := range now.Facts {
		out.Facts = append(out.Facts, question.In(lang))
	}
	return out, err
}

func (r realDesk) AddDocument(ctx context.Context, id, name string, body io.Reader) (string, error) {
	err := r.Desk.AddDocument(ctx, id, name, body, "person")
	for cause, problem := range map[error]string{desk.ErrTooLarge: DocumentTooLarge, desk.ErrWrongType: DocumentType, desk.ErrTooMany: DocumentTooMany,
		desk.ErrEmpty: DocumentEmpty, desk.ErrNoCheck: DocumentClosed} {
		if errors.Is(err, cause) {
			return problem, err
		}
	}
	return "", err
}

var account = subject.Account{
	System: "accounts", Collection: "users", Key: []string{"1"}, Name: "mei", Lang: "en",
	Channels: []subject.Channel{{Kind: "email", Address: "mei@persons.example"}, {Kind: "mobile", Address: "+8613900001234"}},
	Facts:    []subject.Fact{{Column: "born", Value: "1990-01-02T00:00:00Z"}, {Column: "street", Value: "Tower St. 7"}},
}

func newOffice(t *testing.T, need dsr.Need) *office {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
	}
	base := pgtest.URL(t)
	_, _, err := casefile.Migrate(ctx, base)
	must(err)
	keys := filepath.Join(t.TempDir(), "keys")
	must(seal.Init(keys))
	sets, err := seal.Open(keys)
	must(err)
	as := func(role string) *casefile.Store {
		u, err := url.Parse(base)
		must(err)
		q := u.Query()
		q.Set("role", role)
		u.RawQuery = q.Encode()
		s, err := casefile.Open(ctx, u.String(), sets, time.Now)
		must(err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	worker := as(casefile.RoleApp)
	o := &office{dir: t.TempDir(), heard: &temporal{}, worker: worker}
	store, err := blobs.OpenStore(ctx, o.dir)
	must(err)
	text := func(s string) datamap.Text { return datamap.Text{ZH: "问题" + s, EN: s} }
	users := &datamap.Collection{Name: "users", Columns: []*datamap.Column{{Name: "born", Title: text("Born")}, {Name: "street", Title: text("Street")}}}
	o.real = &desk.Desk{Store: as(casefile.RoleStaff), Keys: sets, Blobs: store, Temporal: o.heard, Now: time.Now, CodesPerHour: 20,
		Map: &datamap.Map{Systems: []*datamap.System{{Name: "accounts", Collections: []*datamap.Collection{users}}}}}
	now := time.Now()
	o.ref, err = worker.CreateCase(ctx, casefile.NewCase{Kind: dsr.Access, Laws: []string{"cn-pipl"}, Lang: "en", Channel: "phone", Requester: "self",
		OpenedBy: "sue", MapHash: "x", ReceivedAt: now, DueAt: now.Add(time.Hour)})
	must(err)
	raw, err := json.Marshal(account)
	must(err)
	must(worker.PutAccounts(ctx, o.ref, [][]byte{raw}))
	must(worker.ChooseAccount(ctx, o.ref, 0, "the only row"))
	must(worker.SetNeed(ctx, o.ref, need))
	task, err := worker.OpenTask(ctx, casefile.NewTask{Ref: o.ref, Kind: dsr.TaskIdentity, Occasion: "document-1", Shown: []byte(`{"kind":"check-identity"}`)})
	must(err)
	o.task = task.ID
	o.bench = newBench(t, func(p *Options) {
		d := realDesk{o.real}
		p.Desk, p.Proofs, p.Now = d, d, time.Now
	})
	o.known = o.ref.ID()
	return o
}

// issue makes a code as the worker does, and gives it.
func (o *office) issue(purpose, occasion string) string {
	o.t.Helper()
	c, err := o.worker.IssueChallenge(o.t.Context(), o.ref, purpose, occasion, "email", casefile.CodeRule{Digits: 6, TTL: time.Hour, Tries: 9, PerHour: 9})
	if err != nil {
		o.t.Fatal(err)
	}
	code, err := o.real.Store.CodeOf(o.t.Context(), c)
	if err != nil {
		o.t.Fatal(err)
	}
	return code
}

// upload posts a file as a browser does, under any name that a header can carry.
func (o *office) upload(name string, body io.Reader) (int, string, error) {
	o.t.Helper()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="document"; filename="` + name + `"`},
			"Content-Type": {"image/png"}})
		if err == nil {
			_, err = io.Copy(part, body)
		}
		if err == nil {
			err = form.Close()
		}
		_ = w.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url+"/case/proof/document", r)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Origin", o.url)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := o.browser.Do(req)
	_ = r.Close()
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	return res.StatusCode, string(page), err
}

func (o *office) files() []casefile.Evidence {
	o.t.Helper()
	list, err := o.real.Store.Evidence(o.t.Context(), o.task)
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

// stored are the blobs that lie there, by path, with their bytes.
func (o *office) stored() map[string][]byte {
	o.t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(o.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

var byDocument = dsr.Need{Rung: dsr.RungDocument, By: []string{dsr.ByDocument}, Why: []string{dsr.WhySpecial}}

// prove types the first code, which opens the page on which more can be proved.
func (o *office) prove() answer {
	o.t.Helper()
	return o.post("/case/verify", "id", o.known, "code", o.issue(dsr.CodeVerify, "1"))
}

// endless never ends.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, "\xff\xd8\xff\xe0")
	for i := n; i < len(p); i++ {
		p[i] = byte(i * 7)
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func TestAnEndlessUploadIsCut(t *testing.T) {
	o := newOffice(t, byDocument) // alone: it looks at the memory of the process
	o.prove()
	runtime.GC()
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for {
			select {
			case <-stop:
				done <- most
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&peak)
				most = max(most, peak.HeapAlloc)
			}
		}
	}()
	body := &endless{}
	status, page, err := o.upload("id.jpg", body)
	close(stop)
	most := <-done
	// The answer may be lost where the line breaks under what is still being sent; then it broke, and no more.
	if err == nil && (status != http.StatusRequestEntityTooLarge || !strings.Contains(page, "too large")) {
		t.Errorf("%d %.200s", status, page)
	}
	if sent := body.read.Load(); sent < dsr.MaxEvidence || sent > dsr.MaxEvidence+16<<20 {
		t.Errorf("it was cut after %d bytes", sent)
	}
	if most > before.HeapAlloc+20<<20 {
		t.Errorf("the heap grew from %d to %d MB", before.HeapAlloc>>20, most>>20)
	}
	if len(o.files()) != 0 || len(o.stored()) != 0 {
		t.Errorf("something was kept: %d files, %d blobs", len(o.files()), len(o.stored()))
	}
	if status, _, err := o.upload("id.jpg", io.LimitReader(&endless{}, dsr.MaxEvidence+1)); err == nil && status != http.StatusRequestEntityTooLarge {
		t.Errorf("one byte too many: %d", status)
	}
	if status, _, err := o.upload("id.jpg", io.LimitReader(&endless{}, dsr.MaxEvidence)); err != nil || status != http.StatusOK || len(o.files()) != 1 {
		t.Errorf("exactly 25 MB: %d, %v, %d files", status, err, len(o.files()))
	}
}

// TestAZIPBombIsStoredAsItIs: a gigabyte of zeros in a small archive stays the small archive, sealed.
func TestAZIPBombIsStoredAsItIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t, byDocument)
	o.prove()
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	w, err := z.Create("../../etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 1024 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if status, page, err := o.upload("papers.zip", bytes.NewReader(bomb.Bytes())); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v, %.300s", status, err, page)
	}
	files, blobs := o.files(), o.stored()
	if len(files) != 1 || len(blobs) != 1 || files[0].Size != int64(bomb.Len()) {
		t.Fatalf("%+v, %d blobs", files, len(blobs))
	}
	for path, raw := range blobs {
		if len(raw) > bomb.Len()+64<<10 || bytes.Contains(raw, []byte("PK\x03\x04")) || strings.Contains(path, "papers") {
			t.Errorf("%s: %d bytes of %d; in clear, or under its name", path, len(raw), bomb.Len())
		}
	}
	var back bytes.Buffer
	name, err := o.real.Attachment(t.Context(), o.task, 1, &back)
	if err != nil || name != "papers.zip" || !bytes.Equal(back.Bytes(), bomb.Bytes()) {
		t.Errorf("back: %q, %d bytes, %v", name, back.Len(), err)
	}
}

func TestMarkupIsRefusedWhateverItsName(t *testing.T) {
	t.Parallel()
	o := newOffice(t, byDocument)
	o.prove()
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	wide := func(mark string, big bool, s string) string {
		out := mark
		for _, c := range s {
			if big {
				out += "\x00" + string(c)
			} else {
				out += string(c) + "\x00"
			}
		}
		return out
	}
	for what, body := range map[string]string{
		"plain": svg, "mark": "\ufeff" + svg, "blanks": " \r\n\t " + svg, "comment": "<!-- a --><!-- b -->" + svg,
		"declaration": `<?xml version="1.0"?>` + svg, "doctype": `<!DOCTYPE svg>` + svg, "UTF-16LE": wide("\xff\xfe", false, svg),
		"UTF-16BE": wide("\xfe\xff", true, svg), "UTF-16LE, no mark": wide("", false, svg), "UTF-16BE, no mark": wide("", true, svg),
		"HTML": "<html><body onload=alert(1)>", "HTML behind a mark": "\xef\xbb\xbf  <HTML>", "script": "<script>", "text": "hello", "GIF": "GIF89a<svg>",
		"zeros": "\x00\x00" + svg, "ELF": "\x7fELF", "MP4": "\x00\x00\x00\x18ftypmp42",
	} {
		status, page, err := o.upload("passport.png", strings.NewReader(body))
		if err != nil || status != http.StatusUnsupportedMediaType || !strings.Contains(page, "cannot take a file like this") {
			t.Errorf("%s: %d, %v, %.200s", what, status, err, page)
		}
	}
	if status, _, err := o.upload("passport.png", strings.NewReader("")); err != nil || status != http.StatusUnprocessableEntity {
		t.Errorf("empty: %d, %v", status, err)
	}
	if len(o.files()) != 0 || len(o.stored()) != 0 {
		t.Error("something of it was kept")
	}
}

func TestNamesHaveNoPaths(t *testing.T) {
	t.Parallel()
	o := newOffice(t, byDocument)
	o.prove()
	long := strings.Repeat("很", 300) + ".pdf"
	want := map[string]string{}
	for n, c := range [][2]string{{`../../x.pdf`, "x.pdf"}, {`C:\\a\\b.pdf`, "b.pdf"}, {"a\x00b\x01c\u202efdp.pdf", "abcfdp.pdf"}, {`...`, "document"},
		{long, strings.Repeat("很", 96) + ".pdf"}} {
		body := fmt.Sprintf("%%PDF-1.7 %d", n)
		want[body] = c[1]
		if strings.ContainsRune(c[0], 0) { // no browser sends it: the desk is asked
			if err := o.real.AddDocument(t.Context(), o.known, c[0], strings.NewReader(body), "person"); err != nil {
				t.Error(err)
			}
			continue
		}
		if status, _, err := o.upload(c[0], strings.NewReader(body)); err != nil || status != http.StatusOK {
			t.Errorf("%q: %d, %v", c[0], status, err)
		}
	}
	for n, file := range o.files() {
		var back bytes.Buffer
		name, err := o.real.Attachment(t.Context(), o.task, n+1, &back)
		if err != nil || name != want[back.String()] || name != file.Name {
			t.Errorf("%q is called %q, want %q, %v", back.String(), name, want[back.String()], err)
		}
	}
	if status, page, err := o.upload("more.pdf", strings.NewReader("%PDF-1.7 more")); err != nil || status != http.StatusUnprocessableEntity || !strings.Contains(page, "Five files") {
		t.Errorf("a sixth file: %d, %v", status, err)
	}
}

// TestDocumentsNeedTheirSession: without the cookie of a right code, from another site, or once the check is over,
// nothing is taken.
func TestDocumentsNeedTheirSession(t *testing.T) {
	t.Parallel()
	o := newOffice(t, byDocument)
	if _, page, err := o.upload("a.pdf", strings.NewReader("%PDF-1.7")); err != nil || !strings.Contains(page, "Look up your request") {
		t.Errorf("without a session: %v, %.200s", err, page)
	}
	if got := o.get("/case/proof"); !strings.Contains(got.body, "Look up your request") {
		t.Error("the page is shown without a session")
	}
	if got := o.prove(); !strings.Contains(got.body, "One more step") || !strings.Contains(got.body, `type="file"`) {
		t.Fatalf("after the right code: %.300s", got.body)
	}
	foreign := o.request(http.MethodPost, "/case/proof/facts", url.Values{"fact1": {"x"}})
	foreign.Header.Set("Origin", "https://evil.example")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := o.do(foreign); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", got.StatusCode)
	}
	if len(o.files()) != 0 {
		t.Error("something was kept")
	}
}

// TestFactsOnThePortal: all answers at once, as people write them; three tries and no hint which was wrong.
func TestFactsOnThePortal(t *testing.T) {
	t.Parallel()
	need := dsr.Need{Rung: dsr.RungTwo, By: []string{dsr.BySecond, dsr.ByFacts}, Facts: 2, Why: []string{dsr.WhySensitive}}
	o := newOffice(t, need)
	if got := o.prove(); !strings.Contains(got.body, "Born") || !strings.Contains(got.body, "Street") || strings.Contains(got.body, "Tower") {
		t.Fatalf("the questions: %.2000s", got.body)
	}
	half := o.post("/case/proof/facts", "fact1", "1990/1/2", "fact2", "elsewhere")
	none := o.post("/case/proof/facts", "fact1", "2000-01-01", "fact2", "elsewhere")
	if half.StatusCode != http.StatusUnprocessableEntity || half.body != none.body {
		t.Errorf("one right answer of two: %d, and the page tells", half.StatusCode)
	}
	if got := o.post("/case/proof/facts", "fact1", "１９９０年1月2日", "fact2", "TOWER ST 7"); !strings.Contains(got.body, "Thank you") {
		t.Errorf("the right answers: %d %.300s", got.StatusCode, got.body)
	}
	if o.heard.signals.Load() == 0 {
		t.Error("the ladder did not hear")
	}

	o = newOffice(t, need)
	o.prove()
	for range 3 {
		o.post("/case/proof/facts", "fact1", "x", "fact2", "y")
	}
	if got := o.post("/case/proof/facts", "fact1", "1990-01-02", "fact2", "Tower St. 7"); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the right answers after three tries: %d", got.StatusCode)
	}
	if got := o.get("/case/proof"); strings.Contains(got.body, "Street") || !strings.Contains(got.body, "A second code") {
		t.Error("the questions are still there, or the other way is gone")
	}
	if got := o.post("/case/proof/second", "code", o.issue(dsr.CodeSecond, "1")); !strings.Contains(got.body, "Thank you") {
		t.Errorf("the second code: %d %.300s", got.StatusCode, got.body)
	}
}

// TestGarbageUploads: whatever comes as a form is answered, and nothing is kept.
func TestGarbageUploads(t *testing.T) {
	t.Parallel()
	o := newOffice(t, byDocument)
	o.prove()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 20 {
		body := make([]byte, random.IntN(5000))
		for i := range body {
			body[i] = byte(random.IntN(256))
		}
		kind := []string{"multipart/form-data; boundary=x", "multipart/form-data", "text/plain"}[n%3]
		if n%4 == 0 {
			body = append([]byte("--x\r\nContent-Disposition: form-data; name=\"document\"; filename=\"a\"\r\n\r\n%PDF-"), body...)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.url+"/case/proof/document", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", o.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if got := o.do(r); got.StatusCode < 400 || got.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s of %d bytes: %d", kind, len(body), got.StatusCode)
		}
	}
	if len(o.files()) != 0 || len(o.stored()) != 0 {
		t.Error("something was kept")
	}
}
