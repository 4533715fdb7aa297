package desk

import (
	"context"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// completeComplaint checks what a complaint is about, and takes laws and language from there where they
// were left open. Where that case never knew whose it was, the complaint must say where the answer goes.
func (d *Desk) completeComplaint(ctx context.Context, o *Opening) error {
	if o.Kind != dsr.Complaint {
		if o.About != "" {
			return fault.Newf(contract.ErrBadInput, "only a complaint is about another case").WithHint("habeas case open complaint --about " + o.About.ID())
		}
		return nil
	}
	if o.About == "" {
		return fault.New(contract.ErrBadInput, "a complaint is about a case: which one?", nil).WithHint("habeas case open complaint --about CASE")
	}
	about, err := d.Store.Case(ctx, o.About)
	if fault.Is(err, contract.ErrNotFound) {
		return fault.New(contract.ErrBadInput, "there is no case "+o.About.ID()+" to complain about", err).
			WithHint("one whose record-keeping time is over is forgotten; answer such a complaint by letter")
	}
	if err != nil {
		return err
	}
	if len(o.Laws) == 0 {
		o.Laws = about.Laws
	}
	o.Lang = or(o.Lang, about.Lang)
	_, chosen, err := d.Store.Accounts(ctx, o.About)
	if err != nil {
		return err
	}
	o.known = chosen >= 0
	if !o.known && !slices.ContainsFunc(o.Identities, func(id dsr.Identity) bool { return id.Kind == "email" || id.Kind == "mobile" }) {
		return fault.New(contract.ErrBadInput, "case "+about.ID+" never knew whose it is: where does the answer go?", nil).WithHint("give --email or --mobile")
	}
	return nil
}

// OtherCase is another case, for who looks at one that has to do with it.
type OtherCase struct {
	ID         string      `json:"id"`
	State      dsr.State   `json:"state"`
	Outcome    dsr.Outcome `json:"outcome"`
	ReceivedAt time.Time   `json:"received_at"`
}

func viewOthers(list []casefile.Case) []OtherCase {
	var views []OtherCase
	for _, c := range list {
		views = append(views, OtherCase{ID: c.ID, State: c.State, Outcome: c.Outcome, ReceivedAt: c.ReceivedAt})
	}
	return views
}
