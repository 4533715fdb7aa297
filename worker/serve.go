package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/activities"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/telemetry"
	"github.com/habeas-dsr/habeas/internal/wire"
	"github.com/habeas-dsr/habeas/workflows"
)

// stopWithin is how long what runs may still take after SIGTERM: less than a container's grace.
const stopWithin = 20 * time.Second

func serve(ctx context.Context, c config.Config) error {
	log := telemetry.NewLogger(os.Stderr, c.LogLevel)
	metrics, err := telemetry.NewMetrics()
	if err != nil {
		return err
	}
	house, err := wire.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = house.Close() }()
	house.Keys.OnRefuse(func() { metrics.Handler.Counter("habeas_payloads_refused_total").Inc(1) })
	post, err := wire.OpenPost(c, house.Map.Company)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	temporal, err := wire.Temporal(ctx, house.Keys, c.CodecOff, fmt.Sprintf("habeas-worker@%s/%d", host, os.Getpid()), metrics.Handler, log, nil)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := wire.CheckSearchAttributes(ctx, temporal, namespace()); err != nil {
		return err
	}
	if err := ensureSchedules(ctx, temporal); err != nil {
		return err
	}
	systems := &wire.Systems{Map: house.Map, Getenv: os.Getenv}
	defer systems.Close()
	acts := &activities.Activities{
		Store: house.Store, Keys: house.Keys, Map: house.Map, Blobs: house.Blobs, Pins: house.Pins, Laws: house.Laws, Config: c,
		Temporal: temporal, Namespace: namespace(), Mailer: post.Mailer, Drill: post.Drill, DKIM: post.DKIM, SMS: post.SMS, Peers: house.Peers, Open: systems.Get, Now: time.Now, Log: log,
	}
	workers, err := build(temporal, house.Map, c, acts)
	if err != nil {
		return err
	}
	for _, w := range workers {
		if err := w.Start(); err != nil {
			return fault.New(contract.ErrUnavailable, "a worker did not start", err)
		}
	}
	for _, missing := range house.Laws.Missing(time.Now()) {
		log.Warn("a calendar is missing: working days of that year are Monday to Friday", "calendar", missing)
		metrics.Handler.WithTags(map[string]string{"calendar": missing}).Gauge("habeas_calendars_missing").Update(1)
	}
	log.Info("habeas-worker runs", "queues", len(workers), "metrics", c.MetricsListen)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		ready := func(ctx context.Context) error {
			if _, err := temporal.CheckHealth(ctx, nil); err != nil {
				return err
			}
			return house.Store.Ping(ctx)
		}
		return metrics.Serve(ctx, telemetry.ServeOptions{Addr: c.MetricsListen, Ready: ready, Profiles: !c.ProfilesOff})
	})
	if err := takeBounces(ctx, group, c, house, log); err != nil {
		return err
	}
	<-ctx.Done()
	stopAll(workers)
	return group.Wait()
}

// build makes a worker a queue. A system's queue takes as many activities at once as the map
// allows it connections; a slow system holds up nothing else.
func build(c client.Client, m *datamap.Map, conf config.Config, a *activities.Activities) ([]sdk.Worker, error) {
	options := func(concurrent int) sdk.Options {
		return sdk.Options{
			MaxConcurrentActivityExecutionSize: concurrent, WorkerStopTimeout: stopWithin,
			Interceptors:      []interceptor.WorkerInterceptor{activities.Scrub(a.Log)},
			DeploymentOptions: versioning(conf.BuildID),
		}
	}
	core := sdk.New(c, contract.QueueCore, options(40))
	workflows.Register(core)
	a.RegisterCore(core)
	post := sdk.New(c, contract.QueueLetters, options(2*conf.SMTPSize))
	a.RegisterLetters(post)
	workers := []sdk.Worker{core, post}
	for _, name := range conf.Systems {
		if m.System(name) == nil {
			return nil, fault.Newf(contract.ErrBadInput, "HABEAS_SYSTEMS names %q, which the data map does not know", name)
		}
	}
	for _, s := range m.Systems {
		if s.Driver == datamap.DriverManual || len(conf.Systems) > 0 && !slices.Contains(conf.Systems, s.Name) {
			continue
		}
		w := sdk.New(c, contract.QueueSystem(s.Name), options(s.Connections))
		a.RegisterSystem(w)
		workers = append(workers, w)
	}
	return workers, nil
}

// versioning is opt-in: with a build id and no current version nothing would be dispatched at all.
func versioning(buildID string) sdk.DeploymentOptions {
	if buildID == "" {
		return sdk.DeploymentOptions{}
	}
	return sdk.DeploymentOptions{
		UseVersioning: true, Version: sdk.WorkerDeploymentVersion{DeploymentName: "habeas", BuildID: buildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
}

// stopAll stops all queues side by side, so that their time-outs do not add up.
func stopAll(workers []sdk.Worker) {
	var group errgroup.Group
	for _, w := range workers {
		group.Go(func() error { w.Stop(); return nil })
	}
	_ = group.Wait()
}

func namespace() string {
	if ns := os.Getenv("TEMPORAL_NAMESPACE"); ns != "" {
		return ns
	}
	return "default"
}
