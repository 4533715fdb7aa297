package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Time-outs and bounds of the server. A download stretches its own (chunkTimeout).
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 20 * time.Second
	writeTimeout    = 60 * time.Second
	idleTimeout     = 75 * time.Second
	maxHeader       = 16 << 10
	shutdownTimeout = 30 * time.Second
)

// Serve answers on addr ("127.0.0.1:8480") until ctx ends, then lets the requests under way
// finish for up to 30 seconds; a download that takes longer is cut and stays unfetched. It speaks
// plain HTTP: TLS is the reverse proxy's. An address that is taken or wrong is
// contract.ErrBadInput.
func Serve(ctx context.Context, addr string, h http.Handler) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fault.New(contract.ErrBadInput, "the portal cannot listen on "+addr, err).
			WithHint("is another portal running there? choose another address with --listen")
	}
	return ServeListener(ctx, ln, h)
}

// ServeListener is Serve on a listener that is open already. It closes the listener.
func ServeListener(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withConn,
		// net/http's own lines carry addresses, and values in a panic's text.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(watchedListener{ln}) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving the portal: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		_ = srv.Close()
	}
	if d, ok := h.(interface{ Drain(context.Context) }); ok {
		d.Drain(stop)
	}
	<-ended //nolint:errcheck // http.ErrServerClosed, since Shutdown was called
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping the portal: %w", err)
	}
	return nil
}
