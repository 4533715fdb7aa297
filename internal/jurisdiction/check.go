package jurisdiction

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	units     = []Unit{CalendarDay, BusinessDay, Month, Year, Hour, Promptly}
	firstDays = []string{DayNext, DayReceived, DayCorresponding}
	pauses    = []string{PauseNone, PauseRecord, PauseRestart, PauseExclude}
	starts    = []string{FromAware, FromDiscovery, FromPersonsTold, FromHandlingEnds}
	addresses = []string{"authority", "person", "controller"}
	codeForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
)

// check refuses a profile with which no clock could be computed rightly, with the field's name.
func (p Profile) check() error {
	switch _, err := time.LoadLocation(p.Zone); {
	case !slices.Contains(names, p.Name):
		return fmt.Errorf("name: unknown law %q; the known ones are %s", p.Name, strings.Join(names, ", "))
	case p.Version == "":
		return fmt.Errorf("version is missing: change it whenever the file changes")
	case err != nil || p.Zone == "" || p.Zone == "Local":
		return fmt.Errorf("zone: %q is not a time zone such as Asia/Shanghai", p.Zone)
	case len(p.Country) != 2:
		return fmt.Errorf("country must be two capital letters, such as CN")
	case !slices.Contains(firstDays, p.FirstDay):
		return fmt.Errorf("first_day must be one of %s", strings.Join(firstDays, ", "))
	case len(p.Rights) == 0:
		return fmt.Errorf("rights are missing")
	case !p.bounded(p.Acknowledge):
		return fmt.Errorf("acknowledge needs a rule for all with a number")
	case !p.bounded(p.Answers):
		return fmt.Errorf("answer needs a rule for all with a number")
	case !slices.Contains(pauses[:3], p.Pause.Identity):
		return fmt.Errorf("pause: identity must be one of %s", strings.Join(pauses[:3], ", "))
	case !slices.Contains([]string{PauseNone, PauseRecord, PauseExclude}, p.Pause.Clarify):
		return fmt.Errorf("pause: clarify must be none, record or exclude")
	}
	for i, days := range p.WarnDays {
		if days < 1 || days > 365 || i > 0 && days >= p.WarnDays[i-1] {
			return fmt.Errorf("warn_days must fall, from 365 at most to 1 at least")
		}
	}
	for _, check := range []func() error{p.checkRights, p.checkRules, p.checkExtension, p.checkGrounds, p.checkRepeats, p.checkRecords, p.checkKept, p.checkLeaks, p.checkNotify} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// bounded says whether one of the rules gives every case a date.
func (p Profile) bounded(rules []Rule) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool {
		return slices.Contains(r.For, all) && r.Within.Unit != Promptly
	})
}

func (p Profile) checkRights() error {
	var seen []string
	for _, r := range p.Rights {
		if !codeForm.MatchString(r.Code) || r.Code == all || slices.Contains(seen, r.Code) {
			return fmt.Errorf("rights: %q is no code, or is there twice", r.Code)
		}
		seen = append(seen, r.Code)
	}
	for _, f := range p.Verify.Floors {
		if f.Level < 0 || f.Level > 3 {
			return fmt.Errorf("verify: a level is 0 to 3")
		}
		if err := p.known("verify", f.For); err != nil {
			return err
		}
	}
	return p.known("pause", p.Pause.ClarifyFor)
}

// known refuses codes that are no rights of this law.
func (p Profile) known(field string, codes []string) error {
	for _, code := range codes {
		if code != all && !slices.ContainsFunc(p.Rights, func(r Right) bool { return r.Code == code }) {
			return fmt.Errorf("%s: %q is not one of the rights", field, code)
		}
	}
	return nil
}

func (p Profile) checkRules() error {
	for field, rules := range map[string][]Rule{"acknowledge": p.Acknowledge, "answer": p.Answers} {
		for _, r := range rules {
			if len(r.For) == 0 || r.Source == "" {
				return fmt.Errorf("%s: a rule needs for and source", field)
			}
			if err := p.known(field, r.For); err != nil {
				return err
			}
			if err := r.Within.check(); err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
			if r.Within.Unit == Hour {
				return fmt.Errorf("%s: days or months, not hours", field)
			}
			if r.FirstDay != "" && !slices.Contains(firstDays, r.FirstDay) {
				return fmt.Errorf("%s: first_day must be one of %s", field, strings.Join(firstDays, ", "))
			}
			if _, err := time.Parse(time.DateOnly, r.Since); r.Since != "" && (err != nil || slices.Contains(r.For, all)) {
				return fmt.Errorf("%s: since is a day such as 2026-06-19, and never of a rule for all", field)
			}
		}
	}
	return nil
}

