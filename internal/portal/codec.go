package portal

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

const (
	maxPayloads = 10 << 20
	// placeholder stands where a payload cannot be opened any more, as a JSON string.
	placeholder = `"[sealed: key destroyed]"`
)

// plainEncodings are payloads that Temporal itself or a person wrote unsealed. There is nothing
// to open in them.
var plainEncodings = []string{
	converter.MetadataEncodingJSON, converter.MetadataEncodingProtoJSON, converter.MetadataEncodingProto,
	converter.MetadataEncodingNil, converter.MetadataEncodingBinary,
}

// forgiving decodes each payload by itself. One that does not open shows a placeholder, so that
// an operator still sees the rest of a history whose key is gone. It is for reading only: a
// worker uses the codec itself, which refuses.
type forgiving struct{ converter.PayloadCodec }

// Decode never fails.
func (f forgiving) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if slices.Contains(plainEncodings, string(p.GetMetadata()[converter.MetadataEncoding])) {
			out[i] = p
			continue
		}
		opened, err := f.PayloadCodec.Decode([]*commonpb.Payload{p})
		if err == nil && len(opened) == 1 {
			out[i] = opened[0]
			continue
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
			Data:     []byte(placeholder),
		}
	}
	return out, nil
}

// codecRoutes adds the endpoint. It stands outside the check for foreign origins, as the Temporal
// UI is one; what guards it is the operator's token.
func (s *server) codecRoutes(mux *http.ServeMux) {
	codec := s.operatorsOnly(limitedBody(converter.NewPayloadCodecHTTPHandler(forgiving{s.Codec})))
	for _, path := range []string{"/codec/encode", "/codec/decode"} {
		mux.Handle("POST "+path, s.cors(codec))
		mux.Handle("OPTIONS "+path, s.cors(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
		})))
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "POST, OPTIONS")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		})
	}
	s.signInRoutes(mux)
}

// cors lets the pages of UIOrigin, and of nobody else, read the answers.
func (s *server) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if s.fromUI(r) {
			h.Set("Access-Control-Allow-Origin", s.UIOrigin)
			h.Set("Access-Control-Allow-Credentials", "true") // for the sign-in cookie
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
				h.Set("Access-Control-Max-Age", "600")
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) fromUI(r *http.Request) bool {
	return s.UIOrigin != "" && r.Header.Get("Origin") == s.UIOrigin
}

// operatorToken is the token that the request carries; "" when none. The cookie of the sign-in
// page counts only for the UI's own pages.
func (s *server) operatorToken(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	if c, err := r.Cookie(s.cookieName(operatorCookie)); err == nil && s.fromUI(r) {
		return c.Value
	}
	return ""
}

// operatorsOnly asks for an operator's token and says nothing about why one was refused.
func (s *server) operatorsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := s.operatorOf(s.operatorToken(r)); ok {
			next.ServeHTTP(w, r)
			return
		}
		if s.addresses.take(s.addressKey(r), formCost, s.Now()) > 0 {
			w.Header().Set("Retry-After", "60")
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
	})
}

// operatorOf says whose token it is, and until when, if it is one and still good.
func (s *server) operatorOf(token string) (name string, until time.Time, ok bool) {
	name, until, ok = s.operator.open(token, s.Now())
	return name, until, ok && name != ""
}

// limitedBody reads the body whole before next, so that one that is too big is 413.
func limitedBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayloads))
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			http.Error(w, http.StatusText(http.StatusRequestEntityTooLarge), http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}
