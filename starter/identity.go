package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// identityCommands are what staff do about who is asking.
func (a *app) identityCommands() []*cobra.Command {
	evidence := &cobra.Command{Use: "evidence", Short: "documents that prove who is asking",
		Example: "  habeas case evidence add 7QK2M-9XH4T --file id-card.jpg"}
	evidence.AddCommand(a.evidenceAdd())
	return []*cobra.Command{evidence, a.caseReopen()}
}

func (a *app) evidenceAdd() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "add CASE", Short: "add a document that came by letter or at the counter", Args: needs(cobra.ExactArgs(1)),
		Long: `Add a document to the check that waits for one (task check-identity). It is sealed under the case's key,
shown only by habeas task attachment, and deleted 72 hours after the decision. PDF, JPEG, PNG, HEIC and
archives are taken, by what is in them; 25 MB a file, five files, 60 MB together.`,
		Example: "  habeas case evidence add 7QK2M-9XH4T --file id-card.jpg",
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			if len(files) == 0 {
				return misuse("--file is needed: which document is it?")
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			for _, path := range files {
				if err := addDocument(cmd, d, ref, path, me.Name); err != nil {
					return err
				}
			}
			return a.print(map[string]int{"added": len(files)}, func() { a.say("added to case %s: %d", ref.ID(), len(files)) })
		},
	}
	cmd.Flags().StringArrayVar(&files, "file", nil, "document to add; may be repeated")
	return cmd
}

func addDocument(cmd *cobra.Command, d *desk.Desk, ref contract.Ref, path, by string) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.New(contract.ErrBadInput, "the document cannot be read: "+path, err).WithHint("give the path of a readable file with --file")
	}
	defer func() { _ = f.Close() }() // it was only read
	return d.AddDocument(cmd.Context(), ref.ID(), filepath.Base(path), f, by)
}

func (a *app) caseReopen() *cobra.Command {
	return &cobra.Command{
		Use: "reopen CASE", Short: "take a case up again that was closed because nobody proved who they are", Args: needs(cobra.ExactArgs(1)),
		Long: `Take up a case again that ended as unverified. It becomes a new case with what was asked, linked to the
old one; its clock begins today, when the person came back.`,
		Example: "  habeas case reopen 7QK2M-9XH4T",
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
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
			made, err := d.ReopenCase(cmd.Context(), ref.ID(), me.Name)
			if err != nil {
				return err
			}
			c, err := d.Store.Case(cmd.Context(), made)
			if err != nil {
				return err
			}
			return a.print(c, func() {
				a.say("%s", c.ID)
				a.say("takes up %s; due %s (%s)", ref.ID(), due(c), strings.Join(c.Laws, ", "))
			})
		},
	}
}

// showIdentity prints what a case needs and what was proved, in words.
func (a *app) showIdentity(v desk.CaseView) {
	i := v.Identity
	if i == nil {
		return
	}
	if i.Need.Rung > dsr.RungCode {
		a.say("who is asking: L%d is needed (%s), by any of %s", i.Need.Rung, strings.Join(i.Need.Why, ", "), strings.Join(i.Need.By, ", "))
	}
	if i.LockedUntil != nil && i.Locks > 0 {
		a.say("locked %d times for too many wrong codes, the last time until %s", i.Locks, when(*i.LockedUntil))
	}
}

// showPerson prints who a document must prove somebody to be.
func (a *app) showPerson(t desk.Task) {
	i := t.Shown.Identity
	if i == nil {
		return
	}
	a.say("L%d is needed: %s", i.Rung, strings.Join(i.Why, ", "))
	for _, p := range i.Person {
		a.say("  %s: %s", p.Kind, p.Value)
	}
	if t.State == "open" {
		a.say("habeas task show %s --rows opens who it must be, habeas task attachment %s --out FILE the document", t.ID, t.ID)
	}
}
