package portal

import (
	"net/http"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// sessionTime is how long a person may look at their case after a right status code.
const sessionTime = 15 * time.Minute

// cookieName carries the __Host- prefix where it can: then no other host can set it for us.
func (s *server) cookieName(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

func (s *server) cookie(name, value string, maxAge time.Duration) *http.Cookie {
	seconds := int(maxAge / time.Second)
	if seconds <= 0 {
		seconds = -1 // delete it
	}
	return &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
}

const sessionCookie = "habeas-case"

// startSession lets the browser see this one case, and no other, for sessionTime.
func (s *server) startSession(w http.ResponseWriter, caseID string) {
	http.SetCookie(w, s.cookie(sessionCookie, s.session.sign(caseID, s.Now().Add(sessionTime)), sessionTime))
}

func (s *server) endSession(w http.ResponseWriter) {
	http.SetCookie(w, s.cookie(sessionCookie, "", 0))
}

// sessionCase is the case that the request's cookie opens; "" when it opens none.
func (s *server) sessionCase(r *http.Request) string {
	c, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return ""
	}
	text, _, ok := s.session.open(c.Value, s.Now())
	if !ok {
		return ""
	}
	id, err := contract.ParseID(text)
	if err != nil {
		return ""
	}
	return id
}
