package desk

import (
	"context"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// CaseView is everything that staff see of a case without opening a seal.
type CaseView struct {
	casefile.Case
	Tasks   []casefile.Task       `json:"tasks"`
	Found   []dsr.ShownCollection `json:"found"`
	Letters []casefile.Letter     `json:"letters"`
	Package *casefile.Package     `json:"package,omitempty"`
}

// Show puts together what is known of a case.
func (d *Desk) Show(ctx context.Context, ref contract.Ref) (CaseView, error) {
	v := CaseView{Found: []dsr.ShownCollection{}}
	var err error
	if v.Case, err = d.Store.Case(ctx, ref); err != nil {
		return v, err
	}
	if v.Tasks, err = d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref}); err != nil {
		return v, err
	}
	if v.Letters, err = d.Store.Letters(ctx, ref); err != nil {
		return v, err
	}
	parts, err := d.Store.Parts(ctx, ref)
	if err != nil {
		return v, err
	}
	for _, p := range parts {
		if p.Format == "json" {
			v.Found = append(v.Found, dsr.ShownCollection{System: p.System, Collection: p.Collection, Rows: p.Rows})
		}
	}
	p, err := d.Store.Package(ctx, ref)
	if err == nil {
		v.Package = &p
	} else if !fault.Is(err, contract.ErrNotFound) {
		return v, err
	}
	return v, nil
}
