package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// Person is somebody who asks: they read their letters and use the portal's forms, as a browser
// without JavaScript would.
type Person struct {
	example.Person
	portal string
	mail   *catcher.Client
	http   *http.Client
	read   map[string]bool // letters and messages that were read before
}

// Person makes the person of the example company able to act.
func (c *Company) Person(p example.Person) *Person {
	jar, _ := cookiejar.New(nil)
	// Everybody has an address of their own, as on the internet: the portal limits each.
	dialer := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(rand.IntN(254)+1), byte(rand.IntN(256)), byte(rand.IntN(254)+1))}}
	return &Person{Person: p, portal: c.Env["HABEAS_PORTAL_URL"], mail: c.Stack.Catcher(), read: map[string]bool{},
		http: &http.Client{Jar: jar, Timeout: 10 * time.Minute, Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

var codePattern = regexp.MustCompile(`(?m)(?:^|[^0-9A-Za-z.@:/-])([0-9]{6,18})(?:[^0-9A-Za-z.@:/-]|$)`)

// Code waits for the next letter or message with a one-time code and reads it.
func (p *Person) Code(ctx context.Context) (string, error) {
	var code string
	err := until(ctx, func() (bool, error) {
		texts, err := p.unread(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // the catcher may be restarting
		}
		for _, text := range texts {
			if m := codePattern.FindStringSubmatch(text); m != nil {
				code = m[1]
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return "", fmt.Errorf("waiting for a code for %s: %w", p.Login, err)
	}
	return code, nil
}

// unread gives the texts of what came in since the last time, newest first. What could not be looked at to the
// end stays unread.
func (p *Person) unread(ctx context.Context) ([]string, error) {
	var letters []catcher.Letter
	var err error
	if p.Email != "" {
		if letters, err = p.Letters(ctx); err != nil {
			return nil, err
		}
	}
	messages, err := p.mail.SMS(ctx, p.E164())
	if err != nil {
		return nil, err
	}
	var texts []string
	fresh := func(id, text string) {
		if !p.read[id] {
			p.read[id] = true
			texts = append(texts, text)
		}
	}
	for _, l := range letters {
		fresh(l.ID, l.Text)
	}
	for _, m := range messages {
		fresh(m.ID, m.Text)
	}
	return texts, nil
}

// Letters are the letters to this very address, newest first: another address may differ only in case.
func (p *Person) Letters(ctx context.Context) ([]catcher.Letter, error) {
	heads, err := p.mail.List(ctx, p.Email)
	if err != nil {
		return nil, err
	}
	var letters []catcher.Letter
	for _, h := range heads {
		if !slices.Contains(h.To, p.Email) {
			continue
		}
		l, err := p.mail.Letter(ctx, h.ID)
		if err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// ForgetUnread takes everything that came in so far as read.
func (p *Person) ForgetUnread(ctx context.Context) error {
	_, err := p.unread(ctx)
	return err
}

// Verify types the code into the portal.
func (p *Person) Verify(ctx context.Context, caseID, code string) error {
	return p.post(ctx, "/case/verify", url.Values{"id": {caseID}, "code": {code}}, io.Discard)
}

// AskCode asks the portal for a code.
func (p *Person) AskCode(ctx context.Context, caseID, purpose string) error {
	return p.post(ctx, "/case/code", url.Values{"id": {caseID}, "purpose": {purpose}}, io.Discard)
}

// Status signs in with a status code and reads the status page.
func (p *Person) Status(ctx context.Context, caseID, code string) (string, error) {
	var page strings.Builder
	err := p.post(ctx, "/case/status", url.Values{"id": {caseID}, "code": {code}}, &page)
	return page.String(), err
}

// Withdraw takes the request back, as the status page lets whoever is signed in there.
func (p *Person) Withdraw(ctx context.Context) error {
	return p.post(ctx, "/case/withdraw", nil, io.Discard)
}

// Download asks for a download code, reads it, and fetches the package.
func (p *Person) Download(ctx context.Context, caseID string, to io.Writer) error {
	if err := p.AskCode(ctx, caseID, dsr.CodeDownload); err != nil {
		return err
	}
	code, err := p.Code(ctx)
	if err != nil {
		return err
	}
	return p.Fetch(ctx, caseID, code, to)
}

// Fetch downloads the package with a code.
func (p *Person) Fetch(ctx context.Context, caseID, code string, to io.Writer) error {
	return p.post(ctx, "/case/download", url.Values{"id": {caseID}, "code": {code}}, to)
}

// post sends a form as a page of the portal would, and follows redirects. Told to wait, a person
// waits: one who tried again at once would use up what the portal lets through for the next form.
func (p *Person) post(ctx context.Context, path string, form url.Values, to io.Writer) error {
	for {
		wait, err := p.postOnce(ctx, path, form, to)
		if wait == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// postOnce also says how long the portal wants one to wait before the next try, if it does.
func (p *Person) postOnce(ctx context.Context, path string, form url.Values, to io.Writer) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.portal+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, fmt.Errorf("asking the portal: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.portal)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking the portal: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("the portal answered %s to %s", resp.Status, path)
		if resp.StatusCode != http.StatusTooManyRequests {
			return 0, err
		}
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(max(seconds, 1)) * time.Second, err
	}
	if _, err := io.Copy(to, resp.Body); err != nil {
		return 0, fmt.Errorf("reading the portal's answer: %w", err)
	}
	return 0, nil
}

// CodeIn is the one-time code in a text; empty when there is none.
func CodeIn(text string) string {
	if m := codePattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// Form posts a form of the portal and reads the page that follows.
func (p *Person) Form(ctx context.Context, path string, form url.Values) (string, error) {
	var page strings.Builder
	err := p.post(ctx, path, form, &page)
	return page.String(), err
}

// Upload adds a document on the page on which a person proves who they are.
func (p *Person) Upload(ctx context.Context, name string, content []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("document", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return fmt.Errorf("writing the form: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.portal+"/case/proof/document", &body)
	if err != nil {
		return fmt.Errorf("asking the portal: %w", err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Origin", p.portal)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the portal: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the portal answered %s to a document", resp.Status)
	}
	return nil
}
