package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/portal"
	"github.com/habeas-dsr/habeas/internal/seal"
)

func (a *app) staffCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "staff", Short: "who may sign", Example: "  habeas staff list"}
	cmd.AddCommand(a.staffEnrol(), a.staffList(), a.staffRevoke(), a.staffToken())
	return cmd
}

func (a *app) staffEnrol() *cobra.Command {
	var key string
	var roles []string
	cmd := &cobra.Command{
		Use: "enrol NAME", Short: "propose to let somebody sign; two approvers must agree",
		Example: "  habeas staff enrol dan --key hk1:… --role reviewer", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.value(key)
			if err != nil {
				return err
			}
			public, err := seal.DecodePublic(strings.TrimSpace(text))
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
			var list []dsr.Role
			for _, r := range roles {
				list = append(list, dsr.Role(r))
			}
			ref, err := d.Enrol(cmd.Context(), args[0], public, list, me.Name)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"ref": string(ref)}, func() { a.say("%s: two approvers sign it with `habeas task list` and `habeas task approve`", ref) })
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key that `habeas keys new` printed; - or @FILE")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "role; may be repeated")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (a *app) staffList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list who may sign, pinned and enrolled", Args: needs(cobra.NoArgs), Example: "  habeas staff list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			enrolled, err := d.Store.ListStaff(cmd.Context())
			if err != nil {
				return err
			}
			type member struct {
				Name    string     `json:"name"`
				Roles   []dsr.Role `json:"roles"`
				By      string     `json:"enrolled_by"`
				Revoked *time.Time `json:"revoked_at,omitempty"`
			}
			members := []member{}
			for name, pin := range d.Pins {
				members = append(members, member{name, pin.Roles, "pinned", nil})
			}
			slices.SortFunc(members, func(x, y member) int { return strings.Compare(x.Name, y.Name) })
			for _, s := range enrolled {
				members = append(members, member{s.Name, s.Roles, string(s.EnrolledBy), s.RevokedAt})
			}
			return a.print(members, func() {
				var rows [][]string
				for _, m := range members {
					rows = append(rows, []string{m.Name, fmt.Sprint(m.Roles), m.By, whenever(m.Revoked)})
				}
				a.table([]string{"NAME", "ROLES", "ENROLLED BY", "REVOKED"}, rows)
			})
		},
	}
}

func (a *app) staffRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "end somebody's signing at once; what they signed before stands",
		Example: "  habeas staff revoke dan", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			if err := d.Store.RevokeStaff(cmd.Context(), args[0], me.Name); err != nil {
				return err
			}
			return a.print(map[string]string{"revoked": args[0]}, func() { a.say("%s may not sign any more", args[0]) })
		},
	}
}

func (a *app) staffToken() *cobra.Command {
	var valid time.Duration
	cmd := &cobra.Command{
		Use: "token", Short: "print a token with which the Temporal UI and CLI may open payloads", Args: needs(cobra.NoArgs),
		Example: "  temporal workflow show -w case/7QK2M-9XH4T --codec-endpoint http://127.0.0.1:8480/codec --codec-auth \"Bearer $(habeas staff token)\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if valid <= 0 || valid > 24*time.Hour {
				return misuse("--valid takes a time of at most 24h")
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			a.say("%s", portal.NewOperatorToken(sessionKey(h.Keys), me.Name, time.Now().Add(valid)))
			return nil
		},
	}
	cmd.Flags().DurationVar(&valid, "valid", 8*time.Hour, "for how long")
	return cmd
}

// sessionKey signs the portal's sessions and operators' tokens; it follows from the installation's
// keys, so that several portals agree.
func sessionKey(k *seal.Keys) []byte { return k.KeyedHash("portal session", []byte("v1")) }

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "make and turn keys", Example: "  habeas keys new an --out ~/habeas-an.key"}
	initial := &cobra.Command{
		Use: "init [DIR]", Short: "make the installation's keys; keep a copy where only you can read it",
		Long:    "Make the installation's keys in DIR, or in the folder that HABEAS_KEYS names. Keys that exist are never written over.",
		Example: "  habeas keys init /etc/habeas/keys", Args: needs(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := a.getenv("HABEAS_KEYS")
			if len(args) == 1 {
				dir = args[0]
			}
			if dir == "" {
				return misuse("where to? give a folder, or set HABEAS_KEYS")
			}
			if err := seal.Init(dir); err != nil {
				return err
			}
			a.say("made; set HABEAS_KEYS=%s", dir)
			a.say("whoever loses these files loses every sealed case; whoever reads them can open all")
			return nil
		},
	}
	rotate := &cobra.Command{
		Use: "rotate", Short: "make a new wrapping key and wrap every data key anew", Args: needs(cobra.NoArgs), Example: "  habeas keys rotate",
		Long: "Make a new wrapping key; what an older one wrapped still opens. The database role of the worker\n(habeas_app) is needed: that of staff may not touch data keys.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			// What an earlier key wrapped comes first: it tells whether this role may, before a key is made.
			if _, err := h.Store.RewrapKeys(cmd.Context()); err != nil {
				return err
			}
			if err := seal.Rotate(h.Config.Keys); err != nil {
				return err
			}
			a.close()
			a.house, a.temporal = nil, nil
			if h, err = a.open(cmd.Context()); err != nil {
				return err
			}
			n, err := h.Store.RewrapKeys(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]int64{"rewrapped": n}, func() {
				a.say("%d data keys wrapped anew; restart workers and portal so that they use the new key", n)
			})
		},
	}
	cmd.AddCommand(initial, a.keysNew(), rotate)
	return cmd
}

func (a *app) keysNew() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "make your own signing key, under a passphrase", Args: needs(cobra.ExactArgs(1)),
		Example: "  habeas keys new an --out ~/habeas-an.key",
		RunE: func(_ *cobra.Command, args []string) error {
			passphrase, err := a.newPassphrase()
			if err != nil {
				return err
			}
			key, err := seal.NewStaffKey(args[0], random)
			if err != nil {
				return err
			}
			if err := seal.WriteStaffKey(out, key, passphrase); err != nil {
				return err
			}
			public := seal.EncodePublic(key.Public())
			return a.print(map[string]string{"name": key.Name, "public_key": public, "file": out}, func() {
				a.say("%s", public)
				_, _ = fmt.Fprintf(a.errOut, "written to %s; set HABEAS_STAFF_KEY to it, and have the key above enrolled\n", out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (0600)")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func (a *app) newPassphrase() (string, error) {
	if file := a.getenv("HABEAS_STAFF_PASSPHRASE_FILE"); file != "" {
		raw, err := os.ReadFile(file)
		return firstLine(string(raw)), err
	}
	first, err := a.ask("New passphrase: ", true)
	if err != nil {
		return "", err
	}
	again, err := a.ask("Once more: ", true)
	if err != nil {
		return "", err
	}
	if first != again {
		return "", misuse("the two passphrases differ; nothing was written")
	}
	return first, nil
}
