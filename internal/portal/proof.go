package portal

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Proofs is what the portal asks of the desk for people who must prove more than one code. It is asked only behind
// a right verification code.
type Proofs interface {
	// Standing says what the person can do now; contract.ErrNotFound: there is no such case any more.
	Standing(ctx context.Context, caseID, lang string) (Standing, error)
	// TryFacts says whether all answers are right, and counts the try. Answers come in the order of Standing.Facts.
	TryFacts(ctx context.Context, caseID string, answers []string) (bool, error)
	// AddDocument takes a document, which it reads as a stream. Problem says why it is not taken, in one of the
	// Document… words; then nothing is kept of it.
	AddDocument(ctx context.Context, caseID, name string, body io.Reader) (problem string, err error)
}

// Why a document is not taken.
const (
	DocumentTooLarge = "toolarge"
	DocumentType     = "type"
	DocumentTooMany  = "toomany"
	DocumentEmpty    = "empty"
	DocumentClosed   = "closed" // nothing waits for one
)

// Standing is what a person can do to prove who they are.
type Standing struct {
	Met      bool     // nothing more is needed
	Second   bool     // a code to a second registered channel
	Facts    []string // questions, in the person's language
	Document bool     // documents are a way
	Open     bool     // and are taken now
	Files    int      // that came so far
}

// Bounds of an upload. A file has 25 MB; the form around it a little.
const (
	maxUpload      = 25<<20 + 64<<10
	uploadChunk    = 30 * time.Second // how long the person's line may stand still
	uploadTime     = 15 * time.Minute
	uploadsAtOnce  = 8
	proofTime      = 30 * time.Minute
	proofCookie    = "habeas-proof"
	maxFactAnswer  = 200
	documentsField = "document"
)

func (s *server) proofRoutes(page func(method, path string, cost int, h http.HandlerFunc), mux *http.ServeMux, guard func(http.Handler) http.Handler) {
	mux.Handle("GET /case/proof", guard(s.limited(pageCost, s.proofPage)))
	mux.HandleFunc("/case/proof", s.wrongMethod(http.MethodGet))
	page(http.MethodPost, "/case/proof/code", formCost, s.secondCode)
	page(http.MethodPost, "/case/proof/second", formCost, s.secondTry)
	page(http.MethodPost, "/case/proof/facts", formCost, s.factsTry)
	page(http.MethodPost, "/case/proof/document", formCost, s.document)
}

// startProof lets the browser go on proving who its user is in this one case, for proofTime.
func (s *server) startProof(w http.ResponseWriter, caseID string) {
	http.SetCookie(w, s.cookie(proofCookie, s.proof.sign(caseID, s.Now().Add(proofTime)), proofTime))
}

// proofCase is the case that the request's cookie is for; empty, and answered, when it is for none.
func (s *server) proofCase(w http.ResponseWriter, r *http.Request) string {
	id := ""
	if c, err := r.Cookie(s.cookieName(proofCookie)); err == nil {
		if text, _, ok := s.proof.open(c.Value, s.Now()); ok {
			id, _ = contract.ParseID(text) // empty where it cannot be
		}
	}
	if id == "" {
		http.Redirect(w, r, "/?ended=1", http.StatusSeeOther)
	}
	return id
}

// afterVerify leads whoever typed a right code to what else is needed, or to what happens next.
func (s *server) afterVerify(w http.ResponseWriter, r *http.Request, caseID string) {
	next := "/case/verified?" + url.Values{"id": {caseID}}.Encode()
	if s.Proofs != nil {
		ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
		defer cancel()
		now, err := s.Proofs.Standing(ctx, caseID, s.lang(r))
		if err == nil && !now.Met {
			s.startProof(w, caseID)
			next = "/case/proof"
		}
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *server) proofPage(w http.ResponseWriter, r *http.Request) {
	if id := s.proofCase(w, r); id != "" {
		v := view{}
		switch {
		case r.URL.Query().Has("sent"):
			v.Notice = "notice.secondsent"
		case r.URL.Query().Has("added"):
			v.Notice = "notice.added"
		}
		s.showProof(w, r, id, http.StatusOK, v)
	}
}

// showProof draws the page with what is possible now.
func (s *server) showProof(w http.ResponseWriter, r *http.Request, id string, status int, v view) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	now, err := s.Proofs.Standing(ctx, id, s.lang(r))
	switch {
	case fault.Is(err, contract.ErrNotFound): // forgotten meanwhile
		http.Redirect(w, r, "/?ended=1", http.StatusSeeOther)
	case err != nil:
		s.failed(w, r, err)
	case now.Met:
		http.SetCookie(w, s.cookie(proofCookie, "", 0))
		http.Redirect(w, r, "/case/verified?"+url.Values{"id": {id}}.Encode(), http.StatusSeeOther)
	default:
		v.Title, v.CaseID, v.Proof = "proof.title", id, &now
		s.render(w, r, status, "proof", v)
	}
}

// proofForm reads a form about the session's case, and spends one form of that case.
func (s *server) proofForm(w http.ResponseWriter, r *http.Request) (caseID string, ok bool) {
	id := s.proofCase(w, r)
	if id == "" {
		return "", false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.problem(w, r, http.StatusBadRequest, "problem.form")
		return "", false
	}
	return id, !s.caseLimited(w, r, id)
}

