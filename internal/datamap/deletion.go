package datamap

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// What a deletion is bounded by when company.yaml does not say.
const (
	DefaultLimitRows    = 100_000
	DefaultLimitPercent = 5
)

// Strategies lists the ways in which a column gets a new value.
func Strategies() []string { return slices.Clone(strategies) }

// Cutoff is the time before which a row's Since must lie for its time to be over at now.
func (k *Keep) Cutoff(now time.Time) time.Time {
	return now.UTC().AddDate(0, -k.Months, -k.Days)
}

// Over reports whether the day until which rows are kept has passed; false where it is reckoned
// from a column.
func (k *Keep) Over(now time.Time) bool {
	day, err := time.Parse(time.DateOnly, k.Until)
	return err == nil && now.UTC().After(day.AddDate(0, 0, 1))
}

// Anonymises reports whether rows of the collection may be anonymised.
func (c *Collection) Anonymises() bool {
	if c.Expiry != nil && c.Expiry.Action == ExpiryAnonymise {
		return true
	}
	d := c.Deletion
	return d != nil && (d.Action == DeletionAnonymise || (d.Keep != nil && d.Keep.Then == DeletionAnonymise))
}

// Erased lists the columns that get a new value in an anonymised row.
func (c *Collection) Erased() []*Column {
	return slices.DeleteFunc(slices.Clone(c.Columns), func(col *Column) bool { return col.Erase == nil })
}

// deletion reads what deletion means for a collection, and holds the strategies of its columns
// against it.
func (f *file) deletion(r *record, c *Collection, look columnCheck) {
	if n, ok := r.get("deletion"); ok {
		if d := f.record(n, "a deletion", deletionKeys); d != nil {
			c.Deletion = f.rule(d, look)
		}
	}
	if look.silent {
		return
	}
	erased := c.Erased()
	switch {
	case c.Anonymises() && len(erased) == 0:
		at := r.fields["deletion"].key
		if at == nil {
			at = r.fields["expiry"].key
		}
		f.node(at, `%s is anonymised, but no column says how: give those with personal data an "erase"`, quoted(c.Name))
	case !c.Anonymises() && len(erased) > 0:
		f.at(erased[0].Erase.Line, 0, `"erase" says how a column is anonymised, but %s is not: its deletion is another`, quoted(c.Name))
	}
	for _, col := range erased {
		if slices.Contains(c.Key, col.Name) {
			f.at(col.Erase.Line, 0, "the column %s is of the key, by which a row is known again, so it cannot be anonymised", quoted(col.Name))
		}
	}
}

func (f *file) rule(r *record, look columnCheck) *Deletion {
	d := &Deletion{}
	d.Line, _ = position(r.node)
	action, at := r.needText("action")
	if action != "" && !known(action, deletionActions) {
		f.choice(at, "action", action, deletionActions)
		return nil
	}
	d.Action = action
	if action == DeletionKeep {
		d.Keep = f.keep(r, look)
		return d
	}
	for _, key := range deletionKeys[1:] {
		if e, stands := r.fields[key]; stands && action != "" {
			f.node(e.key, "%q goes with action: keep", key)
		}
	}
	return d
}

var period = regexp.MustCompile(`^([1-9][0-9]{0,4})([ymd])$`)

func (f *file) keep(r *record, look columnCheck) *Keep {
	k := &Keep{Law: f.title(r, "law", true), Since: look.one(r, "since", false), Then: DeletionDelete}
	if basis, at := r.needText("basis"); basis != "" {
		if !known(basis, legalBases) {
			f.choice(at, "legal basis", basis, legalBases)
		}
		k.Basis = basis
	}
	if n, ok := r.get("for"); ok {
		text, _ := f.str(n, "for")
		parts := period.FindStringSubmatch(text)
		if parts == nil {
			f.node(n, `for must be a number of years, months or days such as "10y", "18m" or "180d"`)
		} else {
			k.span(parts[1], parts[2])
		}
	}
	if n, ok := r.get("until"); ok {
		k.Until, _ = f.str(n, "until")
		if _, err := time.Parse(time.DateOnly, k.Until); err != nil {
			f.node(n, `until must be a day such as "2032-12-31", in quotes`)
		}
	}
	_, since := r.fields["since"]
	_, span := r.fields["for"]
	_, until := r.fields["until"]
	if since != span || since == until {
		f.node(r.node, `a duty to keep has an end: "since" (a column) with "for" (how long), or "until" (a day)`)
	}
	if then, at := r.needOr("then", DeletionDelete); then != DeletionDelete && then != DeletionAnonymise {
		f.choice(at, "end", then, deletionActions[:2])
	} else {
		k.Then = then
	}
	f.blocked(r, k, look)
	return k
}

func (k *Keep) span(number, unit string) {
	n, _ := strconv.Atoi(number) // digits alone, by the expression
	switch unit {
	case "y":
		k.Months = 12 * n
	case "m":
		k.Months = n
	case "d":
		k.Days = n
	}
}

