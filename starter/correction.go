package main

import (
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// wishes reads what a correction is to set. A value on the command line itself is refused: it would stand
// in the shell's history and in the list of processes.
func (a *app) wishes(o *desk.Opening, sets []string) error {
	for _, set := range sets {
		field, from, given := strings.Cut(set, "=")
		if strings.TrimSpace(field) == "" {
			return misuse("--set takes a field, such as --set contact.email")
		}
		var value string
		var err error
		switch {
		case !given:
			value, err = a.ask("New value of "+field+": ", true)
		case from == "-" || strings.HasPrefix(from, "@"):
			value, err = a.value(from)
		default:
			return misuse("the new value of %s does not belong on the command line: leave it out and you are asked, or give =@FILE or =-", field)
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(value) == "" {
			return fault.Newf(contract.ErrBadInput, "the new value of %s is empty", field).WithHint("to have a value deleted, open a deletion")
		}
		o.Wishes = append(o.Wishes, dsr.Wish{Field: field, Value: value})
	}
	return nil
}

// maskedProof hides what a proof is to prove.
func maskedProof(s *dsr.ShownProof) *dsr.ShownProof {
	masked := *s
	masked.Fields = maskedFields(s.Fields)
	return &masked
}

func maskedFields(list []dsr.Identity) []dsr.Identity {
	var masked []dsr.Identity
	for _, f := range list {
		masked = append(masked, dsr.Identity{Kind: f.Kind, Value: dsr.Mask(f.Kind, f.Value)})
	}
	return masked
}

// showCorrection prints what a correction would do, before and after, and what a proof is to prove.
func (a *app) showCorrection(t desk.Task, choices map[string]string) {
	if p := t.Shown.Proof; p != nil {
		for i, f := range p.Fields {
			a.say("%s: %s", f.Kind, f.Value)
			if i < len(p.Evidence) {
				for _, lang := range []string{"zh", "en"} {
					if text := p.Evidence[i][lang]; text != "" {
						a.say("  proof: %s", text)
					}
				}
			}
		}
		a.say("habeas task show %s --rows opens the values", t.ID)
	}
	c := t.Shown.Correction
	if c == nil {
		return
	}
	var rows [][]string
	for _, f := range c.Fields {
		needs := []string{}
		if f.Strict {
			needs = append(needs, "second person and name check")
		}
		if f.Evidence {
			needs = append(needs, "proof")
		}
		rows = append(rows, []string{f.Name, dash(f.Before), dash(f.After), or(choices[f.Name], strings.TrimSuffix(f.Verdict+":"+f.Reason, ":")), dash(strings.Join(needs, ", "))})
	}
	if len(rows) > 0 {
		a.table([]string{"FIELD", "BEFORE", "AFTER", "VERDICT", "NEEDS"}, rows)
	}
	rows = nil
	for _, p := range c.Places {
		rows = append(rows, []string{p.Place, p.Field, p.Action, strconv.FormatInt(p.Rows, 10), dash(p.Before), dash(p.After), dash(or(choices[p.Place], p.Reason))})
	}
	if len(rows) > 0 {
		a.table([]string{"PLACE", "FIELD", "ACTION", "ROWS", "BEFORE", "AFTER", "WHY"}, rows)
	}
	for _, system := range c.Asked {
		a.say("told: %s", system)
	}
	for _, system := range c.NotAsked {
		a.say("not told, as the map does not say so: %s", system)
	}
	if c.Checked != "" {
		a.say("the real name was checked anew by %s", c.Checked)
	}
	for _, sum := range c.Files {
		a.say("proof: SHA-256 %s", sum)
	}
	for _, stop := range c.Stops {
		a.say("stops it: %s", stop)
	}
}
