package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func (a *app) caseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "case", Short: "open cases and see how far they are", Example: "  habeas case list --open"}
	cmd.AddCommand(a.caseOpen(), a.caseList(), a.caseShow(), a.caseTimeline(), a.caseVerify(), a.caseWithdraw(), a.caseLift(), a.caseWait())
	cmd.AddCommand(a.motionCommands()...)
	return cmd
}

func (a *app) caseOpen() *cobra.Command {
	var o desk.Opening
	identities, speaks := map[string]*string{}, map[string]*string{}
	var received, note string
	var sets []string
	var categories bool
	cmd := &cobra.Command{
		Use: "open KIND", Short: "open a case for somebody who asks: access, deletion, erase-after-access, correction, restriction, portability",
		Long: `Open a case. Say who is asking by what the company knows them by: --account, --email, --mobile.
Each takes the value, - (standard input) or @FILE; without any of them you are asked.
A deletion needs its ground (PIPL Art. 47, GDPR Art. 17): --ground; with --scope account the account is
closed, and the reviewer sees what stands in the way. erase-after-access gives a copy first, and deletes
when it was downloaded or its time is over; it needs the ground too.
A correction names each field with --set: by a usual name such as contact.email, contact.mobile,
contact.address, identity.real_name and identity.id_number, or by the category of its columns in the
data map. The new value never stands on the command line: it is asked for, or read with =@FILE or =-.
A restriction needs its --scope: marketing and tracking stop at once, from the address given, without a
proof, a review or an approval; purpose:NAME and all are proved and signed, and stand until habeas case lift.
Whoever asks for somebody else is an agent, a guardian or a relative of somebody who has died:
--requester, with --representative and an address of theirs. Staff attach what they show, somebody else
decides on it, and only then is the person looked up (PIPL Art. 31, 49; 11 CCR 7063).
An access with --categories-only says what kinds of data there are, why, and who gets them; portability
hands over what the person gave.`,
		Example: "  habeas case open access --email @mail.txt --channel letter --received-at 2026-11-20T09:00:00+08:00\n" +
			"  echo liming | habeas case open access --account - --lang zh\n" +
			"  habeas case open access --categories-only --email @mail.txt\n" +
			"  habeas case open deletion --ground consent-withdrawn --mobile @mobile.txt\n" +
			"  habeas case open deletion --scope account --ground service-ended --account @account.txt\n" +
			"  habeas case open erase-after-access --ground service-ended --email @mail.txt\n" +
			"  habeas case open correction --account @login.txt --set contact.email --set identity.real_name=@name.txt\n" +
			"  habeas case open access --account @account.txt --requester agent --representative @agent.txt --representative-email @agent-mail.txt\n" +
			"  habeas case open restriction --scope marketing --email @mail.txt\n" +
			"  habeas case open restriction --scope purpose:profiling --account @account.txt",
		Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Kind = dsr.CaseKind(args[0])
			if categories && o.Scope == "" {
				o.Scope = dsr.ScopeCategories
			}
			if err := a.identities(&o, identities); err != nil {
				return err
			}
			if err := a.representative(&o, speaks); err != nil {
				return err
			}
			if err := a.wishes(&o, sets); err != nil {
				return err
			}
			if received != "" {
				at, err := parseTime(received)
				if err != nil {
					return err
				}
				o.ReceivedAt = at
			}
			var err error
			if o.Note, err = a.value(note); err != nil {
				return err
			}
			me, err := a.signer(cmd.Context())
			if err != nil {
				return err
			}
			o.OpenedBy = me.Name
			d, err := a.desk(cmd.Context(), true)
			if err != nil {
				return err
			}
			if err := a.mapFits(cmd.Context()); err != nil {
				return err
			}
			ref, err := d.OpenCase(cmd.Context(), o)
			if err != nil {
				return err
			}
			c, err := d.Store.Case(cmd.Context(), ref)
			if err != nil {
				return err
			}
			return a.print(c, func() {
				a.say("%s", c.ID)
				a.say("due %s (%s)", due(c), strings.Join(c.Laws, ", "))
				a.say("see it with: habeas case show %s", c.ID)
			})
		},
	}
	f := cmd.Flags()
	for _, kind := range []string{"account", "email", "mobile"} {
		identities[kind] = f.String(kind, "", "who is asking, by "+kind)
	}
	f.StringVar((*string)(&o.Ground), "ground", "", "why their data is to be deleted: "+strings.Join(desk.GroundWords(), ", "))
	f.StringArrayVar(&sets, "set", nil, "field to correct, such as contact.email or contact.email=@FILE; may be repeated")
	f.StringVar(&o.Scope, "scope", "", "of a restriction what stops: marketing, tracking, purpose:NAME, all; of a deletion: account")
	f.BoolVar(&categories, "categories-only", false, "of an access: the kinds of data, and none of the data")
	f.StringSliceVar(&o.Laws, "law", nil, "law that applies; may be repeated (default: the company's)")
	f.StringVar(&o.Lang, "lang", "", "language of the letters until the directory says otherwise: zh or en")
	f.StringVar(&o.Channel, "channel", "", "how it reached us: "+strings.Join(dsr.Channels, ", ")+" (default phone)")
	f.StringVar(&o.Requester, "requester", "", "who asks: "+strings.Join(dsr.Requesters, ", ")+" (default self)")
	speakerFlags(f, speaks)
	f.StringVar(&received, "received-at", "", "when it reached the company, such as 2026-11-20 or 2026-11-20T09:00:00+08:00 (default now)")
	f.StringVar(&note, "note", "", "the person's own words; sealed")
	return cmd
}

