package portal

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const (
	// chunkTimeout is how long the person's line may stand still before we hang up.
	chunkTimeout = 60 * time.Second
	chunkSize    = 128 << 10
)

// download streams the package behind a right one-time code.
func (s *server) download(w http.ResponseWriter, r *http.Request) {
	got := s.try(w, r, dsr.CodeDownload)
	if !got.right {
		return
	}
	pack, err := s.Desk.OpenPackage(r.Context(), got.caseID)
	switch {
	case fault.Is(err, contract.ErrNotFound), fault.Is(err, contract.ErrNotOpen):
		s.problem(w, r, http.StatusGone, "problem.gone")
		return
	case err != nil:
		s.failed(w, r, err)
		return
	}
	defer func() { _ = pack.Body.Close() }()
	s.stream(w, r, pack)
}

// stream sends the package and says Done only when all of it was written and the connection did
// not break meanwhile. Anything else ends the connection, so that the browser shows a failed
// download and not a short file.
func (s *server) stream(w http.ResponseWriter, r *http.Request, pack Download) {
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", attachment(pack.Name))
	h.Set("Connection", "close") // the person's hanging up is our receipt, see delivered
	// nginx would otherwise take the whole package off our hands and call it delivered.
	h.Set("X-Accel-Buffering", "no")
	if pack.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(pack.Size, 10))
	}
	if err := copyAll(w, pack); err != nil {
		s.Log.Warn("portal: a download broke", "type", fault.As(err).Type)
		panic(http.ErrAbortHandler)
	}
	if !delivered(r, pack.Size >= 0, s.linger) {
		s.Log.Warn("portal: a download broke", "type", contract.ErrUnavailable)
		panic(http.ErrAbortHandler)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), doneTimeout)
	defer cancel()
	if err := pack.Done(ctx); err != nil {
		s.Log.Error("portal: a download was not recorded", "type", fault.As(err).Type)
	}
}

// copyAll writes the body chunk by chunk, each under its own deadline, as a package may take
// hours on a slow line.
func copyAll(w http.ResponseWriter, pack Download) error {
	conn := http.NewResponseController(w)
	// The server's read time-out was for the form; left standing it would end the request.
	_ = conn.SetReadDeadline(time.Time{})
	buf := make([]byte, chunkSize)
	var written int64
	for {
		n, readErr := pack.Body.Read(buf)
		if n > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(chunkTimeout))
			if _, err := w.Write(buf[:n]); err != nil {
				return fault.New(contract.ErrUnavailable, "the connection broke", err)
			}
			written += int64(n)
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return readErr
		}
	}
	if pack.Size >= 0 && written != pack.Size {
		return fault.New(contract.ErrTampered, "the package has another size than was recorded", nil)
	}
	if err := conn.Flush(); err != nil {
		return fault.New(contract.ErrUnavailable, "the connection broke", err)
	}
	return nil
}

// attachment is the Content-Disposition of a file of that name.
func attachment(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || strings.ContainsRune(`/\:"*?<>|`, c) {
			return -1
		}
		return c
	}, name)
	if name == "" {
		name = "package.zip"
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}
