package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) taskCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "task", Short: "what waits for a human", Example: "  habeas task list"}
	cmd.AddCommand(a.taskList(), a.taskShow(), a.taskRedact(),
		a.taskDecide("approve", dsr.Approve, "sign yes to what the task shows"),
		a.taskDecide("reject", dsr.Reject, "sign no to what the task shows"),
		a.taskDecide("complete", dsr.Complete, "sign that the work was done by hand"), a.taskAttachment(), a.taskLetter(),
		a.taskDecide("retry", dsr.Retry, "sign that the cause is gone, so that the step runs again"),
		a.taskDecide("partial", dsr.Partial, "sign to go on without this system, or to leave what is left; the case becomes partial"),
		a.taskDecide("uphold", dsr.Uphold, "sign that a complaint is right; the reason is what the person reads"),
		a.taskDecide("dismiss", dsr.Dismiss, "sign that a complaint is not right; the reason is what the person reads"),
		a.taskDecide("replan", dsr.Replan, "sign that a new plan is wanted, with the choices made on this one"))
	return cmd
}

// taskID reads a task's number as people write it.
func taskID(s string) (string, error) {
	id, err := contract.ParseID(s)
	if err != nil {
		return "", fault.New(contract.ErrBadInput, strings.Replace(err.Error(), "case number", "task number", 1), err)
	}
	return id, nil
}

func (a *app) taskList() *cobra.Command {
	filter := casefile.TaskFilter{State: "open"}
	var all bool
	var of string
	cmd := &cobra.Command{
		Use: "list", Short: "list open tasks", Args: needs(cobra.NoArgs),
		Example: "  habeas task list\n  habeas task list --case 7QK2M-9XH4T -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all {
				filter.State = ""
			}
			if of != "" {
				ref, err := caseRef(of)
				if err != nil {
					return err
				}
				filter.Ref = ref
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			tasks, err := d.Store.ListTasks(cmd.Context(), filter)
			if err != nil {
				return err
			}
			if tasks == nil {
				tasks = []casefile.Task{}
			}
			return a.print(tasks, func() {
				var rows [][]string
				for _, t := range tasks {
					rows = append(rows, []string{t.ID, string(t.Kind), string(t.Ref), dash(t.System), t.State, when(t.OpenedAt)})
				}
				a.table([]string{"TASK", "KIND", "OF", "SYSTEM", "STATE", "SINCE"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "closed ones too")
	cmd.Flags().StringVar(&of, "case", "", "only those of this case")
	return cmd
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (a *app) taskRedact() *cobra.Command {
	var sets []string
	cmd := &cobra.Command{
		Use: "redact ID", Short: "choose what happens to columns, rows or fields that a task shows",
		Long: `Choose keep, mask or drop for a column that a review shows, or leave, unlink or erase for the shared
rows of a plan of deletion. "all" means every such column, or all shared rows. The choices become part
of what is signed; those on a plan take effect with "habeas task replan".
On a correction choose correct, refuse:REASON or dispute:REASON for a field, and correct or leave for a
place with another value. Reasons: ` + strings.Join(dsr.CorrectionReasons(), ", ") + ".",
		Example: "  habeas task redact 7QK2M-9XH4T --set support.messages.body=mask --set accounts.contacts.mobile=drop\n" +
			"  habeas task redact 7QK2M-9XH4T --set billing.joint_accounts=unlink\n" +
			"  habeas task redact 7QK2M-9XH4T --set identity.real_name=refuse:not-proven",
		Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			if err != nil {
				return err
			}
			choices := map[string]string{}
			for _, set := range sets {
				key, choice, ok := strings.Cut(set, "=")
				if !ok {
					return misuse("--set takes NAME=CHOICE, such as support.messages.body=mask, not %q", set)
				}
				choices[key] = choice
			}
			if len(choices) == 0 {
				return misuse("say what to do with at least one --set; see `habeas task redact --help`")
			}
			return a.choose(cmd, id, choices)
		},
	}
	cmd.Flags().StringArrayVar(&sets, "set", nil, "COLUMN=keep|mask|drop, COLLECTION=leave|unlink|erase or FIELD=correct|refuse:REASON|dispute:REASON; may be repeated")
	return cmd
}

func (a *app) choose(cmd *cobra.Command, id string, choices map[string]string) error {
	me, err := a.signer(cmd.Context())
	if err != nil {
		return err
	}
	d, err := a.desk(cmd.Context(), false)
	if err != nil {
		return err
	}
	t, err := d.Choose(cmd.Context(), id, choices, me.Name)
	if err != nil {
		return err
	}
	return a.print(t, func() { a.showTask(t, t.Choices) })
}

func (a *app) taskDecide(use string, verdict dsr.Verdict, short string) *cobra.Command {
	var reason, account string
	var hand handFlags
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: needs(cobra.ExactArgs(1)),
		Long: "Sign a decision with your own key (HABEAS_STAFF_KEY) over exactly what `habeas task show ID` shows.\n" +
			"Run again, it is the same decision and gets the first answer.",
		Example: "  habeas task " + use + " 7QK2M-9XH4T --reason 'checked by phone'",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			if err != nil {
				return err
			}
			if reason, err = a.value(reason); err != nil {
				return err
			}
			if reason == "" && verdict != dsr.Approve {
				return misuse("--reason is needed")
			}
			me, err := a.me()
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if hand.given() {
				if _, err := a.signer(cmd.Context()); err != nil {
					return err
				}
				out, err := d.CompleteByHand(cmd.Context(), id, hand.work(reason), me)
				if err != nil {
					return err
				}
				return a.print(out, func() { a.say("signed: %s", out.Verdict) })
			}
			if account != "" {
				if _, err := a.signer(cmd.Context()); err != nil {
					return err
				}
				if _, err := d.Choose(cmd.Context(), id, map[string]string{"account": account}, me.Name); err != nil {
					return err
				}
			}
			out, err := d.Decide(cmd.Context(), id, verdict, reason, me)
			if err != nil {
				return err
			}
			return a.print(out, func() {
				if !out.Done {
					a.say("signed; another person has to sign too")
					return
				}
				a.say("signed: %s", out.Verdict)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; sealed, and part of what is signed")
	if verdict == dsr.Complete {
		hand.add(cmd)
	}
	if verdict == dsr.Approve {
		cmd.Flags().StringVar(&account, "account", "", "which row is meant, for a task of the kind choose-account")
	}
	return cmd
}

// behind is s behind what comes before it, or nothing.
func behind(s, before string) string {
	if s == "" {
		return ""
	}
	return before + s
}
