package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

func (a *app) datamapCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "datamap", Short: "what the company holds and where", Example: "  habeas datamap check"}
	check := &cobra.Command{
		Use: "check [DIR]", Short: "read the map and hold it against the live schemas; exit status 1 when they differ",
		Example: "  habeas datamap check\n  habeas datamap check examples/cloud/map --offline", Args: needs(cobra.MaximumNArgs(1)),
	}
	offline := check.Flags().Bool("offline", false, "read the map only, without the systems")
	check.RunE = func(cmd *cobra.Command, args []string) error {
		dir := a.getenv("HABEAS_DATAMAP")
		if len(args) == 1 {
			dir = args[0]
		}
		if dir == "" {
			return misuse("which map? give its folder, or set HABEAS_DATAMAP")
		}
		if _, err := config.Load(a.getenv); err != nil {
			return err
		}
		m, err := datamap.Load(dir)
		if err != nil {
			return fault.New(contract.ErrBadInput, "the data map has faults:\n"+err.Error(), err)
		}
		findings := []systems.Finding{}
		if !*offline {
			if findings, err = a.checkLive(cmd, m); err != nil {
				return err
			}
		}
		err = a.print(findings, func() {
			for _, f := range findings {
				a.say("%s", f)
			}
			a.say("%d systems, %d findings", len(m.Systems), len(findings))
		})
		if err != nil {
			return err
		}
		return systems.Mismatch(findings)
	}
	cmd.AddCommand(check)
	return cmd
}

func (a *app) checkLive(cmd *cobra.Command, m *datamap.Map) ([]systems.Finding, error) {
	open := &wire.Systems{Map: m, Getenv: os.Getenv}
	defer open.Close()
	findings := []systems.Finding{}
	for _, s := range m.Systems {
		system, err := open.Get(cmd.Context(), s.Name)
		if err != nil {
			return nil, err
		}
		some, err := system.Check(cmd.Context(), s.Collections)
		if err != nil {
			return nil, err
		}
		findings = append(findings, some...)
	}
	return findings, nil
}
