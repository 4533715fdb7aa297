package main

import (
	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

// kindOf is the kind of a case with what it is about, as lists show it: a restriction that is in force
// is seen there with what it stops.
func kindOf(c casefile.Case) string {
	if c.Scope == "" {
		return string(c.Kind)
	}
	return string(c.Kind) + " " + c.Scope
}

func (a *app) caseLift() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "lift ID", Short: "ask that a restriction end",
		Long: `Ask that a restriction in force end. Two people decide (lift-restriction); then the person is told when
and why, and it ends after HABEAS_COOL_OFF. What the map can set back is set back; a consent is not.
--reason is what the person reads.`,
		Example: "  habeas case lift 7QK2M-9XH4T --reason @reason.txt", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			if reason, err = a.value(reason); err != nil {
				return err
			}
			if reason == "" {
				return misuse("--reason is needed: why does it end? The person reads it")
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := d.EndRestriction(cmd.Context(), ref, me.Name, reason); err != nil {
				return err
			}
			return a.print(map[string]bool{"asked": true}, func() { a.say("asked for: two people decide; habeas task list shows it in a moment") })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it ends, as the person reads it; sealed")
	return cmd
}
