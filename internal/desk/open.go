package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/clocks"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// Opening is a request as it reached the company.
type Opening struct {
	Kind       dsr.CaseKind
	Identities []dsr.Identity // as the person said them; normalised here
	Laws       []string       // empty: the company's own
	Lang       string         // empty: the company's first
	Channel    string         // empty: "phone"
	Requester  string         // empty: "self"
	ReceivedAt time.Time      // zero: now. When it reached the company, not when it was typed
	Note       string
	Ground     dsr.Ground // of a deletion: why the person may have their data deleted
	Wishes     []dsr.Wish // of a correction: the new values; normalised here
	Scope      string     // of a restriction which purposes end; see dsr
	// Representative is who asks for somebody else; nil where the person does. Normalised here.
	Representative *dsr.Representative
	OpenedBy       string // the member of staff whose key was unlocked, or who else opened it
	// controller is the request of another company, which only OpenForController sets.
	controller *casefile.ControllerRequest
	restored   *Restored // somebody who is back in a restored system; only OpenReplay sets it
}

// OpenCase writes the case and then starts its workflow. When the start fails the case is there
// all the same: the reconciler starts it within a minute, and the error says so.
func (d *Desk) OpenCase(ctx context.Context, o Opening) (contract.Ref, error) {
	if err := d.complete(&o); err != nil {
		return "", err
	}
	laws, err := d.book().Laws(o.Laws, o.ReceivedAt)
	if err != nil {
		return "", err
	}
	for _, law := range laws {
		if !allows(law.Profile, o) {
			return "", fault.Newf(contract.ErrBadInput, "%s knows no right to %s", law.Profile.Name, o.Kind)
		}
	}
	if o.Requester == dsr.RequesterRelative && !slices.ContainsFunc(laws, func(l jurisdiction.Law) bool { return l.Profile.Allows("deceased_relative") }) {
		return "", fault.Newf(contract.ErrBadInput, "no law of this case gives relatives of the dead a right").WithHint("cn-pipl does (PIPL Art. 49): --law cn-pipl")
	}
	clock, err := jurisdiction.EarliestAnswer(laws, string(o.Kind), o.ReceivedAt, nil, d.Now())
	if err != nil {
		return "", err
	}
	pins, err := clocks.Pins(laws)
	if err != nil {
		return "", err
	}
	ref, err := d.Store.CreateCase(ctx, casefile.NewCase{
		Kind: o.Kind, Laws: o.Laws, Lang: o.Lang, Channel: o.Channel, Requester: o.Requester, OpenedBy: o.OpenedBy,
		MapHash: d.Map.Hash, ReceivedAt: o.ReceivedAt, DueAt: clock.Strict, Pins: pins,
		Ground: o.Ground, Controller: o.controller, Scope: o.Scope, Suppress: d.suppressing(o),
		Request: o.request(),
	})
	if err != nil {
		return "", err
	}
	if err := d.start(ctx, ref, o.Kind); err != nil {
		return ref, fault.New(contract.ErrUnavailable, "the case "+ref.ID()+" is written, but its workflow did not start", err).
			WithHint("nothing is lost: it is started within a minute once Temporal and a worker are up")
	}
	return ref, nil
}

