package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func (a *app) retentionExtend() *cobra.Command {
	var o desk.ExtensionOrder
	var until, reason string
	people := map[string]*string{}
	cmd := &cobra.Command{
		Use: "extend [SYSTEM.RULE]", Short: "keep the rows of a rule, or a person's, beyond their time; two people sign",
		Long: `Ask to keep rows beyond their time, where a law permits it: all that a rule finds, or those of one
person in every system. It opens a task that two people have to approve, not you; from then on the
sweeps leave those rows and list them. An extension ends by itself at its date, within a year.`,
		Example: "  habeas retention extend accounts.login_logs --until 2027-03-31 --law @law.txt --reason @why.txt\n" +
			"  habeas retention extend --account @account.txt --until 2027-03-31 --law 'PIPL 19' --reason @why.txt",
		Args: needs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Rule = args[0]
			}
			for _, kind := range []string{"account", "email", "mobile"} {
				v, err := a.value(*people[kind])
				if err != nil {
					return err
				}
				if v != "" && o.Person != nil {
					return misuse("an extension covers one person by one of --account, --email and --mobile")
				}
				if v != "" {
					o.Person = &dsr.Identity{Kind: kind, Value: v}
				}
			}
			if until == "" {
				return misuse("say with --until when the extension ends")
			}
			var err error
			if o.Until, err = parseTime(until); err != nil {
				return err
			}
			if o.Reason, err = a.value(reason); err != nil {
				return err
			}
			if o.Law, err = a.value(o.Law); err != nil {
				return err
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			ref, err := d.ExtendRetention(cmd.Context(), o, me.Name)
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
		people[kind] = f.String(kind, "", "the person whose rows are kept, by "+kind+": value, - or @FILE")
	}
	f.StringVar(&until, "until", "", "when it ends by itself: a day or a time, within a year")
	f.StringVar(&o.Law, "law", "", "what permits to keep the rows longer; part of what is signed")
	f.StringVar(&reason, "reason", "", "why; sealed, and part of what is signed")
	return cmd
}

// showExtensions lists extensions.
func (a *app) showExtensions(list []casefile.RetentionExtension) {
	var rows [][]string
	for _, e := range list {
		over := e.Statement.Person
		if e.Statement.Scope == casefile.ExtendRule {
			over = e.Statement.System + "." + e.Statement.Rule
		}
		state := map[string]string{casefile.ExtensionAsked: "waits for two signatures"}[e.State]
		rows = append(rows, []string{e.ID, over, when(e.Statement.Until), or(state, e.State), e.AskedBy, strings.ReplaceAll(e.Statement.Law, "\n", " ")})
	}
	a.table([]string{"EXTENSION", "COVERS", "UNTIL", "STATE", "ASKED BY", "LAW"}, rows)
}
