package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/example"
)

func (a *app) exampleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "example", Short: "the invented company that the demo plays", Example: "  habeas example load", Args: needs(cobra.NoArgs)}
	o := example.Options{}
	load := &cobra.Command{
		Use: "load", Short: "make its databases",
		Long: `Make the schemas of the example company in the databases that HABEAS_DSN_ACCOUNTS, HABEAS_DSN_BILLING
and HABEAS_DSN_SUPPORT name, and fill them. The accounts there must own their databases. The same
numbers give the same people. Example data made with other numbers is replaced; a schema of the same
name that is not example data is an error.`,
		Example: "  habeas example load\n  habeas example load --people 1000000", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.loadExample(cmd.Context(), o) },
	}
	load.Flags().IntVar(&o.People, "people", example.DefaultPeople, "how many people it has")
	load.Flags().Int64Var(&o.Seed, "seed", 1, "what the people are drawn from")
	cmd.AddCommand(load)
	return cmd
}

func (a *app) loadExample(ctx context.Context, o example.Options) error {
	postgres, mariadb := example.Servers()
	dsns := map[string]string{}
	for _, system := range append(postgres, mariadb...) {
		dsn, err := config.DSN(a.getenv, system)
		if err != nil {
			return err
		}
		dsns[system] = dsn
	}
	o.Now = time.Now()
	loaded, err := example.Loaded(ctx, dsns, o)
	if err != nil {
		return err
	}
	if loaded {
		a.say("the example company is there already")
		return nil
	}
	draw, end := a.progress()
	defer end()
	if err := example.Load(ctx, dsns, o, func(done, of int64) { draw(done, of, "rows") }); err != nil {
		return err
	}
	end()
	a.say("the example company is there: %d people", o.People)
	return nil
}
