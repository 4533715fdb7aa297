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
)

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
			if !rows && view.Shown.Identity != nil {
				masked := *view.Shown.Identity
				masked.Person = maskedFields(masked.Person)
				view.Shown.Identity = &masked
			}
			if view.Files, err = d.Store.Evidence(cmd.Context(), id); err != nil {
				return err
			}
			t = view.Task
			return a.print(view, func() {
				a.showTask(t, choices)
				a.showPerson(t)
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
	for _, f := range s.Forwarded {
		a.say("held for a customer alone, and forwarded: %s", f)
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
	if d := s.Disclosure; d != nil {
		a.showDisclosure(d.Authority, d.Ground, d.At, d.Categories, d.Person, d.Confidential, d.Reason)
		a.say("  %s wrote it down", d.AskedBy)
	}
	for _, d := range s.Disclosed {
		a.say("disclosed to an authority, and told in the package: %s", d)
	}
	if s.Repeat != nil {
		a.showRepeat(t.Ref.ID(), s.Repeat)
	}
	if c := s.Complaint; c != nil {
		a.showComplaint(c)
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