func (a *app) identities(o *desk.Opening, flags map[string]*string) error {
	for _, kind := range []string{"account", "email", "mobile"} {
		v, err := a.value(*flags[kind])
		if err != nil {
			return err
		}
		if v != "" {
			o.Identities = append(o.Identities, dsr.Identity{Kind: kind, Value: v})
		}
	}
	if len(o.Identities) > 0 {
		return nil
	}
	for _, kind := range []string{"account", "email", "mobile"} {
		v, err := a.ask("Their "+kind+" (empty: not known): ", false)
		if err != nil {
			return fault.New(contract.ErrBadInput, "who is asking? give --account, --email or --mobile", err).
				WithHint("each takes the value, - (standard input) or @FILE")
		}
		if v != "" {
			o.Identities = append(o.Identities, dsr.Identity{Kind: kind, Value: v})
		}
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Newf(contract.ErrBadInput, "%q is not a time; write 2026-11-20 or 2026-11-20T09:00:00+08:00", s)
}

// caseRef reads a case number as people write it.
func caseRef(s string) (contract.Ref, error) {
	id, err := contract.ParseID(s)
	if err != nil {
		return "", fault.New(contract.ErrBadInput, err.Error(), err)
	}
	return contract.NewRef(contract.KindCase, id), nil
}

func (a *app) caseList() *cobra.Command {
	var filter casefile.Filter
	var due string
	cmd := &cobra.Command{
		Use: "list", Short: "list cases, those due first on top", Args: needs(cobra.NoArgs),
		Example: "  habeas case list --open\n  habeas case list --state review -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if due != "" {
				at, err := parseTime(due)
				if err != nil {
					return err
				}
				filter.DueBefore = &at
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			cases, err := d.Store.ListCases(cmd.Context(), filter)
			if err != nil {
				return err
			}
			if cases == nil {
				cases = []casefile.Case{}
			}
			return a.print(cases, func() {
				var rows [][]string
				for _, c := range cases {
					rows = append(rows, []string{c.ID, kindOf(c), string(c.State), dash(string(c.Outcome)), when(c.LastMoment()), dash(c.WaitingOn)})
				}
				a.table([]string{"CASE", "KIND", "STATE", "OUTCOME", "DUE", "WAITS ON"}, rows)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&filter.Open, "open", false, "only those that are not closed")
	f.StringVar(&filter.State, "state", "", "only those in this state")
	f.StringVar(&filter.Kind, "kind", "", "only those of this kind")
	f.StringVar(&due, "due-before", "", "only those due before this time")
	f.IntVar(&filter.Limit, "limit", 100, "how many at most")
	f.StringVar(&filter.After, "after", "", "the last case of the page before")
	return cmd
}

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
	a.say("received %s by %s, opened %s by %s, due %s (%s)", when(v.ReceivedAt), v.Channel, when(v.OpenedAt), v.OpenedBy, due(v.Case), strings.Join(v.Laws, ", "))
	if dsr.Represented(v.Requester) {
		a.say("brought for the person by: %s", v.Requester)
	}
	if v.WaitingOn != "" {
		a.say("waits on %s", v.WaitingOn)
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

func (a *app) caseVerify() *cobra.Command {
	var code string
	cmd := &cobra.Command{
		Use: "verify ID", Short: "enter the code that the person read out over the phone",
		Long: "Enter the one-time code. Without --code you are asked. With --send a new code goes to the registered channel.\n" +
			"In a correction the code that went to a new address is entered here too.",
		Example: "  habeas case verify 7QK2M-9XH4T\n  habeas case verify 7QK2M-9XH4T --code -", Args: needs(cobra.ExactArgs(1)),
	}
	send := cmd.Flags().Bool("send", false, "send a new code instead")
	cmd.Flags().StringVar(&code, "code", "", "the code; - for standard input")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ref, err := caseRef(args[0])
		if err != nil {
			return err
		}
		d, err := a.desk(cmd.Context(), true)
		if err != nil {
			return err
		}
		if *send {
			if _, err := d.Store.Case(cmd.Context(), ref); err != nil {
				return err
			}
			d.RequestCode(cmd.Context(), ref.ID(), dsr.CodeVerify)
			a.say("asked for: a code goes to the registered channel, unless there were too many within the hour")
			return nil
		}
		if code, err = a.value(code); err != nil {
			return err
		}
		if code == "" {
			if code, err = a.ask("Code: ", false); err != nil {
				return err
			}
		}
		met, left, err := d.VerifyCode(cmd.Context(), ref.ID(), code)
		if err != nil {
			return err
		}
		if !met {
			return fault.Newf(contract.ErrRefused, "the code is wrong or has run out; %d tries left", left).
				WithHint("habeas case verify " + ref.ID() + " --send sends a new one")
		}
		return a.print(map[string]bool{"verified": true}, func() { a.say("verified; the case goes on") })
	}
	return cmd
}

func (a *app) caseWait() *cobra.Command {
	var state string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "wait ID", Short: "wait until a case is in a state, for scripts",
		Example: "  habeas case wait 7QK2M-9XH4T --state review --timeout 2m", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := caseRef(args[0])
			if err != nil {
				return err
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			deadline := time.Now().Add(timeout)
			for {
				c, err := d.Store.Case(cmd.Context(), ref)
				if err != nil {
					return err
				}
				if string(c.State) == state {
					return a.print(c, func() { a.say("%s is %s", c.ID, c.State) })
				}
				if c.State == dsr.StateClosed || time.Now().After(deadline) {
					return fault.Newf(contract.ErrRefused, "%s is %s, not %s; it waits on %s", c.ID, c.State, state, dash(c.WaitingOn))
				}
				select {
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				case <-time.After(200 * time.Millisecond):
				}
			}
		},
	}
	cmd.Flags().StringVar(&state, "state", string(dsr.StateClosed), "the state to wait for")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long at most")
	return cmd
}
