package main

import (
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/certificate"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

func (a *app) caseWithdraw() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "withdraw ID", Short: "write down that the person took the request back",
		Long: `Write down that the person took the request back. It ends the case as long as nothing was deleted and
no answer is out; afterwards it is refused. Where a copy comes before a deletion, the deletion can be
withdrawn also when the copy is out.`,
		Example: "  habeas case withdraw 7QK2M-9XH4T --reason @withdrawal.txt", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			if reason, err = a.value(reason); err != nil {
				return err
			}
			if reason == "" {
				return misuse("--reason is needed: how did the person say so?")
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := d.Withdraw(cmd.Context(), ref, me.Name, reason); err != nil {
				return err
			}
			return a.print(map[string]bool{"withdrawn": true}, func() { a.say("withdrawn: nothing is deleted, and nothing given out") })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "how the person said so; sealed")
	return cmd
}

// showPlan prints what a plan would do as a table.
func (a *app) showPlan(s dsr.Shown, choices map[string]string) {
	p := s.ShownPlan
	if p == nil {
		return
	}
	if p.PlanHash != "" {
		a.say("plan %d, ground %s, hash %s", p.Plan, dash(string(p.Ground)), p.PlanHash)
	}
	var rows [][]string
	for _, e := range p.Entries {
		why := e.Reason
		if e.Law != "" {
			why += ": " + e.Law
		}
		if e.Until != "" {
			why += ", until " + e.Until
		}
		rows = append(rows, []string{e.System + "." + e.Collection, dash(e.Class), e.Action, strconv.FormatInt(e.Rows, 10), dash(why), dash(strings.Join(e.Columns, ", "))})
	}
	if len(rows) > 0 {
		a.table([]string{"COLLECTION", "WHICH", "ACTION", "ROWS", "WHY", "COLUMNS"}, rows)
	}
	for _, e := range p.Entries {
		if id := e.System + "." + e.Collection; e.Choose {
			a.say("%s: %d rows are somebody else's too; now %s: habeas task redact ID --set %s=leave|unlink|erase, then replan",
				id, e.Rows, or(choices[id], or(e.Choice, dsr.ShareLeave)), id)
		}
	}
	for _, f := range p.Findings {
		a.say("preflight: %s", f)
	}
	if len(p.Over) > 0 {
		a.say("beyond the map's limit (%s): two people have to approve it", strings.Join(p.Over, ", "))
	}
	if len(p.Held) > 0 {
		a.say("under a legal hold: %s", strings.Join(p.Held, ", "))
	}
}

// showPlans prints how far the plans of a case are.
func (a *app) showPlans(v desk.CaseView) {
	if v.WithdrawnAt != nil {
		a.say("withdrawn %s", whenever(v.WithdrawnAt))
	}
	if v.LinkedTo != "" {
		a.say("the same person's case %s goes on instead", v.LinkedTo.ID())
	}
	for _, p := range v.Plans {
		a.say("plan %d: %d rows, agreed %s, to withdraw until %s, begun %s", p.N, p.Rows, whenever(p.AgreedAt), whenever(p.CoolUntil), whenever(p.BegunAt))
		for _, s := range p.Systems {
			a.say("  %-20s done %s, read back %s", s.System, whenever(s.EndedAt), whenever(s.ReadAt))
		}
	}
	if v.Certificate != "" {
		a.say("certificate %s: habeas certificate show %s", v.Certificate, v.ID)
	}
}

func (a *app) planSamples(ctx context.Context, d *desk.Desk, t desk.Task, limit int) ([]desk.Sample, error) {
	open := &wire.Systems{Map: a.house.Map, Getenv: a.getenv}
	defer open.Close()
	return d.PlanSamples(ctx, t, func(name string) (systems.System, error) { return open.Get(ctx, name) }, limit)
}

func (a *app) showSamples(samples []desk.Sample) {
	for _, s := range samples {
		a.say("\n%s.%s (%s, %s):", s.System, s.Collection, s.Class, s.Action)
		if s.Problem != "" {
			a.say("  no rows to show: %s", s.Problem)
			continue
		}
		a.table(s.Columns, s.Rows)
	}
}

func (a *app) certificateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "certificate", Short: "the signed certificates of deletions", Example: "  habeas certificate verify certificate.html"}
	cmd.AddCommand(a.certificateShow(), a.certificateVerify())
	return cmd
}

func (a *app) certificateShow() *cobra.Command {
	var page, out string
	cmd := &cobra.Command{
		Use: "show ID", Short: "write the certificate of a case, as JSON or as a page",
		Example: "  habeas certificate show 7QK2M-9XH4T\n  habeas certificate show 7QK2M-9XH4T --page zh --out certificate.html", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			if page != "" && page != "zh" && page != "en" {
				return misuse("--page takes zh or en, not %q", page)
			}
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			kept, err := h.Store.Certificate(cmd.Context(), ref)
			if err != nil {
				return err
			}
			file := []byte(kept.Body)
			if page != "" {
				if file, err = certificate.Page(file, page); err != nil {
					return err
				}
			}
			if out == "" {
				_, err = a.out.Write(file)
				return err
			}
			if err := os.WriteFile(out, file, 0o600); err != nil {
				return fault.New(contract.ErrBadInput, "the certificate cannot be written there", err)
			}
			a.say("written: %s", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&page, "page", "", "as a page in this language: zh or en (default JSON)")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default standard output)")
	return cmd
}

func (a *app) certificateVerify() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "check a certificate offline: the JSON, or a page made from it",
		Long: `Check a certificate without database, network or keys. With --key it must have been signed by that
installation (habeas keys show prints its public key); without, the key that it names itself is
printed, and whose it is stays for you to know.`,
		Example: "  habeas certificate verify certificate.html --key hk1:…", Args: needs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			if err == nil && info.Size() > 8<<20 {
				return fault.Newf(contract.ErrBadInput, "%s is larger than a certificate can be", args[0])
			}
			file, err := os.ReadFile(args[0])
			if err != nil {
				return fault.New(contract.ErrBadInput, "the certificate cannot be read", err)
			}
			var want []byte
			if key != "" {
				if want, err = seal.DecodePublic(key); err != nil {
					return err
				}
			}
			c, signer, err := certificate.Verify(file, want)
			if err != nil {
				return err
			}
			return a.print(c, func() {
				a.say("good: case %s of %s, %s; plan %s", c.Case, c.Company.In("en"), c.Outcome, c.PlanHash)
				a.say("signed by %s", seal.EncodePublic(signer))
				for _, s := range c.Systems {
					for _, class := range s.Classes {
						a.say("  %-40s %-10s %d", class.Name.In("en"), class.Action, class.Rows())
					}
				}
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key of the installation, hk1:…")
	return cmd
}
