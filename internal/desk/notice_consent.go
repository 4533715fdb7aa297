package desk

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/habeas-dsr/habeas/internal/announce"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/incident"
)

// reader finds the letter whose check code that is. A wrong code and an unknown notice look the same:
// ok is false.
func (d *Desk) reader(ctx context.Context, id, code string) (known casefile.Notice, n int64, ok bool, err error) {
	ref := contract.NewRef(contract.KindNotice, id)
	n, form, ok := announce.ReadCheckCode(code)
	if !ok {
		return known, 0, false, nil
	}
	known, err = d.Store.Notice(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return known, 0, false, nil
	}
	if err != nil {
		return known, 0, false, err
	}
	key, err := d.Store.Key(ctx, ref)
	if err != nil {
		return known, 0, false, err
	}
	right := n <= known.People && subtle.ConstantTimeCompare([]byte(form), []byte(announce.CheckCode(key, n))) == 1
	return known, n, right, nil
}

// Changed is one change of the policy that holds for somebody only if they agree (PIPL 14(2)).
type Changed struct {
	Clause, Before, After string
	Agreed                bool // the reader has said so
}

// ConsentAsked lists what the reader of a letter is asked to agree to; none where nothing asks, where
// the code is wrong, and for a canary.
func (d *Desk) ConsentAsked(ctx context.Context, id, code, lang string) ([]Changed, error) {
	known, n, ok, err := d.reader(ctx, id, code)
	if err != nil || !ok || n < 1 {
		return nil, err
	}
	asked, err := d.asked(ctx, known)
	if err != nil || len(asked) == 0 {
		return nil, err
	}
	said, err := d.Store.Consents(ctx, known.Ref, n)
	if err != nil {
		return nil, err
	}
	var out []Changed
	for _, c := range asked {
		hash := changeHash(c)
		out = append(out, Changed{Clause: c.Clause, Before: c.Before.In(lang), After: c.After.In(lang),
			Agreed: slices.ContainsFunc(said, func(s casefile.Consent) bool { return s.Agreed && string(s.Change) == string(hash) })})
	}
	return out, nil
}

// Consent writes what the reader of a letter says to each change that ConsentAsked lists: agreed are
// the places of those they agree to, and the rest they do not. A wrong code is false.
func (d *Desk) Consent(ctx context.Context, id, code string, agreed []int) (bool, error) {
	known, n, ok, err := d.reader(ctx, id, code)
	if err != nil || !ok || n < 1 {
		return false, err
	}
	asked, err := d.asked(ctx, known)
	if err != nil || len(asked) == 0 {
		return false, err
	}
	var said []casefile.Consent
	for i, c := range asked {
		said = append(said, casefile.Consent{Change: changeHash(c), Agreed: slices.Contains(agreed, i)})
	}
	return true, d.Store.PutConsents(ctx, known.Ref, n, said)
}

// asked are the changes of a notice that need consent.
func (d *Desk) asked(ctx context.Context, n casefile.Notice) ([]incident.Change, error) {
	if n.Kind != string(incident.PolicyChange) || n.AbortedAt != nil {
		return nil, nil
	}
	f, err := d.incident(ctx, n.Ref)
	if err != nil || f.Policy == nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(f.Policy.Changes), func(c incident.Change) bool { return c.Touches == "nothing" }), nil
}

// changeHash is over the change as it is shown, in every language.
func changeHash(c incident.Change) []byte {
	raw, _ := json.Marshal(c) //nolint:errchkjson // texts cannot fail
	sum := sha256.Sum256(raw)
	return sum[:]
}

// ConsentCount is how many of the list have agreed to one change.
type ConsentCount struct {
	Clause    string `json:"clause"`
	Touches   string `json:"touches"`
	Agreed    int64  `json:"agreed"`
	NotAgreed int64  `json:"not_agreed"`
}

// ConsentCounts counts them by change.
func (d *Desk) ConsentCounts(ctx context.Context, ref contract.Ref) ([]ConsentCount, error) {
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return nil, err
	}
	asked, err := d.asked(ctx, n)
	list := []ConsentCount{}
	for _, c := range asked {
		agreed, people, err := d.Store.CountConsents(ctx, ref, changeHash(c))
		if err != nil {
			return nil, err
		}
		list = append(list, ConsentCount{c.Clause, c.Touches, agreed, people - agreed})
	}
	return list, err
}

// Unagreed is somebody who has not agreed to a change, opened for those who must leave them out.
type Unagreed struct {
	N      int64  `json:"n"`
	Email  string `json:"email,omitempty"`
	Mobile string `json:"mobile,omitempty"`
}

// NotAgreed yields everybody who has not agreed to the change of that clause. A clause that asks for
// no consent is a contract.ErrBadInput.
func (d *Desk) NotAgreed(ctx context.Context, ref contract.Ref, clause string, yield func(Unagreed) error) error {
	n, err := d.Store.Notice(ctx, ref)
	if err != nil {
		return err
	}
	asked, err := d.asked(ctx, n)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(asked, func(c incident.Change) bool { return c.Clause == clause })
	if i < 0 {
		return fault.Newf(contract.ErrBadInput, "no change of clause %s in notice %s asks for consent", clause, ref.ID()).
			WithHint(fmt.Sprintf("habeas notice consent %s lists those that do", ref.ID()))
	}
	for after := int64(0); ; {
		list, err := d.Store.NotAgreed(ctx, ref, changeHash(asked[i]), after, 500)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			after = r.N
			if err := yield(Unagreed{r.N, r.Person.Email, r.Person.Mobile}); err != nil {
				return err
			}
		}
	}
}
