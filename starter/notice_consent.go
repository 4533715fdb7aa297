package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
)

func (a *app) noticeConsent() *cobra.Command {
	var clause, format, out string
	cmd := &cobra.Command{
		Use: "consent ID", Short: "who has agreed to a change of the policy, and who has not", Args: needs(cobra.ExactArgs(1)),
		Long: "Count, change by change, who has agreed on the portal. With --clause and --out write the list of those who have not:\n" +
			"for them the old text holds, so whatever works under the purpose of that clause asks this list first. Silence is no\n" +
			"consent. It is personal data, for your eyes.",
		Example: "  habeas notice consent 7QK2M-9XH4T -o json\n  habeas notice consent 7QK2M-9XH4T --clause 1.2 --out not-agreed.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (clause == "") != (out == "") || !slices.Contains([]string{"csv", "json"}, format) {
				return misuse("say --clause and --out FILE together, and --format csv or json; or neither, to count")
			}
			if _, err := a.signer(cmd.Context()); err != nil {
				return err
			}
			return a.onNotice(cmd.Context(), args[0], false, func(d *desk.Desk, ref contract.Ref) error {
				if clause == "" {
					return a.countConsents(cmd, d, ref)
				}
				count := 0
				err := into(out, func(w io.Writer) error {
					rows, lines := csv.NewWriter(w), json.NewEncoder(w)
					if format == "csv" {
						_ = rows.Write([]string{"n", "email", "mobile"})
					}
					err := d.NotAgreed(cmd.Context(), ref, clause, func(u desk.Unagreed) error {
						count++
						if format == "json" {
							return lines.Encode(u)
						}
						return rows.Write([]string{fmt.Sprint(u.N), u.Email, u.Mobile})
					})
					if rows.Flush(); err == nil {
						err = rows.Error()
					}
					return err
				})
				if err != nil {
					return err
				}
				return a.print(map[string]any{"file": out, "people": count}, func() { a.say("%d people have not agreed: %s", count, out) })
			})
		},
	}
	cmd.Flags().StringVar(&clause, "clause", "", "write those who have not agreed to the change of this clause")
	cmd.Flags().StringVar(&format, "format", "csv", "csv or json")
	cmd.Flags().StringVar(&out, "out", "", "the file to write; it must not be there yet")
	return cmd
}

func (a *app) countConsents(cmd *cobra.Command, d *desk.Desk, ref contract.Ref) error {
	list, err := d.ConsentCounts(cmd.Context(), ref)
	if err != nil {
		return err
	}
	return a.print(list, func() {
		var rows [][]string
		for _, c := range list {
			rows = append(rows, []string{c.Clause, c.Touches, fmt.Sprint(c.Agreed), fmt.Sprint(c.NotAgreed)})
		}
		a.table([]string{"CLAUSE", "TOUCHES", "AGREED", "NOT AGREED"}, rows)
	})
}
