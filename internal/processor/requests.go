package processor

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
)

// open takes a request (section 6): a case for it, or the case that it has already.
func (s *server) open(w http.ResponseWriter, r *http.Request, c call) {
	var request opendsr.Request
	if err := json.Unmarshal(c.body, &request); err != nil {
		s.refuse(w, http.StatusBadRequest, "the body is not a request")
		return
	}
	identities, why := s.check(request, c.controller)
	if why != "" {
		s.refuse(w, http.StatusBadRequest, why)
		return
	}
	asked, err := s.Desk.OpenForController(r.Context(), desk.ControllerOrder{Controller: c.controller.Domain, RequestID: request.ID, Wishes: wishesOf(request, c.controller.Domain),
		Identities: identities, Body: c.body, Proof: c.signed, Callbacks: request.CallbackURL, Within: s.Peers.Within})
	if err != nil {
		s.failed(w, err)
		return
	}
	receipt := opendsr.Receipt{Controller: c.controller.Domain, Expected: asked.ExpectedAt, Received: asked.ReceivedAt, ID: request.ID,
		Encoded: base64.StdEncoding.EncodeToString(c.body)}
	if receipt.Signature, err = s.Peers.Sign([]byte(receipt.Encoded)); err != nil {
		s.failed(w, err)
		return
	}
	s.answer(w, http.StatusCreated, receipt)
}

// check says what is wrong with a request; empty: nothing.
func (s *server) check(r opendsr.Request, from opendsr.Controller) ([]dsr.Identity, string) {
	switch {
	case !opendsr.IsID(r.ID):
		return nil, "subject_request_id is a UUID of version 4 in lower case"
	case r.Type != opendsr.Erasure && r.Type != opendsr.Rectification:
		return nil, "subject_request_type: only erasure is done here, and rectification by agreement"
	case (r.Type == opendsr.Rectification) != (len(wishesOf(r, from.Domain)) > 0):
		return nil, "what is to be rectified stands in the controller's extension, and nowhere else"
	case r.Regulation != "gdpr" && r.Regulation != "ccpa":
		return nil, "regulation is gdpr or ccpa"
	case r.APIVersion != opendsr.Version:
		return nil, "api_version is " + opendsr.Version
	case r.Submitted.IsZero() || r.Submitted.After(s.Now().Add(opendsr.Fresh)):
		return nil, "submitted_time is missing or lies ahead"
	case len(r.Identities) == 0 || len(r.Identities) > 20:
		return nil, "subject_identities names the person, in at most 20 ways"
	case len(r.CallbackURL) > 5:
		return nil, "there are at most 5 status_callback_urls"
	}
	for _, address := range r.CallbackURL {
		if !from.MayCallBack(address) {
			return nil, "a status_callback_url is not on the list of the controller"
		}
	}
	var list []dsr.Identity
	for _, id := range r.Identities {
		kind := opendsr.KindOf(id.Type)
		if kind == "" || id.Format != "raw" {
			return nil, "an identity_type or identity_format is not supported: see discovery"
		}
		value, err := s.Map.Normalise(kind, id.Value)
		if err != nil {
			return nil, "an identity_value cannot be one of its type"
		}
		list = append(list, dsr.Identity{Kind: kind, Value: value})
	}
	return list, ""
}

// wishesOf are what a controller wants corrected, in order of the fields.
func wishesOf(r opendsr.Request, controller string) []dsr.Wish {
	var list []dsr.Wish
	for key, value := range r.Extensions["opendsr."+controller] {
		if field, ok := strings.CutPrefix(key, opendsr.RectifyPrefix); ok {
			list = append(list, dsr.Wish{Field: field, Value: value})
		}
	}
	slices.SortFunc(list, func(a, b dsr.Wish) int { return strings.Compare(a.Field, b.Field) })
	return list
}

// status says how far a request is (section 7).
func (s *server) status(w http.ResponseWriter, r *http.Request, c call) {
	asked, k, err := s.Desk.ControllerCase(r.Context(), c.controller.Domain, r.PathValue("id"))
	if err != nil {
		s.failed(w, err)
		return
	}
	s.answer(w, http.StatusOK, s.statusOf(asked, k))
}

// cancel takes a request back: only while it is pending.
func (s *server) cancel(w http.ResponseWriter, r *http.Request, c call) {
	asked, k, err := s.Desk.ControllerCase(r.Context(), c.controller.Domain, r.PathValue("id"))
	if err != nil {
		s.failed(w, err)
		return
	}
	if s.statusOf(asked, k).Status != opendsr.Pending {
		s.refuse(w, http.StatusConflict, "the request is not pending any more")
		return
	}
	if err := s.Desk.Withdraw(r.Context(), asked.Ref, "controller "+c.controller.Domain, "the controller has cancelled the request"); err != nil {
		s.failed(w, err)
		return
	}
	receipt := opendsr.Receipt{Controller: c.controller.Domain, Expected: asked.ExpectedAt, Received: asked.ReceivedAt, ID: asked.RequestID}
	s.answer(w, http.StatusAccepted, receipt)
}

// callback hears from a processor of ours. Its signature is verified, so that nobody keeps us asking; what
// it says is asked for anew by whoever waits.
func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	body, ok := s.read(w, r)
	if !ok {
		return
	}
	domain := r.Header.Get(opendsr.HeaderProcessor)
	known := false
	for _, sys := range s.Map.Systems {
		known = known || sys.Outside != nil && domain != "" && sys.Outside.Domain == domain
	}
	if !known {
		s.refuse(w, http.StatusForbidden, "no processor of that domain is in the data map")
		return
	}
	if err := s.Peers.VerifyCallback(r.Context(), s.Map, domain, body, r.Header.Get(opendsr.HeaderSignature), s.Now); err != nil {
		if fault.Is(err, contract.ErrUnavailable) {
			s.failed(w, err)
			return
		}
		s.refuse(w, http.StatusForbidden, "the signature does not fit")
		return
	}
	var said opendsr.Status
	if err := json.Unmarshal(body, &said); err != nil || !opendsr.IsID(said.ID) {
		s.refuse(w, http.StatusBadRequest, "the body is not a status")
		return
	}
	system, wake, err := s.Desk.HeardFromProcessor(r.Context(), said.ID)
	if err != nil {
		s.failed(w, err)
		return
	}
	if sys := s.Map.System(system); sys == nil || sys.Outside == nil || sys.Outside.Domain != domain {
		s.refuse(w, http.StatusForbidden, "the request is another processor's")
		return
	}
	// Whoever waits may have ended already: then there is nobody to wake.
	if err := wake(r.Context()); err != nil && !fault.Is(err, contract.ErrNotOpen) {
		s.failed(w, err)
		return
	}
	s.answer(w, http.StatusAccepted, opendsr.Receipt{ID: said.ID})
}
