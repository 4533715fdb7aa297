package main

import (
	"github.com/spf13/pflag"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// speaker are the flags that say who asks for somebody else, with the question that is asked without them.
var speaker = []struct{ flag, help, ask string }{
	{"representative", "who asks for somebody else: their name", "Name of whoever asks: "},
	{"representative-email", "their e-mail address", "Their e-mail address (empty: none): "},
	{"representative-mobile", "their mobile number", ""},
	{"purpose", "of a relative of somebody who has died: the lawful interest of their own", "For what lawful interest of their own: "},
}

func speakerFlags(f *pflag.FlagSet, values map[string]*string) {
	for _, s := range speaker {
		values[s.flag] = f.String(s.flag, "", s.help+"; the value, - or @FILE")
	}
}

// representative reads who asks for somebody else. It asks for what the requester must say and has not.
func (a *app) representative(o *desk.Opening, flags map[string]*string) error {
	values := map[string]string{}
	for _, s := range speaker {
		value, err := a.value(*flags[s.flag])
		if err != nil {
			return err
		}
		values[s.flag] = value
	}
	given := values["representative"] + values["representative-email"] + values["representative-mobile"] + values["purpose"]
	if !dsr.Represented(o.Requester) && given == "" {
		return nil
	}
	if dsr.Represented(o.Requester) && values["representative"] == "" {
		for _, s := range speaker {
			if s.ask == "" || values[s.flag] != "" || s.flag == "purpose" && o.Requester != dsr.RequesterRelative {
				continue
			}
			value, err := a.ask(s.ask, false)
			if err != nil {
				return fault.New(contract.ErrBadInput, "who asks for the person? give --representative, and an address of theirs", err).
					WithHint("each takes the value, - (standard input) or @FILE")
			}
			values[s.flag] = value
		}
	}
	o.Representative = &dsr.Representative{Name: values["representative"], Email: values["representative-email"],
		Mobile: values["representative-mobile"], Purpose: values["purpose"]}
	return nil
}

// maskedRepresentative hides who asks.
func maskedRepresentative(s *dsr.ShownRepresentative) *dsr.ShownRepresentative {
	masked := *s
	for kind, value := range map[string]*string{"name": &masked.Name, "email": &masked.Email, "mobile": &masked.Mobile, "purpose": &masked.Purpose} {
		if *value != "" {
			*value = dsr.Mask(kind, *value)
		}
	}
	return &masked
}

// showRepresentative prints who asks for somebody else, and what they have to show.
func (a *app) showRepresentative(t desk.Task) {
	r := t.Shown.Representative
	if r == nil {
		return
	}
	a.say("asks for somebody else, as %s (%s): %s %s %s %s", r.As, r.CaseKind, r.Name, r.Email, r.Mobile, r.Purpose)
	for _, lang := range []string{"zh", "en"} {
		a.say("  to be shown: %s", r.Documents[lang])
	}
	if t.Kind == dsr.TaskAuthority {
		a.say("attach what came with habeas task complete %s --outcome provided --evidence FILE, or --outcome missing", t.ID)
		return
	}
	for _, sum := range r.Files {
		a.say("  came: SHA-256 %s", sum)
	}
	if len(r.Files) == 0 {
		a.say("  nothing came")
	} else {
		a.say("read them with habeas task attachment %s --out FILE", r.From)
	}
	a.say("habeas task show %s --rows opens name, addresses and purpose", t.ID)
}
