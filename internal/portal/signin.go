package portal

import (
	"net/http"
	"strings"
)

// operatorCookie carries an operator's token from the sign-in page to the codec endpoint: the
// Temporal UI sends cookies ("Include cross-origin credentials"), but has no token of ours to
// send. SameSite=Strict lets it through where UI and portal are of one site.
const operatorCookie = "habeas-operator"

func (s *server) signInRoutes(mux *http.ServeMux) {
	sameSite := http.NewCrossOriginProtection()
	mux.Handle("GET /codec/sign-in", s.limited(pageCost, func(w http.ResponseWriter, r *http.Request) {
		v := view{Title: "operator.title"}
		if r.URL.Query().Has("done") {
			v.Notice = "notice.signedin"
		}
		s.render(w, r, http.StatusOK, "operator", v)
	}))
	mux.Handle("POST /codec/sign-in", sameSite.Handler(s.limited(formCost, s.signIn)))
	mux.HandleFunc("/codec/sign-in", s.wrongMethod("GET, POST"))
}

// signIn keeps a good token in a cookie for as long as the token lasts.
func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token := strings.TrimSpace(r.PostFormValue("token"))
	_, until, ok := s.operatorOf(token)
	if !ok {
		s.render(w, r, http.StatusUnauthorized, "operator", view{Title: "operator.title", Error: "error.token"})
		return
	}
	http.SetCookie(w, s.cookie(operatorCookie, token, until.Sub(s.Now())))
	http.Redirect(w, r, "/codec/sign-in?done=1", http.StatusSeeOther)
}
