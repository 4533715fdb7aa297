package desk

import (
	"bytes"
	"context"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// maxWishes is how many fields one case may have corrected.
const maxWishes = 20

// completeWishes holds what is to be corrected against the map, and brings the values into their one form.
func (d *Desk) completeWishes(o *Opening) error {
	switch {
	case o.Kind != dsr.Correction && len(o.Wishes) > 0:
		return fault.New(contract.ErrBadInput, "only a correction has fields to set", nil)
	case o.Kind != dsr.Correction:
		return nil
	case len(o.Wishes) == 0:
		return fault.New(contract.ErrBadInput, "a correction says what is to be corrected", nil).WithHint("--set contact.email; the value is asked for, or read from a file: --set contact.email=@new.txt")
	case len(o.Wishes) > maxWishes:
		return fault.Newf(contract.ErrBadInput, "one case corrects at most %d fields", maxWishes)
	}
	seen := map[string]bool{}
	for i, w := range o.Wishes {
		field, err := d.Map.Field(w.Field)
		if err != nil {
			return err
		}
		if seen[field.Category] {
			return fault.Newf(contract.ErrBadInput, "the field %s stands there twice", field.Name)
		}
		seen[field.Category] = true
		value, err := field.Value(w.Value)
		if err != nil {
			return err
		}
		o.Wishes[i] = dsr.Wish{Field: field.Name, Value: value}
	}
	return nil
}

// correctionChoice checks a choice on a field or on a place with a third value.
func (t Task) correctionChoice(key, value string) ([]string, error) {
	c := t.Shown.Correction
	if c == nil {
		return nil, fault.Newf(contract.ErrBadInput, "task %s has nothing to choose", t.ID)
	}
	var names []string
	for _, f := range c.Fields {
		names = append(names, f.Name)
	}
	if slices.Contains(names, key) {
		if _, _, ok := dsr.FieldChoice(value); !ok {
			return nil, fault.Newf(contract.ErrBadInput, "%q is not a choice: correct, refuse:REASON or dispute:REASON", value).
				WithHint("reasons: " + strings.Join(dsr.CorrectionReasons(), ", "))
		}
		return []string{key}, nil
	}
	for _, p := range c.Places {
		if p.Place != key || !p.Choose {
			continue
		}
		if value != dsr.FieldCorrect && value != dsr.ShareLeave {
			return nil, fault.Newf(contract.ErrBadInput, "%q is not a choice: correct or leave", value)
		}
		return []string{key}, nil
	}
	return nil, fault.Newf(contract.ErrBadInput, "task %s shows no field and no place with another value called %q", t.ID, key).
		WithHint("its fields: " + strings.Join(names, ", "))
}

// completeProof attaches the proofs for a correction, or says that none came, and signs it.
func (d *Desk) completeProof(ctx context.Context, t Task, done ByHand, key seal.StaffKey) (contract.DecideResult, error) {
	choices := map[string]string{dsr.OutcomeChoice: done.Outcome}
	for n := range done.Files {
		choices[dsr.EvidenceChoice+strconv.Itoa(n+1)] = "a hash"
	}
	if _, _, missing := dsr.Proof(choices); missing != "" {
		return contract.DecideResult{}, fault.New(contract.ErrBadInput, missing, nil).WithHint("look at it with habeas task show " + t.ID)
	}
	plain, err := readFiles(done.Files)
	if err != nil {
		return contract.DecideResult{}, err
	}
	for n, file := range done.Files {
		sum, err := d.attach(ctx, t.Task, filepath.Base(file.Name), bytes.NewReader(plain[n]), dsr.MaxEvidence, key.Name)
		if err != nil {
			return contract.DecideResult{}, err
		}
		choices[dsr.EvidenceChoice+strconv.Itoa(n+1)] = hex.EncodeToString(sum)
	}
	if _, err := d.Store.SetChoices(ctx, t.ID, choices, key.Name); err != nil {
		return contract.DecideResult{}, err
	}
	return d.Decide(ctx, t.ID, dsr.Complete, done.Reason, key)
}

// tryNewChannels takes a code that may be the one to a second or a new address, and tells the case when it is.
func (d *Desk) tryNewChannels(ctx context.Context, ref contract.Ref, code string) (met bool, left int, err error) {
	for _, purpose := range []string{dsr.CodeSecond, dsr.CodeNewEmail, dsr.CodeNewMobile} {
		if _, err := d.Store.OpenChallenge(ctx, ref, purpose); fault.Is(err, contract.ErrNotFound) {
			continue
		} else if err != nil {
			return false, 0, err
		}
		result, err := d.Store.TryCode(ctx, ref, purpose, code)
		if err != nil {
			return false, 0, err
		}
		if result.Met {
			// The case looks again by itself when the word is lost.
			if purpose == dsr.CodeSecond {
				d.tellClimber(ctx, ref)
				return true, 0, nil
			}
			_ = d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.ChannelConfirmed.Name, contract.ChannelConfirmedInput{})
			return true, 0, nil
		}
		left = max(left, result.TriesLeft)
	}
	return false, left, nil
}
