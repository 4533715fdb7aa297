package portal

import (
	"errors"
	"net/http"
	"runtime/debug"
	"time"
)

// The headers of every answer. style-src and img-src let in our own style sheet and icon; scripts
// have no source at all. The referrer policy is same-origin and not no-referrer because under the
// latter browsers send "Origin: null" with our own forms, and those that know no Sec-Fetch-Site
// could then not be told from a foreign site.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'",
	"Referrer-Policy":              "same-origin",
	"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"X-Robots-Tag":                 "noindex, nofollow",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

func (s *server) withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if s.Secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recorder remembers the status of an answer, for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status and passes it on.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write passes on; without WriteHeader before it the status is 200.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe writes one log line a request: never the path as sent, the query, a header or an
// address, as each may hold a case number or point at a person. The value of a panic is not
// logged either, only where it came from.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{ResponseWriter: w}
		defer func() {
			what := recover()
			if what != nil && !aborted(what) {
				s.Log.Error("portal: a handler panicked", "route", route(r), "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
					what = nil
				}
			}
			s.Log.Info("portal", "method", method(r), "route", route(r), "status", rec.status,
				"duration", time.Since(start).Round(time.Millisecond))
			if what != nil { // the answer is cut short: let the connection show it
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// method is one that we know, or "other": a method may be any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return r.Method
	}
	return "other"
}

// route is the pattern that answered, never the path that was asked for.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "-"
	}
	return r.Pattern
}

// aborted says whether a panic is net/http's own way of cutting an answer short.
func aborted(what any) bool {
	err, ok := what.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
