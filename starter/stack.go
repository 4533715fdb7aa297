package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack"
)

func (a *app) stackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "stack", Short: "PostgreSQL, MariaDB, Temporal and a mail catcher on this machine", Example: "  habeas stack up",
		Long: "Start and stop a local stack for trying and testing. Its state is in HABEAS_STATE; two stacks may run side by side.",
	}
	catcher := &cobra.Command{
		Use: "catcher", Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error { return stack.CatcherMain(cmd.Context(), args) },
	}
	cmd.AddCommand(a.stackUp(), a.stackDown(), a.stackStatus(), catcher)
	return cmd
}

func (a *app) stackUp() *cobra.Command {
	up := &cobra.Command{
		Use: "up", Short: "start what does not run; data of before is there again", Args: needs(cobra.NoArgs),
		Example: "  habeas stack up --system accounts --mariadb billing",
	}
	o := stack.Options{}
	f := up.Flags()
	f.StringSliceVar(&o.Systems, "system", nil, "make a database for a system of this name; may be repeated")
	f.StringSliceVar(&o.MariaDB, "mariadb", nil, "the same in MariaDB, which runs where a system is on it")
	f.IntVar(&o.Ports.Postgres, "postgres-port", 0, "port of PostgreSQL (default: a free one, kept)")
	f.IntVar(&o.Ports.MariaDB, "mariadb-port", 0, "port of MariaDB")
	f.IntVar(&o.Ports.Temporal, "temporal-port", 0, "port of Temporal")
	f.IntVar(&o.Ports.TemporalUI, "ui-port", 0, "port of Temporal's UI")
	f.IntVar(&o.Ports.SMTP, "smtp-port", 0, "port of the mail catcher")
	f.IntVar(&o.Ports.Catcher, "mail-page-port", 0, "port of the page that shows caught mail")
	up.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Progress = func(line string) { cmd.PrintErrln(line) }
		st, err := stack.Up(cmd.Context(), o)
		if err != nil {
			return err
		}
		return a.print(st.Env(stack.RoleStaff), func() {
			a.say("up. Temporal UI %s", st.TemporalUI())
			a.say("mail            %s", st.MailPage())
			a.say("environment     . %s/env.sh", st.Dir())
		})
	}
	return up
}

func (a *app) stackDown() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "stop everything that `stack up` and `demo` started; data stays", Args: needs(cobra.NoArgs),
		Example: "  habeas stack down",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ended, err := stack.Down(cmd.Context(), stack.Options{})
			if err != nil {
				return err
			}
			if ended == nil {
				ended = []stack.Ended{}
			}
			return a.print(ended, func() {
				if len(ended) == 0 {
					a.say("nothing was running; HABEAS_STATE is the folder of the stack that is meant")
				}
				for _, e := range ended {
					a.say("%-10s %s", e.Name, e.How)
				}
			})
		},
	}
}

func (a *app) stackStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "say what runs and where; exit status 1 when something does not", Args: needs(cobra.NoArgs),
		Example: "  habeas stack status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := stack.Status(cmd.Context(), stack.Options{})
			if err != nil {
				return err
			}
			err = a.print(r, func() {
				var rows [][]string
				for _, p := range r.Parts {
					state := "down"
					if p.Answering {
						state = "up"
					}
					addresses := "-"
					if len(p.Addresses) > 0 {
						addresses = p.Addresses[0]
					}
					rows = append(rows, []string{p.Name, state, addresses, p.Log})
				}
				a.table([]string{"PART", "STATE", "ADDRESS", "LOG"}, rows)
			})
			if err == nil && !r.Up {
				err = fault.Newf(contract.ErrUnavailable, "the stack in %s is not up", r.Dir).WithHint("habeas stack up")
			}
			return err
		},
	}
}

// demoPatience is how long the demo waits for anything.
const demoPatience = 5 * time.Minute
