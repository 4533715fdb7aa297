package catcher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client reads a running catcher, as the demo and tests do.
type Client struct {
	base string
	http *http.Client
}

// NewClient takes the URL of the catcher's page, such as http://127.0.0.1:8025.
func NewClient(base string) *Client {
	return &Client{base: base, http: &http.Client{Timeout: 30 * time.Second}}
}

// Healthy says whether the catcher answers.
func (c *Client) Healthy(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil)
}

// List returns the letters to addresses that contain to ("" for all), newest first.
func (c *Client) List(ctx context.Context, to string) ([]Summary, error) {
	var list []Summary
	err := c.call(ctx, http.MethodGet, "/api/messages?to="+url.QueryEscape(to), nil, &list)
	return list, err
}

// Letter returns one letter, decoded.
func (c *Client) Letter(ctx context.Context, id string) (Letter, error) {
	var l Letter
	err := c.call(ctx, http.MethodGet, "/api/messages/"+url.PathEscape(id), nil, &l)
	return l, err
}

// SMS returns the short messages to numbers that contain to ("" for all), newest first.
func (c *Client) SMS(ctx context.Context, to string) ([]SMS, error) {
	var list []SMS
	err := c.call(ctx, http.MethodGet, "/api/sms?to="+url.QueryEscape(to), nil, &list)
	return list, err
}

// Clear forgets all letters and short messages.
func (c *Client) Clear(ctx context.Context) error {
	if err := c.call(ctx, http.MethodDelete, "/api/messages", nil, nil); err != nil {
		return err
	}
	return c.call(ctx, http.MethodDelete, "/api/sms", nil, nil)
}

// Arm programs a misbehaviour.
func (c *Client) Arm(ctx context.Context, f Fault) error {
	return c.call(ctx, http.MethodPost, "/api/faults", f, nil)
}

// Armed lists the misbehaviours that are still to come.
func (c *Client) Armed(ctx context.Context) ([]Fault, error) {
	var armed []Fault
	return armed, c.call(ctx, http.MethodGet, "/api/faults", nil, &armed)
}

// Disarm ends every misbehaviour.
func (c *Client) Disarm(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/api/faults", nil, nil)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("asking the catcher: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("asking the catcher: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the catcher: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("the catcher answered %d: %s", resp.StatusCode, bytes.TrimSpace(text))
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the catcher's answer: %w", err)
	}
	return nil
}
