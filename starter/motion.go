package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// motionCommands are what staff move about a case while it goes on.
func (a *app) motionCommands() []*cobra.Command {
	return []*cobra.Command{a.caseExtend(), a.caseRefuse(), a.casePause(), a.caseResume(), a.caseRecompute(), a.caseLaw()}
}

// moved is what a motion's command prints.
type moved struct {
	Kind string     `json:"kind"`
	Task string     `json:"task,omitempty"` // waits for a second person
	Due  *time.Time `json:"due_at,omitempty"`
}

// moveCase makes a motion, with the author's signature where it needs two, and prints what became of it.
func (a *app) moveCase(ctx context.Context, id string, m desk.Moving, done string) error {
	ref, err := caseRef(id)
	if err != nil {
		return err
	}
	if m.Words, err = a.value(m.Words); err != nil {
		return err
	}
	me, err := a.signer(ctx)
	if err != nil {
		return err
	}
	m.By = me.Name
	d, err := a.desk(ctx, true)
	if err != nil {
		return err
	}
	out, err := d.Move(ctx, ref, m)
	if err != nil {
		return err
	}
	if out.Task != "" {
		if err := a.signMotion(ctx, d, out.Task, me); err != nil {
			return err
		}
	}
	c, err := d.Store.Case(ctx, ref)
	if err != nil {
		return err
	}
	return a.print(moved{Kind: string(m.Kind), Task: out.Task, Due: &c.DueAt}, func() {
		if out.Task != "" {
			a.say("task %s waits for a second person: habeas task show %s", out.Task, out.Task)
			return
		}
		a.say("%s; due %s", done, due(c))
	})
}

// signMotion puts the author's signature under the task. Somebody without the role leaves both
// signatures to others.
func (a *app) signMotion(ctx context.Context, d *desk.Desk, task string, me seal.StaffKey) error {
	_, err := d.Decide(ctx, task, dsr.Approve, "", me)
	if fault.Is(err, contract.ErrBadSignature) && strings.Contains(err.Error(), "role") {
		_, err = a.errOut.Write([]byte("your role may not sign this: two others must\n"))
	}
	return err
}

func (a *app) caseExtend() *cobra.Command {
	m := desk.Moving{Kind: dsr.MotionExtend}
	cmd := &cobra.Command{
		Use: "extend ID", Short: "take more time, once, where the law gives it",
		Long: `Take more time for a case. The law must know it and the ground, and the time must not be over. A second
person signs; then the person is told, and only then the new time holds. "habeas case law ID" lists the grounds.`,
		Example: "  habeas case extend 7QK2M-9XH4T --ground complexity --because @because.txt",
		Args:    needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveCase(cmd.Context(), args[0], m, "extended")
		},
	}
	cmd.Flags().StringVar(&m.Code, "ground", "", "a ground that the law lists")
	cmd.Flags().StringVar(&m.Words, "because", "", "the reason in words, for the letter; - or @FILE; sealed")
	cmd.Flags().StringVar(&m.Law, "law", "", "under which law (default: the one whose time ends first)")
	return cmd
}

func (a *app) caseRefuse() *cobra.Command {
	m := desk.Moving{Kind: dsr.MotionRefuse}
	cmd := &cobra.Command{
		Use: "refuse ID", Short: "refuse a case or a part of it, on a ground that its law knows",
		Long: `Refuse a case. You sign as its author, and a different person signs too; then the case ends, and the
person gets ground, law, facts, and the ways to complain and to court. With --item only those collections
are refused: an access case goes on, its package leaves them out and says why, and it ends as partial.
"habeas case law ID" lists the grounds.`,
		Example: "  habeas case refuse 7QK2M-9XH4T --code excessive --facts @facts.txt\n" +
			"  habeas case refuse 7QK2M-9XH4T --code others_rights --facts @facts.txt --item support.messages",
		Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveCase(cmd.Context(), args[0], m, "refused")
		},
	}
	cmd.Flags().StringVar(&m.Code, "code", "", "the ground, by its code")
	cmd.Flags().StringSliceVar(&m.Items, "item", nil, "only this collection, SYSTEM.COLLECTION; may be repeated")
	cmd.Flags().StringVar(&m.Words, "facts", "", "the facts, for the letter; - or @FILE; sealed")
	cmd.Flags().StringVar(&m.Law, "law", "", "under which law (default: the one whose time ends first)")
	return cmd
}

