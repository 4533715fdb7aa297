package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed assets/style.css
var styleSheet []byte

//go:embed assets/icon.svg
var icon []byte

// The assets' paths change with their bytes, so that browsers may keep them for good.
var (
	stylePath = "/assets/" + fingerprint(styleSheet) + ".css"
	iconPath  = "/assets/" + fingerprint(icon) + ".svg"
)

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func serveAsset(content []byte, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write(content)
	}
}

// pages are the parsed templates by language and name.
type pages map[string]map[string]*template.Template

// pageNames are the templates beside the layout.
var pageNames = []string{"home", "case", "verified", "status", "problem", "operator", "notice", "optout", "unsubscribe", "proof", "withdraw"}

func parsePages() pages {
	all := pages{}
	for _, lang := range []string{zh, en} {
		all[lang] = map[string]*template.Template{}
		for _, name := range pageNames {
			all[lang][name] = template.Must(template.New(name).
				Funcs(template.FuncMap{"add1": func(n int) int { return n + 1 }, "t": func(key string, args ...any) (string, error) { return word(lang, key, args...) }}).
				ParseFS(templates, "templates/layout.html", "templates/"+name+".html"))
		}
	}
	return all
}

// word is the text under key in lang.
func word(lang, key string, args ...any) (string, error) {
	text, ok := words[key]
	if !ok {
		return "", fmt.Errorf("no words for %q", key)
	}
	if len(args) == 0 {
		return text.In(lang), nil
	}
	return fmt.Sprintf(text.In(lang), args...), nil
}

// view is what a page may show. Texts are keys of words.
type view struct {
	Title     string
	Error     string   // a problem with what was typed
	ErrorNear string   // "id" or "code": the field that it is about
	Notice    string   // something that happened
	CaseID    string   // as the person typed it, or as it is written
	Purpose   string   // one of dsr's purposes of a code
	Choices   []string // the purposes, in the order in which the page offers them
	Case      *caseView
	Proof     *Standing // what a person can do to prove who they are
	Code      string    // the check code of a letter, once it was found right
	Changes   []Change  // to which its reader may agree
	GPC       bool      // the browser says that its user does not want to be tracked

	// Set by render.
	Lang, HTMLLang             string
	Name                       string
	Hotline, Officer, Postal   string
	StylePath, IconPath        string
	OtherLang, OtherURL, Other string
}

// render writes the page whole or, when the template fails, a bare 500. Its length depends on
// nothing but the view.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Lang = s.lang(r)
	s.rememberLang(w, r, v.Lang)
	v.HTMLLang = map[string]string{zh: "zh-CN", en: "en"}[v.Lang]
	v.Name, v.Postal = s.Company.Name.In(v.Lang), s.Company.Address.In(v.Lang)
	v.Hotline, v.Officer = s.Company.Hotline, s.Company.Officer
	v.StylePath, v.IconPath, v.Choices = stylePath, iconPath, purposes
	for _, other := range s.langs.offered {
		if other != v.Lang {
			v.OtherLang = map[string]string{zh: "zh-CN", en: "en"}[other]
			v.Other = map[string]string{zh: "中文", en: "English"}[other]
			v.OtherURL = s.switchURL(r, v, other)
		}
	}
	var page bytes.Buffer
	if err := s.pages[v.Lang][name].ExecuteTemplate(&page, "layout", v); err != nil {
		s.Log.Error("portal: a page cannot be drawn", "page", name) // err may quote the view
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.HTMLLang)
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = page.WriteTo(w)
	}
}

// switchURL leads to the same page in the other language; from the answer to a form, to the page
// on which the form stands.
func (s *server) switchURL(r *http.Request, v view, lang string) string {
	query := url.Values{"lang": {lang}}
	path := "/"
	switch {
	case r.Method == http.MethodGet && r.Pattern != "/":
		path = r.URL.Path
		for _, key := range []string{"id", "purpose"} {
			if value := r.URL.Query().Get(key); value != "" {
				query.Set(key, value)
			}
		}
	case v.CaseID != "":
		path = "/case"
		query.Set("id", v.CaseID)
		if v.Purpose != "" {
			query.Set("purpose", v.Purpose)
		}
	}
	return path + "?" + query.Encode()
}

// problem is a page that says what went wrong; key names a heading, and key+".text" the rest.
func (s *server) problem(w http.ResponseWriter, r *http.Request, status int, key string) {
	s.render(w, r, status, "problem", view{Title: key})
}
