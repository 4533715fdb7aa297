package main

import (
	"context"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/bounces"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// takeBounces listens for what mass notices get back, where the configuration says so.
func takeBounces(ctx context.Context, group *errgroup.Group, c config.Config, house *wire.House, log *slog.Logger) error {
	if c.BounceListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.BounceListen)
	if err != nil {
		return fault.New(contract.ErrBadInput, "HABEAS_BOUNCE_LISTEN: nobody can listen at "+c.BounceListen, err)
	}
	domain, err := os.Hostname()
	if err != nil {
		domain = "localhost"
	}
	b := &bounces.Listener{Store: house.Store, Domain: domain, Log: log, MAC: func(notice string, n int64) []byte {
		return seal.BounceMAC(house.Keys, notice, n)
	}}
	group.Go(func() error { return b.Serve(ctx, l) })
	return nil
}
