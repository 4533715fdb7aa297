package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestLogDropsPersonalKeys(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := NewLogger(&out, "info")
	log.Info("sent", "ref", "case/A", "email", "an@mail.example", "toAddress", "x@y.example", "verification_code", "123456")
	log.WithGroup("g").Info("grouped", "mobile", "+8619900000000")
	if s := out.String(); strings.Contains(s, "example") || strings.Contains(s, "123456") || strings.Contains(s, "+86") || !strings.Contains(s, "case/A") {
		t.Error(s)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	m, err := NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	m.Handler.WithTags(map[string]string{"kind": "release"}).Counter("habeas_decisions_refused_total").Inc(2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	ready := errors.New("not yet")
	go func() {
		ended <- m.Serve(ctx, ServeOptions{Addr: addr, Ready: func(context.Context) error { return ready }})
	}()
	get := func(path string) (int, string) {
		for range 100 {
			resp, err := http.Get("http://" + addr + path)
			if err != nil {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			return resp.StatusCode, string(body)
		}
		t.Fatal("never answered")
		return 0, ""
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("healthz %d", code)
	}
	if code, body := get("/readyz"); code != 503 || strings.Contains(body, "yet") {
		t.Errorf("readyz %d %s", code, body)
	}
	if code, _ := get("/debug/pprof/heap"); code != 404 {
		t.Errorf("profiles are served though nobody asked for them: %d", code)
	}
	if _, body := get("/metrics"); !strings.Contains(body, `habeas_decisions_refused_total{kind="release"} 2`) {
		t.Errorf("metrics lack the counter:\n%s", body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
