package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// undecided is a letter that may have gone twice.
type undecided struct {
	N         int64  `json:"n"`
	Wave      int    `json:"wave"`
	State     string `json:"state"`
	Crashes   int    `json:"crashes"`    // how often a crash left it undecided
	HungUp    int    `json:"hung_up"`    // how often the server hung up behind DATA
	MessageID string `json:"message_id"` // without its domain: every copy has it
}

func (a *app) noticeUndecided() *cobra.Command {
	return &cobra.Command{
		Use: "undecided ID", Short: "letters that may have gone twice, with their Message-IDs", Args: needs(cobra.ExactArgs(1)),
		Long: "List the letters for which nobody can tell whether the server took them: a crash, or a server that hung up, between\n" +
			"the last line and its answer. Each was sent again under the same Message-ID.",
		Example: "  habeas notice undecided 7QK2M-9XH4T -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onNotice(cmd.Context(), args[0], false, func(d *desk.Desk, ref contract.Ref) error {
				list := []undecided{}
				err := d.Store.Outcomes(cmd.Context(), ref, 0, func(p casefile.PersonOutcome) error {
					if p.Repeated+p.Unclear > 0 {
						list = append(list, undecided{p.N, p.Wave, p.State, p.Repeated, p.Unclear, seal.NoticeMessageID(d.Keys, ref, p.N)})
					}
					return nil
				})
				if err != nil {
					return err
				}
				return a.print(list, func() {
					var rows [][]string
					for _, u := range list {
						rows = append(rows, []string{fmt.Sprint(u.N), fmt.Sprint(u.Wave), u.State, fmt.Sprint(u.Crashes), fmt.Sprint(u.HungUp), u.MessageID})
					}
					a.table([]string{"LETTER", "WAVE", "STATE", "CRASHES", "HUNG UP", "MESSAGE-ID"}, rows)
				})
			})
		},
	}
}
