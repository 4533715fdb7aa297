package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/bounces"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// mailboxEvery is how often a mailbox of bounces is read.
const mailboxEvery = time.Minute

// takeBounces takes what mass notices get back, by SMTP and out of a mailbox, where the configuration
// says so.
func takeBounces(ctx context.Context, group *errgroup.Group, c config.Config, house *wire.House, log *slog.Logger) error {
	b := bounces.Listener{Store: house.Store, Log: log, MAC: func(notice string, n int64) []byte {
		return seal.BounceMAC(house.Keys, notice, n)
	}}
	if c.BounceMailbox != "" {
		box := &bounces.Mailbox{Listener: b, Path: c.BounceMailbox, Every: mailboxEvery}
		group.Go(func() error { return box.Watch(ctx) })
	}
	if c.BounceListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.BounceListen)
	if err != nil {
		return fault.New(contract.ErrBadInput, "HABEAS_BOUNCE_LISTEN: nobody can listen at "+c.BounceListen, err)
	}
	if b.Domain, err = os.Hostname(); err != nil {
		b.Domain = "localhost"
	}
	group.Go(func() error { return b.Serve(ctx, l) })
	return nil
}
