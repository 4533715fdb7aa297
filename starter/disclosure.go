package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) disclosureCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "disclosure", Short: "the register of what was disclosed to authorities", Example: "  habeas disclosure list"}
	cmd.AddCommand(a.disclosureAdd(), a.disclosureList(), a.disclosureShow())
	return cmd
}

func (a *app) disclosureAdd() *cobra.Command {
	var o desk.DisclosureOrder
	var on string
	people := map[string]*string{}
	cmd := &cobra.Command{
		Use: "add", Short: "write down what an authority got; two people sign",
		Long: `Write a disclosure to an authority into the register: who got what about whom, when, and by which law. It
opens a task that two people have to approve, not you. What the person may know of then stands in the
package of their access. A confidential entry (PIPL Art. 18, 45) leaves no trace there or in any letter.`,
		Example: "  habeas disclosure add --authority 'Tax office' --ground '税收征管法 54' --on 2026-11-02 --category 'orders' --account @account.txt\n" +
			"  habeas disclosure add --confidential --authority @who.txt --ground @law.txt --on 2026-11-02 --category @what.txt --email @mail.txt",
		Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, kind := range []string{"account", "email", "mobile"} {
				v, err := a.value(*people[kind])
				if err != nil {
					return err
				}
				if v != "" && o.Person != nil {
					return misuse("an entry is about one person by one of --account, --email and --mobile")
				}
				if v != "" {
					o.Person = &dsr.Identity{Kind: kind, Value: v}
				}
			}
			for _, text := range []*string{&o.Authority, &o.Ground, &o.Reason} {
				var err error
				if *text, err = a.value(*text); err != nil {
					return err
				}
			}
			for i := range o.Categories {
				var err error
				if o.Categories[i], err = a.value(o.Categories[i]); err != nil {
					return err
				}
			}
			if on != "" {
				var err error
				if o.At, err = parseTime(on); err != nil {
					return err
				}
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			ref, err := d.AddDisclosure(cmd.Context(), o, me.Name)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"id": ref.ID()}, func() {
				a.say("%s", ref.ID())
				a.say("asked: two people have to approve the task; see habeas task list")
			})
		},
	}
	f := cmd.Flags()
	for _, kind := range []string{"account", "email", "mobile"} {
		people[kind] = f.String(kind, "", "whose data it was, by "+kind+": value, - or @FILE")
	}
	f.StringVar(&o.Authority, "authority", "", "who got it; sealed")
	f.StringVar(&o.Ground, "ground", "", "by which law and article; sealed")
	f.StringVar(&on, "on", "", "the day on which it was disclosed")
	f.StringArrayVar(&o.Categories, "category", nil, "what was disclosed; may be repeated; sealed")
	f.BoolVar(&o.Confidential, "confidential", false, "the law orders secrecy: the person is told nothing of it")
	f.StringVar(&o.Reason, "reason", "", "more on it, for whoever signs; sealed")
	return cmd
}

func (a *app) disclosureList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list the register, the last entry on top", Example: "  habeas disclosure list -o json", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			list, err := h.Store.Disclosures(cmd.Context(), h.Pins)
			if err != nil {
				return err
			}
			return a.print(list, func() {
				var rows [][]string
				for _, d := range list {
					rows = append(rows, []string{d.ID, d.Statement.At, d.Statement.Authority, d.Statement.Ground, d.Statement.Person, d.State, secrecy(d)})
				}
				a.table([]string{"ENTRY", "ON", "AUTHORITY", "GROUND", "PERSON", "STATE", "PERSON IS TOLD"}, rows)
			})
		},
	}
}

func secrecy(d casefile.Disclosure) string {
	if d.Statement.Confidential {
		return "no"
	}
	return "yes"
}

func (a *app) disclosureShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "show one entry of the register", Example: "  habeas disclosure show 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := contract.ParseID(args[0])
			if err != nil {
				return fault.New(contract.ErrBadInput, strings.Replace(err.Error(), "a case number", "the number of an entry", 1), err)
			}
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			d, err := h.Store.Disclosure(cmd.Context(), contract.NewRef(contract.KindDisclosure, id), h.Pins)
			if err != nil {
				return err
			}
			return a.print(d, func() {
				a.say("%s  %s", d.ID, d.State)
				a.showDisclosure(d.Statement.Authority, d.Statement.Ground, d.Statement.At, d.Statement.Categories, d.Statement.Person, d.Statement.Confidential, d.Statement.Reason)
				a.say("  written down by %s %s%s", d.AskedBy, when(d.AskedAt), behind(d.Task, ", decided in task "))
			})
		},
	}
}

// showDisclosure prints an entry of the register.
func (a *app) showDisclosure(authority, ground, at string, categories []string, person string, confidential bool, reason string) {
	a.say("%s got data of %s on %s, by %s", authority, person, at, ground)
	a.say("  what: %s", strings.Join(categories, ", "))
	told := "the person reads of it in their access"
	if confidential {
		told = "confidential: nothing tells the person that there is an entry"
	}
	a.say("  %s%s", told, behind(reason, "; more: "))
}
