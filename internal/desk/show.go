package desk

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

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
	// Stops are when the person was asked, Extensions the time that was taken.
	// Complaints are those about this case.
	Complaints []OtherCase `json:"complaints,omitempty"`
	// Related are other cases of the same verified person and kind.
	Related    []OtherCase          `json:"related,omitempty"`
	Stops      []casefile.Stop      `json:"stops,omitempty"`
	Extensions []casefile.Extension `json:"extensions,omitempty"`
	Plans      []PlanView           `json:"plans,omitempty"`
	// Identity is what the person must prove and has proved, once it is settled whose case this is.
	Identity *casefile.Identity `json:"identity,omitempty"`
	// Tries are the steps that have failed and are tried again; see Desk.Tries. Show leaves them out.
	Tries []Try `json:"tries,omitempty"`
	// Certificate is the SHA-256 of the certificate, hex; see Desk.Store.Certificate.
	Certificate string `json:"certificate_sha256,omitempty"`
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
	switch known, err := d.Store.Identity(ctx, ref); {
	case err == nil:
		v.Identity = &known
	case !fault.Is(err, contract.ErrNotFound):
		return v, err
	}
	complaints, err := d.Store.Complaints(ctx, ref)
	if err != nil {
		return v, err
	}
	v.Complaints = viewOthers(complaints)
	related, err := d.Store.Related(ctx, ref)
	if err != nil {
		return v, err
	}
	v.Related = viewOthers(related)
	if v.Stops, err = d.Store.Stops(ctx, ref); err != nil {
		return v, err
	}
	if v.Extensions, err = d.Store.Extensions(ctx, ref); err != nil {
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
	if err := d.showPlans(ctx, ref, &v); err != nil {
		return v, err
	}
	p, err := d.Store.Package(ctx, ref)
	if err == nil {
		v.Package = &p
	} else if !fault.Is(err, contract.ErrNotFound) {
		return v, err
	}
	return v, nil
}

// PlanView is how far a plan of a deletion is.
type PlanView struct {
	N         int              `json:"n"`
	Hash      string           `json:"hash,omitempty"` // hex; empty while it is drafted
	Rows      int64            `json:"rows"`
	Large     bool             `json:"large"`
	AgreedAt  *time.Time       `json:"agreed_at,omitempty"`
	CoolUntil *time.Time       `json:"withdraw_until,omitempty"`
	BegunAt   *time.Time       `json:"begun_at,omitempty"`
	Systems   []SystemProgress `json:"systems,omitempty"`
}

// SystemProgress is how far one system is with a plan. Done and Remains are counts.
type SystemProgress struct {
	System  string          `json:"system"`
	EndedAt *time.Time      `json:"ended_at,omitempty"`
	ReadAt  *time.Time      `json:"read_back_at,omitempty"`
	Done    json.RawMessage `json:"done"`
	Remains json.RawMessage `json:"remains,omitempty"`
}

func (d *Desk) showPlans(ctx context.Context, ref contract.Ref, v *CaseView) error {
	plans, err := d.Store.Plans(ctx, ref)
	if err != nil {
		return err
	}
	for _, p := range plans {
		view := PlanView{N: p.N, Hash: hex.EncodeToString(p.Hash), Rows: p.Rows, Large: p.Large, AgreedAt: p.AgreedAt, CoolUntil: p.CoolUntil, BegunAt: p.BegunAt}
		list, err := d.Store.Erasures(ctx, ref, p.N)
		if err != nil {
			return err
		}
		for _, s := range list {
			progress := SystemProgress{System: s.System, EndedAt: s.EndedAt, ReadAt: s.ReadAt, Done: json.RawMessage(s.Done)}
			if s.Remains != nil {
				progress.Remains = json.RawMessage(*s.Remains)
			}
			view.Systems = append(view.Systems, progress)
		}
		v.Plans = append(v.Plans, view)
	}
	certificate, err := d.Store.Certificate(ctx, ref)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	}
	v.Certificate = hex.EncodeToString(certificate.Hash)
	return err
}
