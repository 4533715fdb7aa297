package catcher

import (
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"time"
)

//go:embed web
var web embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
}).ParseFS(web, "web/*.html"))

const (
	pageLimit = 200
	apiLimit  = 1000
)

func (c *catcher) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.listPage)
	mux.HandleFunc("GET /messages/{id}", c.letterPage)
	mux.HandleFunc("GET /messages/{id}/html", c.letterHTML)
	mux.HandleFunc("GET /messages/{id}/raw", c.letterRaw)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, web, "web/style.css") })
	mux.HandleFunc("POST /sms", c.webhook)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]bool{"ok": true}) })
	mux.HandleFunc("GET /api/messages", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, c.store.listLetters(r.FormValue("to"), limit(r)))
	})
	mux.HandleFunc("GET /api/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		if l, ok := c.find(w, r); ok {
			reply(w, http.StatusOK, l)
		}
	})
	mux.HandleFunc("DELETE /api/messages", func(w http.ResponseWriter, _ *http.Request) { c.cleared(w, c.store.clearLetters()) })
	mux.HandleFunc("GET /api/sms", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, c.store.listSMS(r.FormValue("to"), limit(r)))
	})
	mux.HandleFunc("DELETE /api/sms", func(w http.ResponseWriter, _ *http.Request) { c.cleared(w, c.store.clearSMS()) })
	mux.HandleFunc("GET /api/faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, c.faults.armed()) })
	mux.HandleFunc("POST /api/faults", c.armFault)
	mux.HandleFunc("DELETE /api/faults", func(w http.ResponseWriter, _ *http.Request) { c.faults.clear(); c.cleared(w, nil) })
	return guard(mux)
}

// guard answers only requests that name loopback as their host: otherwise a web page elsewhere
// could point a name of its own at us (DNS rebinding) and read the codes. Requests that change
// something must not come from another page either.
func guard(next http.Handler) http.Handler {
	same := http.NewCrossOriginProtection()
	return same.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			fail(w, http.StatusForbidden, "open this page by its loopback address")
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	}))
}

func (c *catcher) listPage(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("to")
	c.render(w, "list.html", map[string]any{
		"To": to, "Letters": c.store.listLetters(to, pageLimit), "Texts": c.store.listSMS(to, pageLimit),
		"Limit": pageLimit, "SMTP": c.smtpListener.Addr().String(),
	})
}

func (c *catcher) letterPage(w http.ResponseWriter, r *http.Request) {
	if l, ok := c.find(w, r); ok {
		c.render(w, "letter.html", l)
	}
}

// letterHTML is what the sandboxed frame of a letter's page loads: no scripts, no requests.
func (c *catcher) letterHTML(w http.ResponseWriter, r *http.Request) {
	l, ok := c.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(l.HTML))
}

func (c *catcher) letterRaw(w http.ResponseWriter, r *http.Request) {
	if l, ok := c.find(w, r); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(l.Raw))
	}
}

func (c *catcher) find(w http.ResponseWriter, r *http.Request) (Letter, bool) {
	head, raw, err := c.store.letter(r.PathValue("id"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fail(w, http.StatusNotFound, "there is no such letter")
		return Letter{}, false
	case err != nil:
		c.log.Error("reading a letter failed", "error", err)
		fail(w, http.StatusInternalServerError, "cannot read the letter")
		return Letter{}, false
	}
	return decode(head, raw), true
}

func (c *catcher) armFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		fail(w, http.StatusBadRequest, "not a fault: "+err.Error())
		return
	}
	if err := f.check(); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	c.faults.arm(f)
	reply(w, http.StatusCreated, c.faults.armed())
}

func (c *catcher) cleared(w http.ResponseWriter, err error) {
	if err != nil {
		c.log.Error("clearing failed", "error", err)
		fail(w, http.StatusInternalServerError, "cannot clear")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *catcher) render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		c.log.Error("showing a page failed", "page", name, "error", err)
	}
}

func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil || n <= 0 {
		return apiLimit
	}
	return n
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // people read this with curl
	_ = e.Encode(v)        // whoever asked is gone
}

func fail(w http.ResponseWriter, status int, text string) {
	reply(w, status, map[string]string{"error": text})
}
