package processor

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
)

// maxRequest bounds what is read of a request, in bytes.
const maxRequest = 64 << 10

// Desk is what the server needs of the desk.
type Desk interface {
	OpenForController(ctx context.Context, o desk.ControllerOrder) (casefile.ControllerRequest, error)
	ControllerCase(ctx context.Context, controller, id string) (casefile.ControllerRequest, casefile.Case, error)
	Withdraw(ctx context.Context, ref contract.Ref, by, why string) error
	HeardFromProcessor(ctx context.Context, id string) (system string, wake func(context.Context) error, err error)
}

// Options are what the server needs.
type Options struct {
	Desk  Desk
	Peers *opendsr.Peers
	Map   *datamap.Map
	Now   func() time.Time
	Log   *slog.Logger
}

type server struct{ Options }

// New builds the server.
func New(o Options) http.Handler {
	s := &server{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+opendsr.Root+"/discovery", s.discovery)
	mux.HandleFunc("GET "+opendsr.Root+"/certificate.pem", s.certificate)
	mux.HandleFunc("POST "+opendsr.Root+"/requests", s.controlled(s.open))
	mux.HandleFunc("GET "+opendsr.Root+"/requests/{id}", s.controlled(s.status))
	mux.HandleFunc("DELETE "+opendsr.Root+"/requests/{id}", s.controlled(s.cancel))
	mux.HandleFunc("POST "+opendsr.Root+"/callbacks", s.callback)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	return mux
}

// call is one verified call of a controller.
type call struct {
	controller opendsr.Controller
	body       []byte
	signed     casefile.SignedRequest
}

// controlled verifies a controller's call before anything else happens: domain, time, certificate,
// signature. What does not hold is 403, whatever it is (section 8.8).
func (s *server) controlled(then func(http.ResponseWriter, *http.Request, call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := s.read(w, r)
		if !ok {
			return
		}
		now := s.Now()
		controller, cert, err := s.Peers.Controller(r.Header.Get(opendsr.HeaderController), now)
		if err != nil {
			s.refuse(w, http.StatusForbidden, "the controller is not known, or its certificate does not hold")
			return
		}
		at := r.Header.Get(opendsr.HeaderTime)
		seconds, err := strconv.ParseInt(at, 10, 64)
		if age := now.Sub(time.Unix(seconds, 0)); err != nil || age > opendsr.Fresh || age < -opendsr.Fresh {
			s.refuse(w, http.StatusForbidden, "the time of the signature is not now")
			return
		}
		signed := casefile.SignedRequest{Digest: opendsr.Digest(opendsr.Requesting(r.Method, r.URL.Path, at, body)),
			Signature: r.Header.Get(opendsr.HeaderSignature), At: now.UTC()}
		if err := opendsr.VerifyDigest(cert, signed.Digest, signed.Signature); err != nil {
			s.refuse(w, http.StatusForbidden, "the signature does not fit")
			return
		}
		then(w, r, call{controller: controller, body: body, signed: signed})
	}
}

func (s *server) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.refuse(w, http.StatusRequestEntityTooLarge, "the body is too large, or was cut off")
		return nil, false
	}
	return body, true
}

// answer writes a signed answer.
func (s *server) answer(w http.ResponseWriter, code int, message any) {
	body, err := json.Marshal(message)
	if err != nil {
		s.Log.Error("an answer could not be written", "type", contract.ErrInternal)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	signature, err := s.Peers.Sign(body)
	if err != nil {
		s.Log.Error("an answer could not be signed", "type", contract.ErrInternal)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set(opendsr.HeaderProcessor, s.Peers.Domain)
	h.Set(opendsr.HeaderSignature, signature)
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func (s *server) refuse(w http.ResponseWriter, code int, why string) {
	var p opendsr.Problem
	p.Error.Code, p.Error.Message = code, why
	s.answer(w, code, p)
}

// failed answers an error of the desk: what may be said of it, and a number that tells whether to come again.
func (s *server) failed(w http.ResponseWriter, err error) {
	e := fault.As(err)
	code := map[string]int{contract.ErrNotFound: http.StatusNotFound, contract.ErrConflict: http.StatusConflict, contract.ErrBadInput: http.StatusBadRequest,
		contract.ErrNotOpen: http.StatusConflict, contract.ErrUnavailable: http.StatusServiceUnavailable, contract.ErrBusy: http.StatusServiceUnavailable}[e.Type]
	if code == 0 {
		code = http.StatusInternalServerError
		s.Log.Error("a controller's call failed", "type", e.Type)
	}
	s.refuse(w, code, e.Type)
}

func (s *server) discovery(w http.ResponseWriter, _ *http.Request) {
	d := opendsr.Discovery{APIVersion: opendsr.Version, Types: []string{opendsr.Erasure, opendsr.Rectification}, Certificate: s.Peers.URL + opendsr.Root + "/certificate.pem"}
	for _, kind := range []string{datamap.IdentityEmail, datamap.IdentityAccount} {
		d.Identities = append(d.Identities, opendsr.Identity{Type: opendsr.TypeOf(kind), Format: "raw"})
	}
	s.answer(w, http.StatusOK, d)
}

func (s *server) certificate(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(s.Peers.Chain)
}

// statusOf is what a controller hears of its request.
func (s *server) statusOf(asked casefile.ControllerRequest, c casefile.Case) opendsr.Status {
	return s.Peers.StatusOf(asked.RequestID, asked.Controller, asked.ExpectedAt, c.State, c.Outcome)
}
