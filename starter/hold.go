package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) holdCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "hold", Short: "legal holds: what one covers is not destroyed", Example: "  habeas hold list"}
	cmd.AddCommand(a.holdAdd(), a.holdList(), a.holdRelease())
	return cmd
}

func (a *app) holdAdd() *cobra.Command {
	var o desk.HoldOrder
	var until, reason string
	people := map[string]*string{}
	cmd := &cobra.Command{
		Use: "add", Short: "place a legal hold, signed with your key",
		Long: `Place a legal hold over one person, one system or one collection. It waits for destructive batches
that are running, and stands from the moment it returns. Counsel, approvers and leads may.`,
		Example: "  habeas hold add --matter @matter.txt --account @account.txt --reason @order.txt\n" +
			"  habeas hold add --matter tax-audit --system billing --until 2027-12-31 --reason @letter.txt",
		Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, kind := range []string{"account", "email", "mobile"} {
				v, err := a.value(*people[kind])
				if err != nil {
					return err
				}
				if v != "" && o.Person != nil {
					return misuse("a hold covers one person by one of --account, --email and --mobile")
				}
				if v != "" {
					o.Person = &dsr.Identity{Kind: kind, Value: v}
				}
			}
			if until != "" {
				at, err := parseTime(until)
				if err != nil {
					return err
				}
				o.Until = &at
			}
			var err error
			if o.Reason, err = a.value(reason); err != nil {
				return err
			}
			if o.Matter, err = a.value(o.Matter); err != nil {
				return err
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			ref, err := d.AddHold(cmd.Context(), o, me)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"id": ref.ID()}, func() { a.say("%s", ref.ID()); a.say("the hold stands") })
		},
	}
	f := cmd.Flags()
	for _, kind := range []string{"account", "email", "mobile"} {
		people[kind] = f.String(kind, "", "the person that it covers, by "+kind+": value, - or @FILE")
	}
	f.StringVar(&o.System, "system", "", "the system that it covers")
	f.StringVar(&o.Collection, "collection", "", "the collection that it covers, as SYSTEM.COLLECTION")
	f.StringVar(&o.Matter, "matter", "", "the proceedings that it is for; sealed")
	f.StringVar(&until, "until", "", "when it ends by itself (default: when two people release it)")
	f.StringVar(&reason, "reason", "", "why; sealed, and part of what is signed")
	return cmd
}

func (a *app) holdList() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the holds that stand", Example: "  habeas hold list --all -o json", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			holds, err := h.Store.Holds(cmd.Context(), !all, h.Pins)
			if err != nil {
				return err
			}
			if holds == nil {
				holds = []casefile.Hold{}
			}
			return a.print(holds, func() {
				var rows [][]string
				for _, h := range holds {
					s := h.Statement
					over := s.Person
					if s.System != "" {
						over = strings.TrimSuffix(s.System+"."+s.Collection, ".")
					}
					rows = append(rows, []string{h.ID, s.Matter, over, map[bool]string{true: "stands", false: "over"}[h.Standing], h.PlacedBy, when(h.PlacedAt), untilWhen(s.Until)})
				}
				a.table([]string{"HOLD", "MATTER", "COVERS", "STATE", "BY", "SINCE", "UNTIL"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are over or released too")
	return cmd
}

func untilWhen(t *time.Time) string {
	if t == nil {
		return "released"
	}
	return when(*t)
}

func (a *app) holdRelease() *cobra.Command {
	return &cobra.Command{
		Use: "release ID", Short: "ask two people whether a hold may end",
		Long:    "Ask whether a hold may end. It opens a task that two people have to approve; until then the hold stands.",
		Example: "  habeas hold release 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := contract.ParseID(args[0])
			if err != nil {
				return fault.New(contract.ErrBadInput, strings.Replace(err.Error(), "case number", "hold's number", 1), err)
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := d.ReleaseHold(cmd.Context(), contract.NewRef(contract.KindHold, id), me.Name); err != nil {
				return err
			}
			return a.print(map[string]string{"id": id}, func() { a.say("asked: two people have to approve the task; see habeas task list") })
		},
	}
}
