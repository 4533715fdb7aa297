package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

func (a *app) demoCommand() *cobra.Command {
	var people int
	cmd := &cobra.Command{
		Use: "demo", Short: "run access requests, a deletion, a breach notice and retention on the example company",
		Long: `Start the local stack, set an invented cloud company up on it, and carry an access request, a
deletion, three cases that the law ends or delays, and a small breach notice through: as its staff and as
the persons whom they are about. Then rows whose time is up go by the rules of its data map.
Leaves the stack up; "habeas stack down" stops it.

HABEAS_DATABASE_URL, HABEAS_DSN_<SYSTEM>, HABEAS_SMTP_URL, HABEAS_SMS_URL, HABEAS_BLOBS and TEMPORAL_*
point it at servers of your own: empty databases, a namespace with our search attributes. What the
demo cannot read on a mail server of yours, the codes in its letters, it works out from the keys.`,
		Example: "  habeas demo --people 2000", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), people) },
	}
	cmd.Flags().IntVar(&people, "people", example.DefaultPeople, "how many people the example company has")
	return cmd
}

func (a *app) demo(ctx context.Context, people int) error {
	told, stop := narrate(a.say)
	defer stop()
	say := told.say
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding ourselves: %w", err)
	}
	c, err := demo.Prepare(ctx, demo.Options{
		BinDir: filepath.Dir(self), Example: example.Options{People: people, Seed: 1}, Env: a.given(), Say: say})
	if err != nil {
		return err
	}
	d, done, err := c.Desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	person := example.Cast().Plain
	say("%s calls and asks what the company holds about them", person.Login)
	answer, err := c.Access(ctx, d, c.Person(person), desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: person.Login}}, Lang: person.Language})
	if err != nil {
		return err
	}
	deleted, err := a.demoDeletion(ctx, c, d, say)
	if err != nil {
		return err
	}
	say("three more write under European law")
	lawful, err := c.Lawful(ctx, d)
	if err != nil {
		return err
	}
	say("a table lay open: those who stand in it are told")
	notice, err := c.Breach(ctx, d)
	if err != nil {
		return err
	}
	say("years of older rows lie in the systems: those whose time is up go by the map's rules")
	swept, err := c.Retention(ctx, d)
	if err != nil {
		return err
	}
	stop()
	a.summary(c, answer)
	if deleted.Ref != "" {
		a.say("\ncase %s (deletion): %s, certificate SHA-256 %.16s…", deleted.Ref.ID(), deleted.Outcome, deleted.Certificate)
	}
	for _, l := range lawful {
		a.say("case %s (access): %s", l.Ref.ID(), l.Says)
	}
	a.say("notice %s: %s, %d letters to %d people", notice.Ref.ID(), notice.Outcome, notice.Sent, notice.People)
	for _, r := range swept {
		a.say("retention of %-24s %s: %d of %d due rows gone, %d left with their reason", r.System+"."+r.Rule, r.State, r.Done, r.Due, r.LeftHeld+r.LeftReferred)
	}
	a.whereToLook(c, deleted.Ref.ID(), notice.Ref.ID())
	return nil
}

// demoDeletion deletes somebody whom no demo before this one has deleted: the data stays from one
// time to the next.
func (a *app) demoDeletion(ctx context.Context, c *demo.Company, d *desk.Desk, say func(string, ...any)) (desk.CaseView, error) {
	dsns, err := c.LoadDSNs()
	if err != nil {
		return desk.CaseView{}, err
	}
	cast := example.Cast()
	for _, leaver := range []example.Person{cast.CaseTwinA, cast.SharedMobileB, cast.NoEmail, cast.CaseTwinB, cast.SharedMobileA} {
		there, err := example.HasAccount(ctx, dsns, leaver.Login)
		if err != nil {
			return desk.CaseView{}, err
		}
		if there {
			say("%s asks to be forgotten", leaver.Login)
			return c.Deletion(ctx, d, c.Person(leaver))
		}
	}
	say("everybody who would ask to be forgotten has been; begin anew with `habeas stack down` and another HABEAS_STATE")
	return desk.CaseView{}, nil
}

// given are the settings that point the demo at servers of one's own. A shell that sourced the file
// of an earlier demo gives none: what stands there is the demo's.
func (a *app) given() map[string]string {
	if a.getenv("HABEAS_DEMO") != "" {
		return nil
	}
	return demo.Own(os.Environ())
}

func (a *app) summary(c *demo.Company, answer demo.Answer) {
	a.say("\ncase %s: %s", answer.Ref.ID(), answer.Case.Outcome)
	rows, systems := map[string]int64{}, []string{}
	for _, f := range answer.Case.Found {
		if _, seen := rows[f.System]; !seen {
			systems = append(systems, f.System)
		}
		rows[f.System] += f.Rows
	}
	for _, s := range systems {
		a.say("  %-10s %d rows", s, rows[s])
	}
	a.say("package      %s (unzip it and open index.html)", answer.Package)
}

// whereToLook ends the demo: what to open, and how to go on by hand.
func (a *app) whereToLook(c *demo.Company, deletion, notice string) {
	a.say("\nTemporal UI  %s", c.TemporalUI())
	a.say("mail         %s", c.MailPage())
	a.say("portal       %s", c.Env["HABEAS_PORTAL_URL"])
	a.say("go on with   . %s; habeas case list", c.EnvFile())
	if deletion != "" {
		a.say("             habeas certificate show %s", deletion)
	}
	a.say("             habeas notice show %s", notice)
	a.say("stop it with make down")
}