func (p Period) check() error {
	switch {
	case !slices.Contains(units, p.Unit):
		return fmt.Errorf("unknown unit %q", p.Unit)
	case p.Unit == Promptly && p.N != 0, p.Unit != Promptly && (p.N < 1 || p.N > 1000):
		return fmt.Errorf("%d %s is not a period", p.N, p.Unit)
	}
	return nil
}

func (p Profile) checkExtension() error {
	e := p.Extension
	if e == nil {
		return nil
	}
	if err := e.By.check(); err != nil {
		return fmt.Errorf("extend: %w", err)
	}
	if len(e.Grounds) == 0 || len(e.For) == 0 {
		return fmt.Errorf("extend: grounds and for are needed")
	}
	if !slices.ContainsFunc(p.Answers, func(r Rule) bool { return slices.Contains(r.For, all) && r.Within.Unit == e.By.Unit }) {
		return fmt.Errorf("extend: no answer for all is counted in %s", e.By.Unit)
	}
	if m := e.MaxTotal; m != nil && (m.Unit != e.By.Unit || m.check() != nil) {
		return fmt.Errorf("extend: max_total must be counted in %s", e.By.Unit)
	}
	return p.known("extend", e.For)
}

func (p Profile) checkGrounds() error {
	lists := map[string][]Ground{"refuse": p.Refusals}
	if p.Extension != nil {
		lists["extend"] = p.Extension.Grounds
	}
	for field, grounds := range lists {
		var seen []string
		for _, g := range grounds {
			if !codeForm.MatchString(g.Code) || slices.Contains(seen, g.Code) {
				return fmt.Errorf("%s: %q is no code, or is there twice", field, g.Code)
			}
			seen = append(seen, g.Code)
			if g.Text.ZH == "" || g.Text.EN == "" || g.Source == "" {
				return fmt.Errorf("%s: %s needs its text in zh and en, and its source", field, g.Code)
			}
			if err := p.known(field, g.For); err != nil {
				return err
			}
		}
	}
	for _, t := range []Text{p.Title, p.Complain.Regulator, p.Complain.Court} {
		if t.ZH == "" || t.EN == "" {
			return fmt.Errorf("title and complain need their texts in zh and en")
		}
	}
	return nil
}

func (p Profile) checkRecords() error {
	for field, k := range map[string]Keeping{"case": p.Records.Case, "breach": p.Records.Leak} {
		if err := k.For.check(); err != nil || k.For.Unit == Promptly || k.For.Unit == Hour || k.For.Unit == BusinessDay {
			return fmt.Errorf("records: %s needs days, months or years", field)
		}
	}
	return nil
}

func (p Profile) checkLeaks() error {
	var seen []string
	for _, l := range p.Leaks {
		switch err := l.Within.check(); {
		case !codeForm.MatchString(l.Code) || slices.Contains(seen, l.Code):
			return fmt.Errorf("breach: %q is no code, or is there twice", l.Code)
		case err != nil:
			return fmt.Errorf("breach: %s: %w", l.Code, err)
		case !slices.Contains(addresses, l.To):
			return fmt.Errorf("breach: %s: to must be one of %s", l.Code, strings.Join(addresses, ", "))
		case !slices.Contains(starts, l.From):
			return fmt.Errorf("breach: %s: from must be one of %s", l.Code, strings.Join(starts, ", "))
		case l.FirstDay != "" && l.FirstDay != DayNext && l.FirstDay != DayReceived:
			return fmt.Errorf("breach: %s: first_day must be next or received", l.Code)
		case l.Title.ZH == "" || l.Title.EN == "":
			return fmt.Errorf("breach: %s needs its title in zh and en", l.Code)
		case l.LevelFrom != "" && !slices.ContainsFunc(p.Severity, func(v Level) bool { return v.Name == l.LevelFrom }):
			return fmt.Errorf("breach: %s: level_from is not one of severity", l.Code)
		}
		seen = append(seen, l.Code)
	}
	return nil
}

func (p Profile) checkNotify() error {
	var seen []string
	for _, t := range p.Notify {
		if !slices.Contains(Parts, t.Part) || slices.Contains(seen, t.Part) || t.Source == "" {
			return fmt.Errorf("notify: %q must be one of %s, once, with its source", t.Part, strings.Join(Parts, ", "))
		}
		seen = append(seen, t.Part)
	}
	return nil
}
