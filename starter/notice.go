package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
)

func (a *app) noticeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "notice", Short: "tell everybody whom a breach or a change of the policy concerns",
		Example: "  habeas notice open breach breach.yaml\n  habeas notice show 7QK2M-9XH4T"}
	cmd.AddCommand(a.noticeOpen(), a.noticeAmend(), a.noticeList(), a.noticeShow(),
		a.noticeControl("pause", "stop sending at once, until it is resumed"),
		a.noticeControl("resume", "go on sending"),
		a.noticeControl("abort", "end the notice for good: nobody who was not told yet will be"),
		a.noticeSetRate(), a.noticeReport(), a.noticeFallback(), a.noticeConsent(), a.noticeUndecided(), a.noticeEvidence(), a.noticeVerify())
	return cmd
}

// noticeRef reads a notice's number as people write it.
func noticeRef(s string) (contract.Ref, error) {
	id, err := contract.ParseID(s)
	if err != nil {
		return "", fault.New(contract.ErrBadInput, strings.Replace(err.Error(), "case number", "notice number", 1), err)
	}
	return contract.NewRef(contract.KindNotice, id), nil
}

func (a *app) noticeOpen() *cobra.Command {
	var flags incidentFlags
	cmd := &cobra.Command{
		Use: "open KIND [FILE]", Short: "open a notice from a file or by flags: breach, policy-change or transfer",
		Long: "Open a notice. The file (docs/notices.md) says what happened and whom it concerns; the flags say the same, key by\n" +
			"key, in place of a file. Nothing is sent before every mandatory part is there in every language, and two people\n" +
			"have signed what will be sent to whom: what is not known yet may follow by `habeas notice amend`.",
		Example: "  habeas notice open breach examples/cloud/incident/breach.yaml\n" +
			"  habeas notice open breach --aware-at 2026-11-24T09:00:00+08:00 --lead-name cao --lead-mail cao@yunzhan.example \\\n" +
			"    --title-zh 安全事件通知 --title-en 'A security incident' --severity '{risk: high, persons: 200}' \\\n" +
			"    --concerned '{system: accounts, collection: users, categories: [{zh: 登录名, en: sign-in name}]}'",
		Args: needs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(incident.Kinds, args[0]) {
				return misuse("unknown kind of notice %q; the known ones are %s", args[0], strings.Join(incident.Kinds, ", "))
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			f, err := a.incidentOf(cmd, d, &flags, args, me.Name)
			if err != nil {
				return err
			}
			if f.Exercise && a.house.Config.ExerciseSMTP == "" {
				return fault.New(contract.ErrBadInput, "this is an exercise, and HABEAS_EXERCISE_SMTP_URL is not set", nil).
					WithHint("set it, here and for the worker, to a mail catcher such as that of `habeas stack up`")
			}
			ref, err := d.OpenNotice(cmd.Context(), f, me.Name)
			if err != nil {
				return err
			}
			v, err := d.ShowNotice(cmd.Context(), ref)
			if err != nil {
				return err
			}
			return a.print(v, func() { a.showNotice(v) })
		},
	}
	flags.on(cmd)
	return cmd
}

func (a *app) noticeAmend() *cobra.Command {
	return &cobra.Command{
		Use: "amend ID FILE", Short: "replace the file of a notice; what was approved is approved anew",
		Example: "  habeas notice amend 7QK2M-9XH4T breach.yaml", Args: needs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := noticeRef(args[0])
			if err != nil {
				return err
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			f, err := d.ReadIncident(args[1], "")
			if err != nil {
				return err
			}
			if err := d.AmendNotice(cmd.Context(), ref.ID(), f, me.Name); err != nil {
				return err
			}
			v, err := d.ShowNotice(cmd.Context(), ref)
			if err != nil {
				return err
			}
			return a.print(v, func() { a.showNotice(v) })
		},
	}
}

func (a *app) noticeList() *cobra.Command {
	var open bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "list notices, the newest first", Args: needs(cobra.NoArgs), Example: "  habeas notice list --open -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			list, err := d.Store.ListNotices(cmd.Context(), open, limit)
			if err != nil {
				return err
			}
			return a.print(list, func() {
				var rows [][]string
				for _, n := range list {
					rows = append(rows, []string{n.ID, drill(n) + n.Kind, n.State, dash(n.WaitingOn), fmt.Sprint(n.People), fmt.Sprint(n.Sent), when(n.OpenedAt)})
				}
				a.table([]string{"NOTICE", "KIND", "STATE", "WAITS ON", "PEOPLE", "SENT", "OPENED"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "only those not closed")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many")
	return cmd
}

func drill(n casefile.Notice) string {
	if n.Exercise {
		return "EXERCISE "
	}
	return ""
}

func (a *app) noticeControl(action, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: action + " ID", Short: short + "; a signed decision", Args: needs(cobra.ExactArgs(1)),
		Example: "  habeas notice " + action + " 7QK2M-9XH4T --reason 'asked for by the incident lead'",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.controlNotice(cmd, args[0], action, 0, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; sealed, and part of what is signed")
	return cmd
}

func (a *app) noticeSetRate() *cobra.Command {
	var reason string
	var rate int
	cmd := &cobra.Command{
		Use: "set-rate ID", Short: "how many letters go in a second; a signed decision", Args: needs(cobra.ExactArgs(1)),
		Example: "  habeas notice set-rate 7QK2M-9XH4T --rate 20 --reason 'the relay is slow'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if rate < 1 || rate > 100_000 {
				return misuse("--rate takes a number from 1 to 100000")
			}
			return a.controlNotice(cmd, args[0], "set-rate", rate, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; sealed, and part of what is signed")
	cmd.Flags().IntVar(&rate, "rate", 0, "letters a second")
	return cmd
}

func (a *app) controlNotice(cmd *cobra.Command, id, action string, rate int, reason string) error {
	ref, err := noticeRef(id)
	if err != nil {
		return err
	}
	if reason, err = a.value(reason); err != nil {
		return err
	}
	if reason == "" {
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
	out, err := d.ControlNotice(cmd.Context(), ref, action, rate, reason, me)
	if err != nil {
		return err
	}
	return a.print(out, func() { a.say("signed: %s", action) })
}
