package main

import (
	"context"
	"time"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// mapPatience is how long one system may take to show its schema when a case is opened.
const mapPatience = 3 * time.Second

// mapFits refuses a map that names what a system does not have, before a case is opened on it. A
// system that does not answer now is none of that: the case waits for it.
func (a *app) mapFits(ctx context.Context) error {
	open := &wire.Systems{Map: a.house.Map, Getenv: a.getenv}
	defer open.Close()
	for _, s := range a.house.Map.Systems {
		if s.Outside != nil {
			continue
		}
		if dsn, err := config.DSN(a.getenv, s.Name); err != nil || dsn == "" {
			continue // the worker reaches it, this host does not
		}
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, mapPatience)
			defer cancel()
			system, err := open.Get(ctx, s.Name)
			if err != nil {
				return err
			}
			findings, err := system.Check(ctx, s.Collections)
			if err != nil {
				return err
			}
			return systems.Mismatch(findings)
		}()
		if fault.Is(err, contract.ErrMapMismatch) {
			return misuseError{err}
		}
	}
	return nil
}
