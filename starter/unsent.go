package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// taskLetter writes the letter that did not reach its reader, to be printed and posted.
func (a *app) taskLetter() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "letter ID", Short: "write the letter that could not be sent, to be printed", Args: needs(cobra.ExactArgs(1)),
		Long: `Write the letter of an "unreachable" task into a file: a page to be printed, or plain text where the
file's name ends with .txt. A letter with a code is never written: it goes to a registered channel or nowhere.`,
		Example: "  habeas task letter 7QK2M-9XH4T --out letter.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return misuse("--out is needed: which file is it written to?")
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			t, err := d.Task(cmd.Context(), id)
			if err != nil {
				return err
			}
			u := t.Shown.Unsent
			if u == nil || u.Text == "" {
				return fault.Newf(contract.ErrBadInput, "task %s has no letter to be printed", id).WithHint("habeas task show " + id + " says what it is about")
			}
			text := u.Page
			if strings.HasSuffix(out, ".txt") {
				text = u.Subject + "\n\n" + u.Text
			}
			if err := writeNew(out, []byte(text), private); err != nil {
				return err
			}
			return a.print(map[string]any{"subject": u.Subject, "lang": u.Lang, "size": len(text), "out": out}, func() { a.say("%s, %d bytes", out, len(text)) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not exist yet")
	return cmd
}

// showUnsent prints what is done about a letter that reached nobody.
func (a *app) showUnsent(t desk.Task) {
	u := t.Shown.Unsent
	if u == nil {
		return
	}
	a.say("the letter %s reached nobody", u.Template)
	a.say("%s", strings.TrimSpace(u.Script))
	if u.Text != "" {
		a.say("habeas task letter %s --out letter.html writes it, to be read out or printed", t.ID)
	}
}
