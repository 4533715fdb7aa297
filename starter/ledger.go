package main

import (
	"crypto/rand"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

var random io.Reader = rand.Reader

func (a *app) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "the record that cannot be bent", Example: "  habeas ledger verify"}
	cmd.AddCommand(a.ledgerVerify(), a.ledgerExport())
	return cmd
}

func (a *app) ledgerVerify() *cobra.Command {
	var against string
	cmd := &cobra.Command{
		Use: "verify", Short: "check every chain, every head and every checkpoint", Args: needs(cobra.NoArgs),
		Example: "  habeas ledger verify\n  habeas ledger verify --against ledger-2026-11.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var earlier io.Reader
			if against != "" {
				file, err := os.Open(against)
				if err != nil {
					return fault.New(contract.ErrBadInput, "the earlier export cannot be read", err)
				}
				defer func() { _ = file.Close() }()
				earlier = file
			}
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			report, err := h.Store.VerifyLedger(cmd.Context(), earlier)
			if err != nil {
				return err
			}
			err = a.print(report, func() {
				for _, p := range report.Problems {
					a.say("%s line %d: %s", p.Ref, p.Seq, p.Text)
				}
				a.say("%d chains, %d lines, %d checkpoints, %d problems", report.Chains, report.Lines, report.Checkpoints, len(report.Problems))
			})
			if err == nil && len(report.Problems) > 0 {
				err = fault.Newf(contract.ErrTampered, "the ledger does not verify")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "an export from before: nothing in it may be missing or changed")
	return cmd
}

func (a *app) ledgerExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export", Short: "take a signed checkpoint and write the whole ledger as JSON lines", Args: needs(cobra.NoArgs),
		Example: "  habeas ledger export --out ledger-2026-11.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if out == "" {
				return h.Store.ExportLedger(cmd.Context(), a.out)
			}
			file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return fault.New(contract.ErrBadInput, "the export cannot be written there", err).WithHint("it must not exist yet")
			}
			if err := h.Store.ExportLedger(cmd.Context(), file); err != nil {
				_ = file.Close()
				_ = os.Remove(out)
				return err
			}
			return file.Close()
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; standard output when empty")
	return cmd
}

func (a *app) dbCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "db", Short: "the casefile's schema", Example: "  habeas db migrate"}
	cmd.AddCommand(&cobra.Command{
		Use: "migrate", Short: "bring the casefile's schema to this version", Args: needs(cobra.NoArgs), Example: "  habeas db migrate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(a.getenv, "HABEAS_DATABASE_URL")
			if err != nil {
				return err
			}
			from, to, err := casefile.Migrate(cmd.Context(), c.DatabaseURL)
			if err != nil {
				return notThere(err)
			}
			return a.print(map[string]int64{"from": from, "to": to}, func() { a.say("schema %d, was %d", to, from) })
		},
	})
	return cmd
}
