package portal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// rawDownload posts the form over a bare connection and returns it with the answer's head read.
func rawDownload(t *testing.T, b *bench) (*net.TCPConn, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r := b.request(http.MethodPost, "/case/download", formOf("id", b.known, "code", b.desk.code(b.known, dsr.CodeDownload)))
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), r)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn), res
}

func TestAWholeDownloadIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"known size": 0, "unknown size": -1} {
		b := newBench(t, nil)
		c := b.desk.cases[b.known]
		c.pack, c.size = bytes.Repeat([]byte("0123456789abcdef"), 3<<16), size
		got := b.post("/case/download", "id", b.known, "code", b.desk.code(b.known, dsr.CodeDownload))
		if got.body != string(c.pack) {
			t.Errorf("%s: %d bytes arrived of %d", name, len(got.body), len(c.pack))
		}
		eventually(t, name+": the record", func() bool { return b.desk.fetched(b.known) == 1 })
		if b.browser.CloseIdleConnections(); b.desk.fetched(b.known) != 1 {
			t.Errorf("%s: recorded %d times", name, b.desk.fetched(b.known))
		}
	}
}

// A person who hangs up in the middle must find the package still there, also when it is so small
// that it fits into the kernel's buffers and was written whole long before.
func TestACutDownloadLeavesThePackage(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 200 << 10, "large": 64 << 20} {
		b := newBench(t, nil)
		b.desk.cases[b.known].pack = bytes.Repeat([]byte{'x'}, size)
		conn, res := rawDownload(t, b)
		if res.StatusCode != http.StatusOK || res.ContentLength != int64(size) {
			t.Fatalf("%s: %s", name, res.Status)
		}
		if _, err := io.CopyN(io.Discard, res.Body, 1000); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+": the end of the request", func() bool {
			return strings.Contains(b.log.String(), `route="POST /case/download"`)
		})
		if b.desk.fetched(b.known) != 0 {
			t.Errorf("%s: a cut download counts as fetched", name)
		}
		got := b.post("/case/download", "id", b.known, "code", b.desk.code(b.known, dsr.CodeDownload))
		if len(got.body) != size {
			t.Errorf("%s: the second download has %d bytes", name, len(got.body))
		}
		eventually(t, name+": the record", func() bool { return b.desk.fetched(b.known) == 1 })
	}
}

// Who got everything announced but never hangs up may have stopped reading long before.
func TestALineThatStaysOpenDoesNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.server.linger = 50 * time.Millisecond
	rawDownload(t, b)
	eventually(t, "the end of the request", func() bool {
		return strings.Contains(b.log.String(), `route="POST /case/download"`)
	})
	if b.desk.fetched(b.known) != 0 {
		t.Error("it counts as fetched")
	}
}

// When the store breaks, the browser must see a broken download and not a short file.
func TestABrokenStoreBreaksTheDownload(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*memoryCase){
		"fails, size known":   func(c *memoryCase) { c.breaks = 300_000 },
		"fails, size unknown": func(c *memoryCase) { c.breaks, c.size = 300_000, -1 },
		"shorter than said":   func(c *memoryCase) { c.size = 500_000 },
		"longer than said":    func(c *memoryCase) { c.size = 300_000 },
	} {
		b := newBench(t, nil)
		c := b.desk.cases[b.known]
		c.pack = make([]byte, 400_000)
		set(c)
		_, res := rawDownload(t, b)
		n, err := io.Copy(io.Discard, res.Body)
		if name == "longer than said" { // what was announced may arrive; it must not count
			err = io.ErrUnexpectedEOF
		}
		if err == nil || n > 400_000 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		eventually(t, name, func() bool { return strings.Contains(b.log.String(), `route="POST /case/download"`) })
		if b.desk.fetched(b.known) != 0 {
			t.Errorf("%s: it counts as fetched", name)
		}
	}
}

func TestADownloadNeedsItsOwnFreshCode(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	code := b.desk.code(b.known, dsr.CodeDownload)
	for name, got := range map[string]answer{
		"wrong code":  b.post("/case/download", "id", b.known, "code", "000000"),
		"status code": b.post("/case/download", "id", b.known, "code", b.desk.code(b.known, dsr.CodeStatus)),
		"unknown":     b.post("/case/download", "id", b.unknown, "code", code),
	} {
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	b.post("/case/download", "id", b.known, "code", code)
	if got := b.post("/case/download", "id", b.known, "code", code); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a second time: %d", got.StatusCode)
	}
	if b.get("/case/download").StatusCode != http.StatusMethodNotAllowed {
		t.Error("a link can download")
	}
}

func TestAttachmentNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"habeas-1.zip": "habeas-1.zip", "副本.zip": "副本.zip", "": "package.zip",
		"../../x\r\nSet-Cookie: a=b\".zip": "....xSet-Cookie a=b.zip",
	} {
		kind, params, err := mime.ParseMediaType(attachment(name))
		if err != nil || kind != "attachment" || params["filename"] != want {
			t.Errorf("%q: %s %v %v", name, kind, params, err)
		}
	}
}

func TestServeSaysWhichAddressIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	err = Serve(t.Context(), ln.Addr().String(), http.NotFoundHandler())
	if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("%v", err)
	}
}

// Stopping lets a request under way finish.
func TestServeStopsGracefully(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	entered, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- ServeListener(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(w, "whole")
		}))
	}()
	go func() { <-entered; cancel() }()
	res, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); string(body) != "whole" || err != nil {
		t.Errorf("%q %v", body, err)
	}
	if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
