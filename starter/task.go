package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
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

func (a *app) taskShow() *cobra.Command {
	var rows bool
	var limit int
	cmd := &cobra.Command{
		Use: "show ID", Short: "show what a task is about; a decision signs exactly this",
		Long: "Show a task. With --rows the first rows of what was found are opened: they are personal data, for your eyes.\n" +
			"For work by hand it opens who is meant.\n" +
			"For a plan of deletion they are read from the live systems, and masked.",
		Example: "  habeas task show 7QK2M-9XH4T --rows", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			t, err := d.Task(cmd.Context(), id)
			if err != nil {
				return err
			}
			view := struct {
				desk.Task
				Rows     []desk.Rows         `json:"rows,omitempty"`
				Reviewed map[string]string   `json:"reviewed,omitempty"`
				Samples  []desk.Sample       `json:"samples,omitempty"`
				Files    []casefile.Evidence `json:"files,omitempty"`
			}{Task: t}
			if rows && t.Shown.ShownPlan != nil {
				if view.Samples, err = a.planSamples(cmd.Context(), d, t, limit); err != nil {
					return err
				}
			} else if rows {
				if view.Rows, err = d.TaskRows(cmd.Context(), t, limit); err != nil {
					return err
				}
			}
			choices := t.Choices
			if t.Kind == dsr.TaskRelease {
				if view.Reviewed, err = reviewed(cmd.Context(), d, t.Ref); err != nil {
					return err
				}
				choices = view.Reviewed
			}
			if !rows && view.Shown.ByHand != nil {
				view.Shown.ByHand = maskedByHand(view.Shown.ByHand)
			}
			if !rows && view.Shown.Representative != nil {
				view.Shown.Representative = maskedRepresentative(view.Shown.Representative)
			}
			if !rows && view.Shown.Proof != nil {
				view.Shown.Proof = maskedProof(view.Shown.Proof)
			}
			if view.Files, err = d.Store.Evidence(cmd.Context(), id); err != nil {
				return err
			}
			t = view.Task
			return a.print(view, func() {
				a.showTask(t, choices)
				a.showFiles(view.Files)
				a.showRows(view.Rows)
				a.showSamples(view.Samples)
			})
		},
	}
	cmd.Flags().BoolVar(&rows, "rows", false, "open the first rows of what was found")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many rows a collection")
	return cmd
}

// reviewed are the choices of the latest review of a case: whoever releases its package sees them.
func reviewed(ctx context.Context, d *desk.Desk, ref contract.Ref) (map[string]string, error) {
	reviews, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskReview)})
	if err != nil || len(reviews) == 0 {
		return nil, err
	}
	latest := slices.MaxFunc(reviews, func(a, b casefile.Task) int { return a.OpenedAt.Compare(b.OpenedAt) })
	return latest.Choices, nil
}

// showTask prints what a task shows, with the choices made on it, or on the review before it.
func (a *app) showTask(t desk.Task, choices map[string]string) {
	a.say("%s  %s  of %s  %s %s", t.ID, t.Kind, t.Ref, t.State, t.Verdict)
	s := t.Shown
	if s.Problem != "" {
		a.say("problem: %s %s", s.Problem, s.System)
	}
	for _, r := range s.Requested {
		a.say("the request names %s", r)
	}
	for _, c := range s.Candidates {
		a.say("  --account %d: %s in %s, %s", c.N, c.Name, c.System, strings.Join(c.Channels, ", "))
	}
	for _, c := range s.Collections {
		a.say("  %-28s %6d rows", c.System+"."+c.Collection, c.Rows)
		if c.Shared > 0 {
			a.say("      %d of them somebody else may claim too", c.Shared)
		}
		for _, column := range c.ThirdParty {
			key := c.System + "." + c.Collection + "." + column
			a.say("      %s may speak of somebody else: %s", key, or(choices[key], "withheld until you choose"))
		}
	}
	if len(s.Ambiguous) > 0 {
		a.say("not used for the search, because it stands on several accounts: %s", strings.Join(s.Ambiguous, ", "))
	}
	if len(s.Partial) > 0 {
		a.say("left out by a signed decision: %s", strings.Join(s.Partial, ", "))
	}
	if len(s.LeftOut) > 0 {
		a.say("left out because it is found through those: %s", strings.Join(s.LeftOut, ", "))
	}
	for _, w := range s.Withheld {
		a.say("refused, and not in the package: %s (%s, %s, motion %d)", w.Collection, w.Law, w.Ground, w.Motion)
	}
	for _, w := range s.Widened {
		a.say("found on the way: %s", w)
	}
	if s.ManifestSHA256 != "" {
		a.say("package: %d files, %d bytes, manifest SHA-256 %s", s.Files, s.Size, s.ManifestSHA256)
	}
	if m := s.Motion; m != nil {
		a.say("%s moves it under %s: %s, %s (%s)", m.Author, m.Law, m.Ground, m.GroundEN, m.Source)
		if len(m.Items) > 0 {
			a.say("  only of: %s", strings.Join(m.Items, ", "))
		}
		a.say("  facts: %s", dash(m.Facts))
		a.say("  due now %s%s", m.DueBefore, behind(m.DueAfter, ", then "))
	}
	a.showByHand(t)
	a.showPlan(s, choices)
	a.showRepresentative(t)
	a.showUnsent(t)
	a.showCorrection(t, choices)
	if h := s.ShownHold; h != nil {
		a.say("hold for %s over %s %s, placed by %s: %s", h.Matter, h.Scope, h.Over, h.PlacedBy, h.Because)
	}
	if s.Retention != nil {
		a.showRetention(s.Retention)
	}
	if e := s.Extension; e != nil {
		a.say("keep the rows of %s until %s, by %s; %s asks: %s", e.Over, e.Until, e.Law, e.AskedBy, e.Reason)
	}
	if s.Notice != nil {
		a.showNoticeTask(s.Notice)
	}
	if s.ShownStaff != nil {
		a.say("enrol %s with %v and key %s", s.Name, s.Roles, s.PublicKey)
	}
	if t.State == "open" {
		for _, v := range dsr.Rules[t.Kind].Verdicts {
			a.say("habeas task %s %s", v, t.ID)
		}
	}
}

func (a *app) showRows(rows []desk.Rows) {
	for _, r := range rows {
		a.say("\n%s.%s, %d of %d rows:", r.System, r.Collection, len(r.First), r.Rows)
		for _, row := range r.First {
			a.say("  %s", row)
		}
	}
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