func (a *app) casePause() *cobra.Command {
	m := desk.Moving{Kind: dsr.MotionPause}
	cmd := &cobra.Command{
		Use: "pause ID", Short: "ask the person something, where the law lets the clock wait",
		Long:    "Ask the person by letter. Whether the clock stops, or the question is only written down, the law says.",
		Example: "  habeas case pause 7QK2M-9XH4T --question @question.txt", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveCase(cmd.Context(), args[0], m, "asked: habeas case resume "+args[0]+" once the answer is there")
		},
	}
	cmd.Flags().StringVar(&m.Code, "for", jurisdiction.AskedClarification, "what is asked for: clarify or identity")
	cmd.Flags().StringVar(&m.Words, "question", "", "the question, for the letter; - or @FILE; sealed")
	return cmd
}

func (a *app) caseResume() *cobra.Command {
	m := desk.Moving{Kind: dsr.MotionResume}
	cmd := &cobra.Command{
		Use: "resume ID", Short: "write down that the person answered: the clock goes on",
		Example: "  habeas case resume 7QK2M-9XH4T --answer @answer.txt", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveCase(cmd.Context(), args[0], m, "resumed")
		},
	}
	cmd.Flags().StringVar(&m.Words, "answer", "", "what the person said; - or @FILE; sealed")
	return cmd
}

func (a *app) caseRecompute() *cobra.Command {
	return &cobra.Command{
		Use: "recompute ID", Short: "count the time anew by the laws and calendars of today",
		Long:    "Pin a case to the laws and calendars as they are now. An earlier promise stays: the time never moves back.",
		Example: "  habeas case recompute 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.moveCase(cmd.Context(), args[0], desk.Moving{Kind: dsr.MotionRecompute}, "counted anew")
		},
	}
}

// lawView is what the laws of a case ask of it.
type lawView struct {
	Law         string                `json:"law"`
	Version     string                `json:"version"`
	Answer      jurisdiction.Clock    `json:"answer"`
	Grounds     []jurisdiction.Ground `json:"extension_grounds,omitempty"`
	Refusals    []jurisdiction.Ground `json:"refusals"`
	Complain    jurisdiction.Text     `json:"complain"`
	Unconfirmed bool                  `json:"unconfirmed,omitempty"`
}

func (a *app) caseLaw() *cobra.Command {
	return &cobra.Command{
		Use: "law ID", Short: "show what the laws of a case ask: clocks, grounds for more time, grounds for refusing",
		Example: "  habeas case law 7QK2M-9XH4T", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			s, err := d.Clocks(cmd.Context(), ref)
			if err != nil {
				return err
			}
			views := lawViews(s)
			return a.print(views, func() { a.showLaws(s, views) })
		},
	}
}

func lawViews(s clocks.State) []lawView {
	views := []lawView{}
	for i, law := range s.Laws {
		v := lawView{Law: law.Profile.Name, Version: law.Profile.Version, Answer: s.Answers[i],
			Refusals: law.Profile.RefusalsFor(string(s.Case.Kind)), Complain: law.Profile.Complain.Regulator, Unconfirmed: s.Answers[i].Unconfirmed}
		if law.Profile.Extension != nil {
			v.Grounds = law.Profile.Extension.Grounds
		}
		views = append(views, v)
	}
	return views
}

func (a *app) showLaws(s clocks.State, views []lawView) {
	a.say("%s is due %s", s.Case.ID, due(s.Case))
	for _, v := range views {
		a.say("\n%s, version %s", v.Law, v.Version)
		a.say("  to answer by %s strictly, %s legally (%s)", when(v.Answer.Strict.Add(-time.Second)), when(v.Answer.Legal.Add(-time.Second)), v.Answer.Source)
		if v.Answer.Unconfirmed {
			a.say("  the number is unconfirmed: a setting, until a lawyer has read the text")
		}
		for _, year := range v.Answer.Missing {
			a.say("  the calendar of %d is missing: its working days went as Monday to Friday", year)
		}
		if v.Answer.PausedDays > 0 {
			a.say("  %d days did not count: the person was asked", v.Answer.PausedDays)
		}
		for _, g := range v.Grounds {
			a.say("  --ground %-28s %s (%s)", g.Code, g.Text.EN, g.Source)
		}
		for _, g := range v.Refusals {
			a.say("  --code   %-28s %s (%s)", g.Code, g.Text.EN, g.Source)
		}
	}
}
