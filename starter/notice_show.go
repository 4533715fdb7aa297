package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) noticeShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "how far a notice is, its clocks and its tasks", Args: needs(cobra.ExactArgs(1)),
		Example: "  habeas notice show 7QK2M-9XH4T\n  habeas notice show 7QK2M-9XH4T -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := noticeRef(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			v, err := d.ShowNotice(cmd.Context(), ref)
			if fault.Is(err, contract.ErrNotFound) {
				if past, pastErr := d.Store.ForgottenNotice(cmd.Context(), ref); pastErr == nil {
					return a.print(past, func() {
						a.say("%s  %s  %s: forgotten %s; it was closed %s, %d people stood on its list", past.ID, past.Kind, past.Outcome, when(past.At), when(past.ClosedAt), past.People)
					})
				}
			}
			if err != nil {
				return err
			}
			return a.print(v, func() { a.showNotice(v) })
		},
	}
}

func (a *app) showNotice(v desk.NoticeView) {
	a.say("%s  %s%s  %s %s", v.ID, drill(v.Notice), v.Kind, v.State, v.Outcome)
	if v.WaitingOn != "" {
		a.say("waits on %s", v.WaitingOn)
	}
	if v.Paused != "" {
		a.say("paused (%s)", v.Paused)
	}
	if v.FrozenAt != nil {
		a.say("%s", bar(v.Sent+v.Bad, v.People, fmt.Sprintf("%d of %d letters", v.Sent+v.Bad, v.People), 79))
		for _, state := range slices.Sorted(maps.Keys(v.Tally.Mail)) {
			a.say("  %-9s %8d", state, v.Tally.Mail[state])
		}
		for _, step := range slices.Sorted(maps.Keys(v.Tally.Steps)) {
			a.say("  told by %-8s %d", step, v.Tally.Steps[step])
		}
		a.say("  not reached yet %d; perhaps told twice %d; no answer behind DATA %d", v.Tally.Open, v.Tally.Repeated, v.Tally.Unclear)
		a.say("list SHA-256 %x", v.ListHash)
	}
	for _, m := range v.Missing {
		a.say("still empty: %s", m)
	}
	for _, c := range v.Clocks {
		state := "due " + when(c.Due)
		switch {
		case c.FiledAt != nil:
			state = "filed " + when(*c.FiledAt)
		case c.MissedAt != nil:
			state = "MISSED, was due " + when(c.Due)
		}
		a.say("report to %-14s %s", c.Authority, state)
	}
	for _, t := range v.Tasks {
		if t.State == casefile.TaskOpen {
			a.say("task %s  %s  %s", t.ID, t.Kind, t.Occasion)
		}
	}
}

// showNoticeTask prints what a task of a notice shows: what a decision on it signs.
func (a *app) showNoticeTask(s *dsr.ShownNotice) {
	if s.Exercise {
		a.say("EXERCISE")
	}
	if s.Action != "" {
		a.say("control: %s %d", s.Action, s.Rate)
	}
	for _, m := range s.Missing {
		a.say("still empty: %s", m)
	}
	if s.Wave > 0 {
		a.say("wave %d of %d: %d letters", s.Wave, s.Waves, s.InWave)
	}
	if s.ListHash != "" {
		a.say("the list: %d people, %d without an address, %d rows behind which nobody was found; SHA-256 %s", s.People, s.NoMail, s.Loose, s.ListHash)
	}
	for _, r := range s.Samples {
		a.say("  recipient %s", r)
	}
	for _, c := range s.Canaries {
		a.say("  canary %s", c)
	}
	for _, line := range s.Sender {
		a.say("  %s", line)
	}
	for _, state := range slices.Sorted(maps.Keys(s.Tally)) {
		a.say("  so far %-10s %d", state, s.Tally[state])
	}
	if s.Ground != "" {
		a.say("ground: %s", s.Ground)
	}
	if s.Clock != "" {
		a.say("report to %s, due %s", s.Clock, s.DueAt)
	}
	for _, lang := range slices.Sorted(maps.Keys(s.Texts)) {
		a.say("\n--- %s, SHA-256 %s\n%s", lang, s.TextHash[lang], s.Texts[lang])
	}
}