// secondCode asks for a code to the second channel. Whether there is one the person sees on the page already.
func (s *server) secondCode(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id, ok := s.proofForm(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	s.Desk.RequestCode(ctx, id, dsr.CodeSecond)
	s.pad(r.Context(), start)
	http.Redirect(w, r, "/case/proof?sent=1", http.StatusSeeOther)
}

// secondTry takes the code of the second channel.
func (s *server) secondTry(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id, ok := s.proofForm(w, r)
	if !ok {
		return
	}
	code, ok := readCode(r.PostForm.Get("code"))
	if !ok {
		s.showProof(w, r, id, http.StatusUnprocessableEntity, view{Error: "error.codeform", ErrorNear: "code"})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	right, err := s.Desk.TryCode(ctx, id, dsr.CodeSecond, code)
	s.pad(r.Context(), start)
	s.tried(w, r, id, right, err, view{Error: "error.code", ErrorNear: "code"})
}

// factsTry takes the answers to the questions, all at once.
func (s *server) factsTry(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id, ok := s.proofForm(w, r)
	if !ok {
		return
	}
	var answers []string
	for n := 1; r.PostForm.Has("fact" + strconv.Itoa(n)); n++ {
		answers = append(answers, clip(r.PostForm.Get("fact"+strconv.Itoa(n)), maxFactAnswer))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), askTimeout)
	defer cancel()
	right, err := s.Proofs.TryFacts(ctx, id, answers)
	s.pad(r.Context(), start)
	if fault.Is(err, contract.ErrNotOpen) {
		right, err = false, nil
	}
	s.tried(w, r, id, right, err, view{Error: "error.facts", ErrorNear: "fact1"})
}

func (s *server) tried(w http.ResponseWriter, r *http.Request, id string, right bool, err error, wrong view) {
	switch {
	case err != nil:
		s.failed(w, r, err)
	case right:
		http.Redirect(w, r, "/case/proof", http.StatusSeeOther)
	default:
		s.showProof(w, r, id, http.StatusUnprocessableEntity, wrong)
	}
}

// document takes a file as it comes, and hands it on as a stream: nothing of it is kept here.
func (s *server) document(w http.ResponseWriter, r *http.Request) {
	id := s.proofCase(w, r)
	if id == "" || s.caseLimited(w, r, id) {
		return
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		s.problem(w, r, http.StatusServiceUnavailable, "problem.busy")
		return
	}
	conn := http.NewResponseController(w)
	ctx, cancel := context.WithTimeout(r.Context(), uploadTime)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	_ = conn.SetWriteDeadline(time.Now().Add(uploadTime + writeTimeout))
	r.Body = struct {
		io.Reader
		io.Closer
	}{&patient{r: r.Body, conn: conn, until: time.Now().Add(uploadTime)}, r.Body}
	part, err := filePart(r)
	if err != nil {
		s.uploadBroke(w, r, id, err)
		return
	}
	problem, err := s.Proofs.AddDocument(ctx, id, part.FileName(), part)
	switch {
	case problem != "":
		s.refuseDocument(w, r, id, problem)
	case err != nil:
		s.uploadBroke(w, r, id, err)
	default:
		http.Redirect(w, r, "/case/proof?added=1", http.StatusSeeOther)
	}
}

// filePart is the file of the form. What stands before it is passed over.
func filePart(r *http.Request) (*multipart.Part, error) {
	reader, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		part, err := reader.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FormName() == documentsField {
			return part, nil
		}
	}
}

// uploadBroke answers an upload that did not arrive whole.
func (s *server) uploadBroke(w http.ResponseWriter, r *http.Request, id string, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.refuseDocument(w, r, id, DocumentTooLarge)
	case errors.Is(err, http.ErrNotMultipart), errors.Is(err, http.ErrMissingBoundary), errors.Is(err, io.EOF), errors.Is(err, multipart.ErrMessageTooLarge):
		s.problem(w, r, http.StatusBadRequest, "problem.form")
	default:
		s.failed(w, r, err)
	}
}

var documentStatus = map[string]int{DocumentTooLarge: http.StatusRequestEntityTooLarge, DocumentType: http.StatusUnsupportedMediaType}

// refuseDocument says why a document is not taken. What is left of it is not read.
func (s *server) refuseDocument(w http.ResponseWriter, r *http.Request, id, problem string) {
	status := documentStatus[problem]
	if status == 0 {
		status = http.StatusUnprocessableEntity
	}
	w.Header().Set("Connection", "close")
	s.showProof(w, r, id, status, view{Error: "error.document." + problem, ErrorNear: documentsField})
}

// patient reads from a line that may be slow, but not still.
type patient struct {
	r     io.Reader
	conn  *http.ResponseController
	until time.Time
}

// Read gives the line uploadChunk for the next bytes, and ends when the whole time is over.
func (p *patient) Read(b []byte) (int, error) {
	deadline := time.Now().Add(uploadChunk)
	if deadline.After(p.until) {
		deadline = p.until
	}
	_ = p.conn.SetReadDeadline(deadline)
	return p.r.Read(b)
}
