package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/telemetry"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// app is one run of the command line. What it opens it opens when a command needs it.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	getenv      func(string) string
	output      string // "text" or "json"
	house       *wire.House
	temporal    client.Client
}

const rootHelp = `Habeas carries out what people may ask of a company about their data.

Exit status: 0 done, 1 failed, 2 misuse. Every list and show takes -o json.
Settings: docs/configuration.md. A value written "-" is read from standard input, "@FILE" from a file.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "habeas", Short: "data-subject requests, carried out and proved", Long: rootHelp,
		Example:       "  habeas case open access --email @mail.txt\n  habeas task list\n  habeas case show 7QK2M-9XH4T",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "text" && a.output != "json" {
				return misuse("-o takes text or json, not %q", a.output)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "text or json")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misuse("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(a.caseCommand(), a.taskCommand(), a.noticeCommand(), a.staffCommand(), a.keysCommand(), a.ledgerCommand(), a.holdCommand(), a.disclosureCommand(), a.retentionCommand(), a.certificateCommand(),
		a.dbCommand(), a.datamapCommand(), a.serveCommand(), a.stackCommand(), a.demoCommand(), a.exampleCommand(),
		a.reportCommand(), a.lettersCommand(), a.deletionCommand())
	strict(root)
	return root
}

// strict makes every group refuse an unknown subcommand as misuse instead of printing help.
func strict(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return misuse("unknown command %q; see `%s --help`", args[0], cmd.CommandPath())
		}
	}
}

// needs turns cobra's complaint about arguments into misuse.
func needs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return misuse("%s: %w; see `%s --help`", cmd.Name(), err, cmd.CommandPath())
		}
		return nil
	}
}

// open opens the house once.
func (a *app) open(ctx context.Context) (*wire.House, error) {
	if a.house != nil {
		return a.house, nil
	}
	c, err := config.Load(a.getenv, "HABEAS_DATABASE_URL", "HABEAS_DATAMAP", "HABEAS_KEYS", "HABEAS_BLOBS", "HABEAS_APPROVERS")
	if err != nil {
		return nil, err
	}
	h, err := wire.Open(ctx, c)
	if err != nil {
		return nil, notThere(err) // what it opened half is not ours to close
	}
	a.house = h
	return h, nil
}

// desk opens the house, and Temporal where the operation speaks to workflows.
func (a *app) desk(ctx context.Context, withTemporal bool) (*desk.Desk, error) {
	h, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if withTemporal && a.temporal == nil {
		a.temporal, err = wire.Temporal(ctx, h.Keys, h.Config.CodecOff, "habeas-staff", nil, telemetry.NewLogger(io.Discard, "error"), nil)
		if err != nil {
			return nil, notThere(err)
		}
	}
	return h.Desk(a.temporal), nil
}

func (a *app) close() {
	if a.temporal != nil {
		a.temporal.Close()
	}
	if a.house != nil {
		_ = a.house.Close()
	}
}

// me unlocks the staff member's own key.
func (a *app) me() (seal.StaffKey, error) {
	c, err := config.Load(a.getenv, "HABEAS_STAFF_KEY")
	if err != nil {
		return seal.StaffKey{}, fault.New(contract.ErrBadInput, "HABEAS_STAFF_KEY is not set: it names the file with your own key", err).
			WithHint("make one with `habeas keys new NAME --out FILE`, and have it enrolled")
	}
	passphrase, err := a.passphrase(c, "Passphrase of your key: ")
	if err != nil {
		return seal.StaffKey{}, err
	}
	return seal.ReadStaffKey(c.StaffKey, passphrase)
}

// signer is me, and refuses a key that may not sign now: what it did would stand under a name that
// nobody vouches for.
func (a *app) signer(ctx context.Context) (seal.StaffKey, error) {
	me, err := a.me()
	if err != nil {
		return me, err
	}
	h, err := a.open(ctx)
	if err != nil {
		return me, err
	}
	known, err := h.Store.TrustedStaff(ctx, me.Name, h.Pins)
	switch {
	case fault.Is(err, contract.ErrNotFound):
		return me, fault.New(contract.ErrRefused, "your key is not enrolled: "+me.Name, err).
			WithHint("have it enrolled: `habeas staff enrol " + me.Name + " --key …`; two approvers sign it")
	case err != nil:
		return me, err
	case known.Revoked:
		return me, fault.Newf(contract.ErrRefused, "your key was revoked: %s", me.Name)
	case !known.PublicKey.Equal(me.Public()):
		return me, fault.Newf(contract.ErrRefused, "another key is enrolled under your name: %s", me.Name).
			WithHint("set HABEAS_STAFF_KEY to the file with that one, or have the new one enrolled")
	}
	return me, nil
}

func (a *app) passphrase(c config.Config, prompt string) (string, error) {
	if c.PassphraseFile != "" {
		raw, err := os.ReadFile(c.PassphraseFile)
		if err != nil {
			return "", fault.New(contract.ErrBadInput, "HABEAS_STAFF_PASSPHRASE_FILE cannot be read", err)
		}
		return firstLine(string(raw)), nil
	}
	return a.ask(prompt, true)
}