// complete fills what was left open and checks the rest.
func (d *Desk) complete(o *Opening) error {
	bad := func(format string, args ...any) *fault.Error {
		return fault.Newf(contract.ErrBadInput, format, args...)
	}
	if o.ReceivedAt.IsZero() {
		o.ReceivedAt = d.Now()
	}
	o.Channel, o.Requester = or(o.Channel, "phone"), or(o.Requester, "self")
	o.Lang = or(o.Lang, d.Map.Company.Languages[0])
	if len(o.Laws) == 0 {
		o.Laws = []string{d.Map.Company.Law}
	}
	switch {
	case !slices.Contains(dsr.CaseKinds, o.Kind):
		return bad("unknown kind of case %q", o.Kind).WithHint("the known ones: " + strings.Join(kindWords(), ", "))
	case o.Kind.Erases() && !slices.Contains(dsr.Grounds, o.Ground):
		return bad("a deletion needs its ground, and %q is none", o.Ground).WithHint("--ground takes " + strings.Join(GroundWords(), ", "))
	case !o.Kind.Erases() && o.Ground != "":
		return bad("only a deletion has a ground")
	case (o.restored == nil) != (o.Requester != dsr.RequesterReplay):
		return bad("who is back in a restored system is found by habeas deletion replay, and not by hand")
	case d.wrongScope(o) != nil:
		return d.wrongScope(o)
	case len(o.Identities) == 0 && o.restored == nil:
		return bad("who is asking? give --account, --email or --mobile")
	case !slices.Contains(d.Map.Company.Languages, o.Lang):
		return bad("the company does not write letters in %q", o.Lang).
			WithHint("its languages are " + strings.Join(d.Map.Company.Languages, ", "))
	case !slices.Contains(dsr.Channels, o.Channel):
		return bad("unknown channel %q", o.Channel).WithHint("the known ones are " + strings.Join(dsr.Channels, ", "))
	case !slices.Contains(dsr.Requesters, o.Requester):
		return bad("unknown requester %q", o.Requester).WithHint("the known ones are " + strings.Join(dsr.Requesters, ", "))
	case o.controller == nil && (o.Requester == dsr.RequesterController || o.Channel == "opendsr"):
		return bad("requests of controllers come over OpenDSR, signed, and not by hand")
	case o.ReceivedAt.After(d.Now()):
		return bad("the request cannot have been received in the future (%s)", o.ReceivedAt.Format(time.RFC3339))
	case o.ReceivedAt.Before(d.Now().AddDate(-1, 0, 0)):
		return bad("a request received more than a year ago (%s) is surely a typing error", o.ReceivedAt.Format(time.RFC3339))
	case len(o.Note) > 4000:
		return bad("the note is longer than 4,000 bytes")
	}
	for i, id := range o.Identities {
		value, err := d.Map.Normalise(id.Kind, id.Value)
		if err != nil {
			return err
		}
		o.Identities[i] = dsr.Identity{Kind: id.Kind, Value: value}
	}
	if err := d.completeRepresentative(o); err != nil {
		return err
	}
	return d.completeWishes(o)
}

// completeRepresentative holds whoever asks for somebody else against what must be known of them.
func (d *Desk) completeRepresentative(o *Opening) error {
	r := o.Representative
	switch {
	case !dsr.Represented(o.Requester) && r == nil:
		return nil
	case !dsr.Represented(o.Requester):
		return fault.Newf(contract.ErrBadInput, "only whoever asks for somebody else has a representative's name").WithHint("--requester takes agent, guardian, relative")
	case r == nil:
		r = &dsr.Representative{}
	}
	if missing := r.Missing(o.Requester); missing != "" {
		return fault.New(contract.ErrBadInput, missing, nil).WithHint("--representative, --representative-email, --representative-mobile, --purpose; each takes the value, - or @FILE")
	}
	for kind, value := range map[string]*string{"email": &r.Email, "mobile": &r.Mobile} {
		if *value == "" {
			continue
		}
		normal, err := d.Map.Normalise(kind, *value)
		if err != nil {
			return err
		}
		*value = normal
	}
	o.Representative = r
	return nil
}

func (o *Opening) request() casefile.Request {
	r := casefile.Request{Identities: o.Identities, Note: o.Note, Wishes: o.Wishes, Representative: o.Representative}
	if o.restored != nil {
		r.Directory, r.Key = o.restored.directory, o.restored.key
	}
	return r
}

func kindWords() []string {
	words := make([]string, len(dsr.CaseKinds))
	for i, k := range dsr.CaseKinds {
		words[i] = string(k)
	}
	return words
}

// GroundWords are the grounds of a deletion, for help.
func GroundWords() []string {
	words := make([]string, len(dsr.Grounds))
	for i, g := range dsr.Grounds {
		words[i] = string(g)
	}
	return words
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
