package portal

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
)

type oneNotice struct{ said chan []int }

func (oneNotice) CheckNotice(_ context.Context, _, code string) (exercise, right bool, err error) {
	return false, code == "2-1234-5678", nil
}

func (oneNotice) ConsentAsked(_ context.Context, _, code, lang string) ([]Change, error) {
	if code != "2-1234-5678" {
		return nil, nil
	}
	return []Change{{Clause: "1.2", Before: "old", After: "new in " + lang}, {Clause: "8", Before: "b", After: "<b>", Agreed: true}}, nil
}

func (n oneNotice) Consent(_ context.Context, _, code string, agreed []int) (bool, error) {
	if code != "2-1234-5678" {
		return false, nil
	}
	n.said <- agreed
	return true, nil
}

// Whoever got a notice finds out on the portal whether it is real; a wrong code says what to do.
func TestANoticeCanBeChecked(t *testing.T) {
	t.Parallel()
	said := make(chan []int, 1)
	options := Options{Desk: &memoryDesk{}, Notices: oneNotice{said}, Company: datamap.Company{Name: datamap.Text{ZH: "示例云", EN: "Example Cloud"}, Hotline: "400-000-0000", Languages: []string{"zh", "en"}},
		SessionKey: make([]byte, 32), Now: time.Now, MinDelay: time.Millisecond, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	server := httptest.NewServer(New(options))
	defer server.Close()
	post := func(id, code string) (int, string) {
		answer, err := http.PostForm(server.URL+"/notice?lang=en", url.Values{"id": {id}, "code": {code}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	id, err := contract.NewID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		id, code string
		status   int
		says     string
	}{
		{id, "2-1234-5678", http.StatusOK, "this notice is ours"},
		{id, "2-1234-5679", http.StatusUnprocessableEntity, "do not trust the letter"},
		{id[:10] + "U", "2-1234-5678", http.StatusUnprocessableEntity, "cannot be a notice number"},
	} {
		if status, body := post(tc.id, tc.code); status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s %s: %d, without %q", tc.id, tc.code, status, tc.says)
		}
	}
	// The letter asks for consent: what is ticked is agreed to, and only behind a right code.
	if _, body := post(id, "2-1234-5678"); !strings.Contains(body, "new in en") || !strings.Contains(body, "&lt;b&gt;") || strings.Count(body, "checked>") != 1 {
		t.Errorf("what is asked: %s", body)
	}
	for code, want := range map[string][]int{"2-1234-5678": {0, 1}, "2-1234-5679": nil} {
		answer, err := http.PostForm(server.URL+"/notice?lang=en", url.Values{"id": {id}, "code": {code}, "answer": {"save"}, "agree": {"0", "x", "1", "-1", "1000000"}})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if saved := strings.Contains(string(body), "Your choice is saved."); saved != (want != nil) {
			t.Errorf("%s: saved %t", code, saved)
		}
		if want != nil {
			if got := <-said; !slices.Equal(got, want) {
				t.Errorf("agreed to %v, want %v", got, want)
			}
		} else if len(said) > 0 {
			t.Error("a wrong code agreed")
		}
	}
	options.Notices = nil
	without := httptest.NewServer(New(options))
	defer without.Close()
	answer, err := http.Get(without.URL + "/notice")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("without notices the page answers %d", answer.StatusCode)
	}
}
