package main

import (
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
	cmd.AddCommand(a.identityCommands()...)
	return cmd
}

func (a *app) caseOpen() *cobra.Command {
	var o desk.Opening
	identities, speaks := map[string]*string{}, map[string]*string{}
	var received, note, about string
	var sets []string
	var categories bool
	cmd := &cobra.Command{
		Use: "open KIND", Short: "open a case for somebody who asks: access, deletion, erase-after-access, correction, restriction, portability, complaint",
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
hands over what the person gave.
A complaint is --about another case, however that one ended. The answer goes where that case's letters go;
where it never knew whose it is, to --email or --mobile.`,
		Example: "  habeas case open access --email @mail.txt --channel letter --received-at 2026-11-20T09:00:00+08:00\n" +
			"  echo liming | habeas case open access --account - --lang zh\n" +
			"  habeas case open access --categories-only --email @mail.txt\n" +
			"  habeas case open deletion --ground consent-withdrawn --mobile @mobile.txt\n" +
			"  habeas case open deletion --scope account --ground service-ended --account @account.txt\n" +
			"  habeas case open erase-after-access --ground service-ended --email @mail.txt\n" +
			"  habeas case open correction --account @login.txt --set contact.email --set identity.real_name=@name.txt\n" +
			"  habeas case open access --account @account.txt --requester agent --representative @agent.txt --representative-email @agent-mail.txt\n" +
			"  habeas case open restriction --scope marketing --email @mail.txt\n" +
			"  habeas case open restriction --scope purpose:profiling --account @account.txt\n" +
			"  habeas case open access --received-by yunzhan-pay --received-at 2026-11-20 --email @mail.txt\n" +
			"  habeas case open complaint --about 7QK2M-9XH4T --channel letter --note @complaint.txt",
		Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Kind = dsr.CaseKind(args[0])
			if categories && o.Scope == "" {
				o.Scope = dsr.ScopeCategories
			}
			if about != "" {
				ref, err := caseRef(about)
				if err != nil {
					return err
				}
				o.About = ref
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
	f.StringVar(&about, "about", "", "of a complaint: the case that it is about")
	f.StringSliceVar(&o.Laws, "law", nil, "law that applies; may be repeated (default: the company's)")
	f.StringVar(&o.Lang, "lang", "", "language of the letters until the directory says otherwise: zh or en")
	f.StringVar(&o.Channel, "channel", "", "how it reached us: "+strings.Join(dsr.Channels, ", ")+" (default phone)")
	f.StringVar(&o.Requester, "requester", "", "who asks: "+strings.Join(dsr.Requesters, ", ")+" (default self)")
	speakerFlags(f, speaks)
	f.StringVar(&received, "received-at", "", "when it reached the company, such as 2026-11-20 or 2026-11-20T09:00:00+08:00 (default now)")
	f.StringVar(&o.ReceivedBy, "received-by", "", "the affiliate that it reached, by its name in company.yaml: the time runs from then, so --received-at too")
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
	if len(o.Identities) > 0 || o.Kind == dsr.Complaint { // whose it is, the case complained about mostly knows
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
		now, err := d.Ladder(cmd.Context(), ref.ID())
		if err != nil && !fault.Is(err, contract.ErrNotFound) {
			return err
		}
		verified := now.Met || err != nil
		return a.print(map[string]bool{"verified": verified}, func() {
			if verified {
				a.say("verified; the case goes on")
				return
			}
			a.say("the code is right; this case needs more: habeas case show %s", ref.ID())
		})
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
