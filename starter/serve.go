package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/portal"
	"github.com/habeas-dsr/habeas/internal/processor"
	"github.com/habeas-dsr/habeas/internal/telemetry"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "serve the person's pages and the Temporal codec endpoint",
		Long: `Serve the portal on HABEAS_PORTAL_LISTEN. It speaks HTTP: put it behind your TLS-ending proxy and
set HABEAS_PORTAL_URL to the https:// address that people type. Where the file that HABEAS_OPENDSR names
says where to listen, other companies' requests are served there too.`,
		Example: "  habeas serve", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			c := a.house.Config
			log := telemetry.NewLogger(os.Stderr, c.LogLevel)
			handler := portal.New(portal.Options{
				Desk: window{d}, Notices: window{d}, OptOuts: window{d}, Proofs: window{d}, Company: a.house.Map.Company, Codec: a.house.Keys.Codec(), UIOrigin: c.UIURL,
				SessionKey: sessionKey(a.house.Keys), Now: time.Now, TrustedProxies: c.PortalProxies, Secure: strings.HasPrefix(c.PortalURL, "https://"), Log: log,
			})
			log.Info("the portal runs", "listen", c.PortalListen)
			group, ctx := errgroup.WithContext(cmd.Context())
			group.Go(func() error { return portal.Serve(ctx, c.PortalListen, handler) })
			if peers := a.house.Peers; peers != nil && peers.Listen != "" {
				log.Info("OpenDSR is served", "listen", peers.Listen)
				served := processor.New(processor.Options{Desk: d, Peers: peers, Map: a.house.Map, Now: time.Now, Log: log})
				group.Go(func() error { return portal.Serve(ctx, peers.Listen, served) })
			}
			return group.Wait()
		},
	}
}

// window is the desk as the portal sees it.
type window struct{ *desk.Desk }

// Status implements portal.Desk.
func (w window) Status(ctx context.Context, id string) (portal.Status, error) {
	ref := contract.NewRef(contract.KindCase, id)
	c, err := w.Store.Case(ctx, ref)
	if err != nil {
		return portal.Status{}, err
	}
	s := portal.Status{
		CaseID: c.ID, Kind: string(c.Kind), Lang: c.Lang, State: string(c.State), Outcome: string(c.Outcome),
		ReceivedAt: c.ReceivedAt, DueAt: c.LastMoment(),
	}
	if profile, err := jurisdiction.Find(c.Laws[0]); err == nil {
		if zone, err := time.LoadLocation(profile.Zone); err == nil {
			s.DueAt = s.DueAt.In(zone)
			s.ReceivedAt = s.ReceivedAt.In(zone)
		}
	}
	if s.Withdrawable, err = w.Store.MayWithdraw(ctx, c); err != nil {
		return s, err
	}
	p, err := w.Store.Package(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return s, nil
	}
	s.ExpiresAt = p.ExpiresAt
	s.Downloadable = err == nil && c.State == dsr.StateReady && p.FetchedAt == nil && p.WipedAt == nil
	return s, err
}

// Withdraw implements portal.Desk. Whoever has the session has typed a code that went to a registered
// channel.
func (w window) Withdraw(ctx context.Context, id string) error {
	return w.Desk.Withdraw(ctx, contract.NewRef(contract.KindCase, id), "portal", "on the portal, by the person")
}

// CheckNotice implements portal.Notices.
func (w window) CheckNotice(ctx context.Context, id, code string) (exercise, right bool, err error) {
	known, right, err := w.Desk.CheckNotice(ctx, id, code)
	return known.Exercise, right, err
}

// ConsentAsked implements portal.Notices.
func (w window) ConsentAsked(ctx context.Context, id, code, lang string) ([]portal.Change, error) {
	list, err := w.Desk.ConsentAsked(ctx, id, code, lang)
	var out []portal.Change
	for _, c := range list {
		out = append(out, portal.Change(c))
	}
	return out, err
}

// OptOut implements portal.OptOuts.
func (w window) OptOut(ctx context.Context, kind, address, scope, lang string) error {
	_, err := w.Desk.OptOut(ctx, dsr.Identity{Kind: kind, Value: address}, scope, lang)
	return err
}

// Standing implements portal.Proofs.
func (w window) Standing(ctx context.Context, id, lang string) (portal.Standing, error) {
	now, err := w.Ladder(ctx, id)
	out := portal.Standing{Met: now.Met, Second: now.Second, Document: now.Document, Open: now.Open, Files: now.Files}
	for _, question := range now.Facts {
		out.Facts = append(out.Facts, question.In(lang))
	}
	return out, err
}

// AddDocument implements portal.Proofs.
func (w window) AddDocument(ctx context.Context, id, name string, body io.Reader) (string, error) {
	err := w.Desk.AddDocument(ctx, id, name, body, "person")
	for cause, problem := range map[error]string{desk.ErrTooLarge: portal.DocumentTooLarge, desk.ErrWrongType: portal.DocumentType,
		desk.ErrTooMany: portal.DocumentTooMany, desk.ErrEmpty: portal.DocumentEmpty, desk.ErrNoCheck: portal.DocumentClosed} {
		if errors.Is(err, cause) {
			return problem, err
		}
	}
	return "", err
}

// OpenPackage implements portal.Desk.
func (w window) OpenPackage(ctx context.Context, id string) (portal.Download, error) {
	p, err := w.Desk.OpenPackage(ctx, id)
	if err != nil {
		return portal.Download{}, err
	}
	return portal.Download{Name: p.Name, Size: p.Size, Body: p.Body, Done: p.Done}, nil
}
