package portal

import (
	"net/http"
	"slices"
	"time"

	"golang.org/x/text/language"
)

// The languages of the pages, as datamap.Text names them.
const (
	zh = "zh"
	en = "en"
)

const langCookie = "habeas-lang"

// languages are those that the company offers, its default first.
type languages struct {
	offered []string
	matcher language.Matcher
}

func newLanguages(offered []string) languages {
	var l languages
	for _, lang := range offered {
		if (lang == zh || lang == en) && !slices.Contains(l.offered, lang) {
			l.offered = append(l.offered, lang)
		}
	}
	if len(l.offered) == 0 {
		l.offered = []string{zh, en}
	}
	tags := make([]language.Tag, len(l.offered))
	for i, lang := range l.offered {
		tags[i] = language.Make(lang)
	}
	l.matcher = language.NewMatcher(tags)
	return l
}

// lang is the language of the answer: what the link says, then what was chosen before, then what
// the browser prefers, then the company's default.
func (s *server) lang(r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); slices.Contains(s.langs.offered, lang) {
		return lang
	}
	if c, err := r.Cookie(s.cookieName(langCookie)); err == nil && slices.Contains(s.langs.offered, c.Value) {
		return c.Value
	}
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(wanted) == 0 {
		return s.langs.offered[0]
	}
	_, i, _ := s.langs.matcher.Match(wanted...)
	return s.langs.offered[i]
}

// rememberLang keeps a language that was chosen by link.
func (s *server) rememberLang(w http.ResponseWriter, r *http.Request, lang string) {
	if r.URL.Query().Get("lang") == lang {
		http.SetCookie(w, s.cookie(langCookie, lang, 365*24*time.Hour))
	}
}
