package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// slack is how near to its end a row may be for the oracle to accept both: the map counts whole days in a
// zone, and a run takes a while.
const slack = 48 * time.Hour

// The fates of rows.
const (
	Kept      = "kept"      // a case that changes nothing
	Erased    = "erased"    // a deletion
	Corrected = "corrected" // Case.Wish says what
	OptedOut  = "opted-out" // of marketing
	// Stopped was restricted and lifted again: nothing is changed at the end.
	Stopped = "stopped"
)

// Wish is a value that a case corrects: every place of the category that held Old has New.
type Wish struct{ Category, Old, New string }

// oracle says what each row must be in the end.
type oracle struct {
	collections map[string]*collection
	before      Rows
	now         time.Time
	swept       map[string]bool // systems in which retention ran
}

// mine are the keys of a person's rows by collection: the account, what hangs on it, and what carries one
// of its channels. It takes for granted that nobody else has these channels.
func (o *oracle) mine(login string) (map[string]map[string]bool, Row, error) {
	found := map[string]map[string]bool{}
	take := func(id, key string) bool {
		if found[id] == nil {
			found[id] = map[string]bool{}
		}
		fresh := !found[id][key]
		found[id][key] = true
		return fresh
	}
	var account Row
	for id, c := range o.collections {
		if c.Directory == nil || c.Directory.OwnRecordOnly {
			continue
		}
		for key, row := range o.before[id] {
			if row.text(c.Directory.Account) == login {
				take(id, key)
				account = row
				o.byChannel(c, row, take)
			}
		}
	}
	if account == nil {
		return nil, nil, fmt.Errorf("no directory knows the account of a case")
	}
	for again := true; again; {
		again = false
		for id, c := range o.collections {
			for _, l := range c.Links {
				if l.Relation == "belongs" && o.follow(id, l, found, take) {
					again = true
				}
			}
		}
	}
	return found, account, nil
}

// byChannel takes rows outside directories that carry an e-mail or mobile of the account.
func (o *oracle) byChannel(from *collection, account Row, take func(string, string) bool) {
	has := map[string]string{}
	for _, m := range from.Match {
		if v := bare(m.Identity, account.text(m.Column)); v != "" {
			has[m.Identity] = v
		}
	}
	for id, c := range o.collections {
		if c.Directory != nil {
			continue
		}
		for _, m := range c.Match {
			for key, row := range o.before[id] {
				if v := bare(m.Identity, row.text(m.Column)); v != "" && v == has[m.Identity] {
					take(id, key)
				}
			}
		}
	}
}

func (o *oracle) follow(id string, l link, found map[string]map[string]bool, take func(string, string) bool) (more bool) {
	parents := map[string]bool{}
	for key := range found[l.To] {
		parents[values(o.before[l.To][key], l.ToColumns)] = true
	}
	for key, row := range o.before[id] {
		if parents[values(row, l.Columns)] && take(id, key) {
			more = true
		}
	}
	return more
}

func values(r Row, columns []string) string {
	var list []string
	for _, c := range columns {
		list = append(list, r.text(c))
	}
	return strings.Join(list, "\x00")
}

// bare is a channel as it is compared.
func bare(kind, value string) string {
	switch kind {
	case "email":
		return strings.ToLower(strings.TrimSpace(value))
	case "mobile":
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, value)
		if len(digits) > 11 {
			digits = strings.TrimPrefix(strings.TrimPrefix(digits, "00"), "86")
		}
		return digits
	}
	return value
}

// expired says whether a row's time was over when retention ran; maybe is near to it.
func (o *oracle) expired(c *collection, row Row) (yes, maybe bool, err error) {
	if c.Expiry == nil || !o.swept[c.system] {
		return false, false, nil
	}
	if w := c.Expiry.When; w != nil && row.text(w.Column) != fmt.Sprint(w.Value) {
		return false, false, nil
	}
	since := ""
	switch s := c.Expiry.Since.(type) {
	case string:
		since = row.text(s)
	case map[string]any: // of the parent's row
		parent := c.system + "." + fmt.Sprint(s["parent"])
		i := slices.IndexFunc(c.Links, func(l link) bool { return l.To == parent })
		if i < 0 {
			return false, false, fmt.Errorf("%s has no link to %s", c.id, parent)
		}
		above := o.parent(row, c.Links[i])
		if w := o.collections[parent].Expiry; above == nil || w != nil && w.When != nil && above.text(w.When.Column) != fmt.Sprint(w.When.Value) {
			return false, true, nil
		}
		since = above.text(fmt.Sprint(s["column"]))
	}
	at, ok := moment(since)
	if !ok {
		return false, false, nil
	}
	lengths := []string{c.Expiry.After}
	for _, l := range c.Expiry.AtLeast {
		lengths = append(lengths, l.For)
	}
	var end time.Time
	for _, length := range lengths {
		t, err := add(at, length)
		if err != nil {
			return false, false, err
		}
		if t.After(end) {
			end = t
		}
	}
	return end.Before(o.now.Add(-slack)), end.Before(o.now.Add(slack)), nil
}

