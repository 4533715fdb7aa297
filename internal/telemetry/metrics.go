package telemetry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Metrics collects Temporal's figures and ours.
type Metrics struct {
	// Handler is for client.Options.MetricsHandler; ours are counted through it too.
	Handler client.MetricsHandler
	scrape  http.Handler
}

// NewMetrics makes a registry of its own, so that two workers in one process do not meet.
func NewMetrics() (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("making the metrics exporter: %w", err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	return &Metrics{
		Handler: opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: provider.Meter("habeas")}),
		scrape:  promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}, nil
}

// ServeOptions are what Serve is told.
type ServeOptions struct {
	Addr     string
	Ready    func(context.Context) error
	Profiles bool // also /debug/pprof/profile and /debug/pprof/heap: names of functions and counts, no values
}

// Serve answers /metrics, /healthz (the process lives) and /readyz (ready returns nil) until ctx ends.
func (m *Metrics) Serve(ctx context.Context, o ServeOptions) error {
	mux := http.NewServeMux()
	if o.Profiles {
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.Handle("GET /debug/pprof/heap", pprof.Handler("heap"))
	}
	mux.Handle("GET /metrics", m.scrape)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if o.Ready(ctx) != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("listening for metrics: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		_ = server.Shutdown(stop)
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return fmt.Errorf("serving metrics: %w", err)
	}
	return nil
}
