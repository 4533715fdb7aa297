package portal

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
)

type oneNotice struct{}

func (oneNotice) CheckNotice(_ context.Context, _, code string) (exercise, right bool, err error) {
	return false, code == "2-1234-5678", nil
}

// Whoever got a notice finds out on the portal whether it is real; a wrong code says what to do.
func TestANoticeCanBeChecked(t *testing.T) {
	t.Parallel()
	options := Options{Desk: &memoryDesk{}, Notices: oneNotice{}, Company: datamap.Company{Name: datamap.Text{ZH: "示例云", EN: "Example Cloud"}, Hotline: "400-000-0000", Languages: []string{"zh", "en"}},
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
