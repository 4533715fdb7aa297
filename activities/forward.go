package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/subject"
)

// customerKey stands for a customer where neither its name nor its address may: in Temporal and in the
// outbox.
func customerKey(k *datamap.Customer) string {
	sum := sha256.Sum256([]byte(k.Contact))
	return hex.EncodeToString(sum[:6])
}

// holding is a collection with rows of the person that are held for a customer.
type holding struct {
	collection *datamap.Collection
	rows       int64
}

// holdings are those that the search has found, in map order.
func (a *Activities) holdings(ctx context.Context, ref contract.Ref) ([]holding, error) {
	counts, err := a.Store.Counts(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []holding
	for _, sys := range a.Map.Systems {
		for _, c := range sys.Collections {
			if n := counts[c.ID()]; c.ProcessedFor != nil && n > 0 {
				list = append(list, holding{c, n})
			}
		}
	}
	return list, nil
}

// FindCustomers says for which customers something of a verified person is held.
func (a *Activities) FindCustomers(ctx context.Context, in contract.RefInput) (contract.Customers, error) {
	var out contract.Customers
	if err := a.verified(ctx, in.Ref); err != nil {
		return out, err
	}
	list, err := a.holdings(ctx, in.Ref)
	for _, h := range list {
		if key := customerKey(h.collection.ProcessedFor); !slices.Contains(out.Keys, key) {
			out.Keys = append(out.Keys, key)
		}
	}
	return out, err
}

// customer is whom a letter that forwards a request is for, and what is held for them: a customer for
// whom nothing of the person was found hears nothing.
func (a *Activities) customer(ctx context.Context, ref contract.Ref, occasion string) (*datamap.Customer, []holding, error) {
	if err := a.verified(ctx, ref); err != nil {
		return nil, nil, err
	}
	list, err := a.holdings(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	var whom *datamap.Customer
	list = slices.DeleteFunc(list, func(h holding) bool {
		mine := contract.ForwardOccasion(customerKey(h.collection.ProcessedFor))
		if occasion != mine && !strings.HasPrefix(occasion, mine+"-") { // with its number where it is sent again
			return true
		}
		whom = h.collection.ProcessedFor
		return false
	})
	if whom == nil {
		return nil, nil, fault.Newf(contract.ErrNotApproved, "%s: nothing of the person is held for that customer", ref)
	}
	return whom, list, nil
}

// forwardLetter sends a request on to a customer.
func (a *Activities) forwardLetter(ctx context.Context, in contract.LetterInput) (contract.LetterResult, error) {
	to, f, err := a.forwarded(ctx, in)
	if err != nil {
		return contract.LetterResult{}, err
	}
	state, err := a.deliver(ctx, in, to, f, &to.Channels[0])
	return contract.LetterResult{State: state}, err
}

// forwarded is the letter that sends a request on: what is asked, by whom (masked: the customer asks us by
// the case number for what it needs), and where their rows lie.
func (a *Activities) forwarded(ctx context.Context, in contract.LetterInput) (to subject.Account, f letters.Fields, err error) {
	whom, list, err := a.customer(ctx, in.Ref, in.Occasion)
	if err != nil {
		return to, f, err
	}
	if err := a.mayTell(ctx, in); err != nil {
		return to, f, err
	}
	person, err := a.account(ctx, in.Ref)
	if err != nil {
		return to, f, err
	}
	c, err := a.Store.Case(ctx, in.Ref)
	if err != nil {
		return to, f, err
	}
	zone, err := zoneOf(c)
	if err != nil {
		return to, f, err
	}
	to = subject.Account{Lang: a.Map.Company.Languages[0], Channels: []subject.Channel{{Kind: "email", Address: whom.Contact}}}
	f = letters.Fields{CaseNo: in.Ref.ID(), Channel: c.Channel, ReceivedAt: c.ReceivedAt, DueAt: c.LastMoment(), Zone: zone,
		PortalHost: portalHost(a.Config.PortalURL), Company: a.Map.Company, Salutation: whom.Name.In(to.Lang), Kind: string(c.Kind)}
	for _, h := range list {
		f.Done = append(f.Done, fmt.Sprintf("%s: %d", within(h.collection.System, h.collection).In(to.Lang), h.rows))
	}
	for _, ch := range person.Channels {
		f.Person = append(f.Person, ch.Kind+": "+dsr.Mask(ch.Kind, ch.Address))
	}
	return to, f, nil
}

// redirectFields adds to the person's letter to whom the request was forwarded.
func (a *Activities) redirectFields(ctx context.Context, ref contract.Ref, lang string, f *letters.Fields) error {
	list, err := a.holdings(ctx, ref)
	if err != nil {
		return err
	}
	f.Told = nil
	for _, h := range list {
		k := h.collection.ProcessedFor
		if line := fmt.Sprintf("%s (%s)", k.Name.In(lang), k.Contact); !slices.Contains(f.Told, line) {
			f.Told = append(f.Told, line)
		}
	}
	return nil
}

// mayRedirect says whether there is anybody to whom the request was forwarded.
func (a *Activities) mayRedirect(ctx context.Context, ref contract.Ref) error {
	list, err := a.holdings(ctx, ref)
	if err == nil && len(list) == 0 {
		err = fault.Newf(contract.ErrNotApproved, "%s was forwarded to nobody", ref)
	}
	return err
}

// showForwarded shows what is left to customers.
func (a *Activities) showForwarded(ctx context.Context, s *dsr.Shown) error {
	list, err := a.holdings(ctx, s.Ref)
	for _, h := range list {
		k := h.collection.ProcessedFor
		s.Forwarded = append(s.Forwarded, fmt.Sprintf("%s: %d, %s", h.collection.ID(), h.rows, or(k.Name.EN, k.Name.ZH)))
	}
	return err
}

// forCustomer is why a collection is not in the package.
func forCustomer(k *datamap.Customer) datamap.Text {
	return datamap.Text{
		ZH: fmt.Sprintf("我们仅受%s委托处理这部分内容，已将您的请求转交该公司（%s）", k.Name.In("zh"), k.Contact),
		EN: fmt.Sprintf("We hold this for %s alone, which decides about it: your request was forwarded to it (%s)", k.Name.In("en"), k.Contact),
	}
}

// heldElsewhere says whether rows of the collection were found that are a customer's.
func heldElsewhere(c *datamap.Collection, counts map[string]int64) bool {
	return c.ProcessedFor != nil && counts[c.ID()] > 0
}