// needOr reads a text, or gives what stands for it when it is left out.
func (r *record) needOr(key, otherwise string) (string, ast.Node) {
	if n, ok := r.get(key); ok {
		s, _ := r.file.str(n, key)
		return s, n
	}
	return otherwise, r.node
}

func (f *file) blocked(r *record, k *Keep, look columnCheck) {
	n, ok := r.get("blocked")
	if !ok {
		return
	}
	if b := f.record(n, "blocked", blockedKeys); b != nil {
		k.Blocked = look.one(b, "column", true)
		if v, ok := b.need("value"); ok {
			k.BlockedValue, _ = f.scalar(v, "value")
		}
		if slices.Contains(look.collection.Key, k.Blocked) {
			f.node(n, "the column %s is of the key and cannot be a flag", quoted(k.Blocked))
		}
	}
}

// strategy reads how a column is anonymised: a word, or a mapping where more is to be said. YAML
// takes a plain null for nothing, which is what it means here.
func (f *file) strategy(e entry) *Strategy {
	line, _ := position(e.key)
	if e.value == nil || e.value.Type() == ast.NullType {
		return &Strategy{With: StrategyNull, Line: line}
	}
	if _, plain := e.value.(*ast.StringNode); plain {
		with, _ := f.str(e.value, "erase")
		switch {
		case !known(with, strategies):
			f.choice(e.value, "strategy", with, strategies)
			return nil
		case with == StrategyConstant || with == StrategyTruncate:
			f.node(e.value, "%s needs more than a word: %s", with, strategyForms[with])
			return nil
		}
		return &Strategy{With: with, Line: line}
	}
	r := f.record(e.value, "erase", strategyKeys)
	if r == nil {
		return nil
	}
	s := &Strategy{Line: line}
	with, at := r.needText("with")
	if with != "" && !known(with, strategies) {
		f.choice(at, "strategy", with, strategies)
		return nil
	}
	s.With = with
	f.strategyMore(r, s)
	return s
}

var strategyForms = map[string]string{
	StrategyConstant: `{with: constant, value: "…"}`, StrategyTruncate: "{with: truncate, to: network}",
}

func (f *file) strategyMore(r *record, s *Strategy) {
	for key, with := range map[string]string{"value": StrategyConstant, "to": StrategyTruncate, "keep": StrategyTruncate} {
		if e, stands := r.fields[key]; stands && s.With != with && s.With != "" {
			f.node(e.key, "%q goes with %s", key, with)
		}
	}
	switch s.With {
	case StrategyConstant:
		if n, ok := r.need("value"); ok {
			s.Value, _ = f.scalar(n, "value")
		}
	case StrategyTruncate:
		to, at := r.needText("to")
		if to != "" && !known(to, truncations) {
			f.choice(at, "truncation", to, truncations)
		}
		s.To = to
		n, ok := r.get("keep")
		switch {
		case to == TruncatePrefix && !ok:
			f.node(r.node, `a prefix needs "keep": how many characters stay`)
		case to == TruncatePrefix:
			s.Keep, _ = f.integer(n, "keep", 1, 100)
		case ok:
			f.node(n, `"keep" goes with to: prefix`)
		}
	}
}

// bounds reads what company.yaml says of deletion.
func (f *file) bounds(company *record, c *Company) {
	c.Limits = Limits{Rows: DefaultLimitRows, Percent: DefaultLimitPercent}
	c.Strong = []string{IdentityEmail, IdentityMobile, IdentityNationalID, IdentityAccount}
	n, ok := company.get("deletion")
	if !ok {
		return
	}
	r := f.record(n, "deletion", boundKeys)
	if r == nil {
		return
	}
	if v, ok := r.get("limit_rows"); ok {
		rows, _ := f.integer(v, "limit_rows", 1, math.MaxInt32)
		c.Limits.Rows = int64(rows)
	}
	if v, ok := r.get("limit_percent"); ok {
		c.Limits.Percent, _ = f.integer(v, "limit_percent", 1, 100)
	}
	if list, ok := r.get("strong"); ok {
		c.Strong = nil
		for _, name := range f.names(list, "strong") {
			c.Strong = append(c.Strong, name.name)
			f.later = append(f.later, func(l *loading) {
				if names := l.IdentityNames(); !known(name.name, names) {
					f.choice(name.node, "identity", name.name, names)
				}
			})
		}
	}
}

// backups reads how long backups of the system live.
func (f *file) backups(r *record, s *System) {
	n, ok := r.get("backups")
	if !ok {
		return
	}
	text, ok := f.str(n, "backups")
	if !ok {
		return
	}
	parts := period.FindStringSubmatch(text)
	if parts == nil || parts[2] == "y" {
		f.node(n, `backups must be how long the last backup with a deleted row lives, in days or months of 30 days: "35d", "6m"`)
		return
	}
	days, _ := strconv.Atoi(parts[1])
	if parts[2] == "m" {
		days *= 30
	}
	s.Backups = time.Duration(min(days, 36500)) * 24 * time.Hour
}
