package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) caseShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "show one case: state, tasks, what was found, letters, package",
		Example: "  habeas case show 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			v, err := d.Show(cmd.Context(), ref)
			if fault.Is(err, contract.ErrNotFound) {
				return a.showForgotten(cmd.Context(), d, ref, err)
			}
			if err != nil {
				return err
			}
			quiet := a.tries(cmd.Context(), ref, &v)
			return a.print(v, func() {
				a.showCase(v)
				if quiet {
					a.say("Temporal did not answer: steps that are tried again are not shown")
				}
			})
		},
	}
}

// tries asks Temporal which steps of an open case are tried again. Without its answer the rest is shown
// all the same.
func (a *app) tries(ctx context.Context, ref contract.Ref, v *desk.CaseView) (quiet bool) {
	if v.State == dsr.StateClosed {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d, err := a.desk(ctx, true)
	if err == nil {
		v.Tries, err = d.Tries(ctx, ref)
	}
	return fault.Is(err, contract.ErrUnavailable)
}

func (a *app) showCase(v desk.CaseView) {
	a.say("%s  %s  %s %s", v.ID, kindOf(v.Case), v.State, v.Outcome)
	a.say("received %s by %s%s, opened %s by %s, due %s (%s)", when(v.ReceivedAt), v.Channel, behind(v.ReceivedBy, " at the affiliate "), when(v.OpenedAt), v.OpenedBy, due(v.Case), strings.Join(v.Laws, ", "))
	if dsr.Represented(v.Requester) {
		a.say("brought for the person by: %s", v.Requester)
	}
	if v.WaitingOn != "" {
		a.say("waits on %s", v.WaitingOn)
	}
	a.showIdentity(v)
	if v.Reopens != "" {
		a.say("takes up case %s", v.Reopens.ID())
	}
	if len(v.OpenSystems) > 0 {
		a.say("systems still to answer: %s", strings.Join(v.OpenSystems, ", "))
	}
	for _, try := range v.Tries {
		a.say("tried again by itself: %s, %d times since %s: %s; next %s", try.Step, try.Tries, when(try.Since), try.Why, whenever(try.Next))
	}
	for _, e := range v.Extensions {
		a.say("extended under %s (%s) %s; it was due %s", e.Law, e.Ground, when(e.At), when(e.DueBefore.Add(-time.Second)))
	}
	for _, stop := range v.Stops {
		a.say("asked (%s) %s, answered %s", stop.Kind, when(stop.AskedAt), whenever(stop.AnsweredAt))
	}
	if v.About != "" {
		a.say("a complaint about case %s: habeas case show %s", v.About.ID(), v.About.ID())
	}
	for _, c := range v.Complaints {
		a.say("complained about in case %s: %s %s", c.ID, c.State, c.Outcome)
	}
	for _, c := range v.Related {
		a.say("of the same person and kind: case %s, received %s: %s %s", c.ID, when(c.ReceivedAt), c.State, c.Outcome)
	}
	for _, t := range v.Tasks {
		if t.State == "open" {
			a.say("task %s (%s): habeas task show %s", t.ID, t.Kind, t.ID)
		}
	}
	if len(v.Found) > 0 {
		a.say("found:")
		for _, f := range v.Found {
			a.say("  %-28s %d rows", f.System+"."+f.Collection, f.Rows)
		}
	}
	for _, l := range v.Letters {
		a.say("letter %-16s %-7s %s", l.Template, l.State, whenever(l.SentAt))
	}
	a.showPlans(v)
	if p := v.Package; p != nil {
		a.say("package: %d files, %d bytes, released %s, to be fetched until %s, fetched %s", p.Files, p.Size, whenever(p.ReleasedAt), whenever(p.ExpiresAt), whenever(p.FetchedAt))
	}
}

// showForgotten shows what the ledger still says of a case whose record-keeping time is over; a case
// that never was is the error given.
func (a *app) showForgotten(ctx context.Context, d *desk.Desk, ref contract.Ref, unknown error) error {
	f, err := d.Store.ForgottenCase(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	return a.print(f, func() {
		a.say("%s  %s  %s: forgotten %s", f.ID, f.Kind, f.Outcome, when(f.At))
		a.say("received %s, due %s, closed %s; %d rows were found, %d tasks, %d letters", when(f.ReceivedAt), when(f.DueAt), when(f.ClosedAt), f.Rows, f.Tasks, f.Letters)
		a.say("its record-keeping time is over: key, rows and history are gone; habeas case timeline %s shows the ledger", f.ID)
	})
}

func (a *app) caseTimeline() *cobra.Command {
	return &cobra.Command{
		Use: "timeline ID", Short: "show every line that the ledger holds on a case",
		Example: "  habeas case timeline 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			lines, err := d.Store.Ledger(cmd.Context(), ref)
			if err != nil {
				return err
			}
			return a.print(lines, func() {
				for _, l := range lines {
					a.say("%3d  %s  %-20s %s", l.Seq, when(l.At), l.Event, details(l.Detail))
				}
			})
		},
	}
}

func details(m map[string]any) string {
	var words []string
	for k, v := range m {
		words = append(words, fmt.Sprintf("%s=%v", k, v))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