func (o *oracle) parent(row Row, l link) Row {
	for _, above := range o.before[l.To] {
		if values(above, l.ToColumns) == values(row, l.Columns) {
			return above
		}
	}
	return nil
}

// verdict says what is wrong with a row that was before and is after (nil: gone) under a fate; "" is
// nothing. busy: a case was open while retention ran, which then leaves its person out.
func (o *oracle) verdict(c *collection, before, after Row, fate string, w Wish, busy bool) (string, error) {
	yes, maybe, err := o.expired(c, before)
	if err != nil {
		return "", err
	}
	if fate == Erased {
		return o.erased(c, before, after, maybe)
	}
	switch {
	case after == nil && !maybe:
		return "is gone", nil
	case after == nil:
		return "", nil
	case yes && !busy:
		return "is still there although its time is over", nil
	}
	want := before
	switch fate {
	case Corrected:
		want = corrected(c, before, after, w)
	case OptedOut:
		want = Row{}
		for column, v := range before {
			want[column] = v
		}
		for _, s := range c.Stops {
			for column, v := range s.Set {
				if s.Purpose == "marketing" {
					text := fmt.Sprint(v)
					want[column] = &text
				}
			}
		}
	}
	if column := after.differs(want); column != "" {
		return "has another " + column, nil
	}
	return "", nil
}

// corrected is a row with the new value in each place of its category that held the old one; when a channel
// is held since then is not foretold.
func corrected(c *collection, before, after Row, w Wish) Row {
	want := Row{}
	for name, v := range before {
		want[name] = v
	}
	for name, col := range c.Columns {
		if col.Category != w.Category || bare("mobile", before.text(name)) != bare("mobile", w.Old) {
			continue
		}
		if bare("mobile", after.text(name)) == bare("mobile", w.New) { // in the column's own style
			want[name] = after[name]
		} else {
			value := w.New
			want[name] = &value
		}
		if c.Directory == nil {
			continue
		}
		for _, channel := range c.Directory.Channels {
			if channel.Column == name {
				want[channel.Since] = after[channel.Since]
			}
		}
	}
	return want
}

// erased says what is wrong with a row of somebody who was to be deleted.
func (o *oracle) erased(c *collection, before, after Row, mayExpire bool) (string, error) {
	switch c.Deletion.Action {
	case "delete":
		if after != nil {
			return "is still there", nil
		}
		return "", nil
	case "anonymise":
		return anonymised(c, before, after), nil
	}
	end := o.now.AddDate(1, 0, 0)
	if c.Deletion.Since != "" {
		at, ok := moment(before.text(c.Deletion.Since))
		if !ok {
			return "", fmt.Errorf("%s: %q is no time", c.id, c.Deletion.Since)
		}
		var err error
		if end, err = add(at, c.Deletion.For); err != nil {
			return "", err
		}
	}
	switch {
	case after == nil && end.After(o.now.Add(slack)) && !mayExpire:
		return "is gone although the law keeps it", nil
	case after != nil && end.Before(o.now.Add(-slack)):
		return "is still there", nil
	case after != nil && !after.is(before):
		return "is kept, and was changed", nil
	}
	return "", nil
}

func anonymised(c *collection, before, after Row) string {
	if after == nil {
		return "is gone, and was to be made anonymous"
	}
	for name, was := range before {
		col := c.Columns[name]
		now, is := after.text(name), after[name]
		if col.Erase == nil {
			if now != before.text(name) {
				return "has another " + name
			}
			continue
		}
		wrong := false
		switch col.Erase.with {
		case "null":
			wrong = is != nil
		case "constant":
			wrong = now != col.Erase.value
		case "truncate":
			t, ok := moment(now)
			then, had := moment(before.text(name))
			wrong = had && (!ok || t.Year() != then.Year() || t.YearDay() != 1)
		default: // a placeholder: anything but what it was
			wrong = was != nil && *was != "" && now == *was
		}
		if wrong {
			return "still says its " + name
		}
	}
	return ""
}
