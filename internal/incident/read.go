package incident

import (
	"net/mail"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Laws are the profiles that a file may name.
var Laws = []string{"cn-pipl", "eu-gdpr", "uk-gdpr", "us-ca", "br-lgpd"}

// MaxCanaries bounds the seed addresses.
const MaxCanaries = 20

var (
	topKeys = []string{"version", "kind", "exercise", "title", "laws", "aware_at", "aware_by", "lead", "deputy",
		"what", "when", "cause", "harm", "measures", "advice", "remedy", "contact", "authority",
		"severity", "concerned", "canaries", "pace", "ladder", "policy", "recipient", "do_not_notify"}
	scopeKeys    = []string{"system", "collection", "where", "csv", "categories"}
	severityKeys = []string{"persons", "sensitive", "risk", "level", "operator"}
	paceKeys     = []string{"rate", "per_domain", "waves", "stop_at", "retry", "give_up"}
	ladderKeys   = []string{"steps", "after", "public_over"}
	policyKeys   = []string{"class", "effective", "changes"}
	changeKeys   = []string{"clause", "before", "after", "touches"}
)

// Read reads an incident file. m is the data map that it speaks of. An error is a
// contract.ErrBadInput with every fault, its line, and the nearest right name.
func Read(name string, data []byte, m *datamap.Map) (File, error) {
	var f File
	err := datamap.ReadDocument(name, data, "the incident", topKeys, "every key is explained in docs/notices.md", func(r datamap.Record) {
		if r.Need("version") {
			r.Number("version", 1, 1, 1)
		}
		r.Need("kind")
		f.Kind = Kind(r.Choice("kind", Kinds, ""))
		f.Exercise, f.Title = r.Bool("exercise"), r.Languages("title")
		if f.Laws = r.Names("laws", Laws); f.Laws == nil {
			f.Laws = []string{m.Company.Law}
		}
		f.Lead, f.Deputy = person(r, "lead"), person(r, "deputy")
		f.Texts = Texts{
			What: r.Languages("what"), When: r.Languages("when"), Cause: r.Languages("cause"), Harm: r.Languages("harm"),
			Measures: r.Languages("measures"), Advice: r.Languages("advice"), Remedy: r.Languages("remedy"),
			Contact: r.Languages("contact"), Authority: r.Languages("authority"),
		}
		f.canaries(r)
		f.pace(r)
		f.ladder(r)
		f.concerned(r, m)
		f.ofKind(r)
	})
	return f, err
}

func (f *File) ofKind(r datamap.Record) {
	only := map[Kind][]string{
		Breach: {"aware_at", "aware_by", "severity", "do_not_notify"}, PolicyChange: {"policy"}, Transfer: {"recipient"},
	}
	for kind, keys := range only {
		for _, key := range keys {
			if kind != f.Kind && r.Has(key) {
				r.Wrong(key, "%s goes with kind: %s", key, kind)
			}
		}
	}
	switch f.Kind {
	case Breach:
		if r.Need("aware_at") {
			f.AwareAt = r.Time("aware_at")
		}
		if r.Need("aware_by") {
			f.AwareBy = r.Text("aware_by")
		}
		r.Need("lead")
		f.severity(r)
		if d, ok := r.Record("do_not_notify", []string{"ground", "facts"}); ok {
			d.Need("ground")
			f.Unneeded = &NotifyNothing{Ground: d.Choice("ground", Grounds, ""), Facts: d.Languages("facts")}
		}
	case PolicyChange:
		if r.Need("policy") {
			f.policy(r)
		}
	case Transfer:
		if d, ok := r.Record("recipient", []string{"name", "contact", "on"}); ok {
			f.To = &Recipient{Name: d.Languages("name"), Contact: d.Text("contact"), On: d.Time("on")}
		} else {
			r.Need("recipient")
		}
	}
}

func person(r datamap.Record, key string) Contact {
	d, ok := r.Record(key, []string{"name", "mail"})
	if !ok {
		return Contact{}
	}
	c := Contact{Name: d.Text("name"), Mail: d.Text("mail")}
	if !plainAddress(c.Mail) {
		d.Wrong("mail", "mail must be a plain mail address, such as lead@cloud.example")
	}
	return c
}

func plainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

func (f *File) canaries(r datamap.Record) {
	f.Canaries = r.Names("canaries", nil)
	if len(f.Canaries) > MaxCanaries {
		r.Wrong("canaries", "canaries are %d addresses at most", MaxCanaries)
	}
	for _, a := range f.Canaries {
		if !plainAddress(a) {
			r.Wrong("canaries", "canaries must be plain mail addresses of the company's own")
		}
	}
}

func (f *File) severity(r datamap.Record) {
	d, ok := r.Record("severity", severityKeys)
	if !ok {
		r.Need("severity")
		return
	}
	f.Severity = Severity{
		Persons: int64(d.Number("persons", 0, 2_000_000_000, 0)), Sensitive: d.Bool("sensitive"),
		Risk:     d.Choice("risk", []string{"none", "risk", "high"}, "high"),
		Level:    d.Choice("level", []string{"ordinary", "larger", "major", "extreme"}, "ordinary"),
		Operator: d.Choice("operator", []string{"other", "critical", "central"}, "other"),
	}
}

func (f *File) pace(r datamap.Record) {
	f.Pace = Pace{Rate: 50, PerDomain: 20, Waves: []int{1, 10, 100}, StopAt: 5, Retry: 15 * time.Minute, GiveUp: 72 * time.Hour}
	d, ok := r.Record("pace", paceKeys)
	if !ok {
		return
	}
	f.Pace.Rate = d.Number("rate", 0, 100_000, f.Pace.Rate)
	f.Pace.PerDomain = d.Number("per_domain", 0, 100_000, f.Pace.PerDomain)
	f.Pace.StopAt = d.Number("stop_at", 1, 100, f.Pace.StopAt)
	f.Pace.Retry = d.Duration("retry", time.Second, 6*time.Hour, f.Pace.Retry)
	f.Pace.GiveUp = d.Duration("give_up", time.Minute, 120*time.Hour, f.Pace.GiveUp)
	if d.Has("waves") {
		f.Pace.Waves = d.Numbers("waves", 1, 100)
	}
	rising := slices.IsSorted(f.Pace.Waves) && len(slices.Compact(slices.Clone(f.Pace.Waves))) == len(f.Pace.Waves)
	if n := len(f.Pace.Waves); n == 0 || n > 10 || f.Pace.Waves[n-1] != 100 || !rising {
		d.Wrong("waves", "waves are per cent of the list, rising, ten at most, the last is 100")
	}
}

func (f *File) ladder(r datamap.Record) {
	f.Ladder = Ladder{Steps: slices.Clone(Steps), After: 24 * time.Hour, PublicOver: 10_000}
	d, ok := r.Record("ladder", ladderKeys)
	if !ok {
		return
	}
	if d.Empty("steps") {
		f.Ladder.Steps = nil
	} else if d.Has("steps") {
		f.Ladder.Steps = d.Names("steps", Steps)
		at := func(s string) int { return slices.Index(Steps, s) }
		if !slices.IsSortedFunc(f.Ladder.Steps, func(a, b string) int { return at(a) - at(b) }) {
			d.Wrong("steps", "the steps stand in the order sms, phone, letter, public")
		}
	}
	f.Ladder.After = d.Duration("after", time.Second, 14*24*time.Hour, f.Ladder.After)
	f.Ladder.PublicOver = int64(d.Number("public_over", 0, 2_000_000_000, int(f.Ladder.PublicOver)))
}

func (f *File) policy(r datamap.Record) {
	d, ok := r.Record("policy", policyKeys)
	if !ok {
		return
	}
	d.Need("class")
	d.Need("effective")
	f.Policy = &Policy{Class: d.Choice("class", []string{PolicyMajor, PolicyMinor}, ""), Effective: d.Time("effective")}
	for _, c := range d.Records("changes", "a change", changeKeys) {
		c.Need("clause")
		c.Need("touches")
		f.Policy.Changes = append(f.Policy.Changes, Change{
			Clause: c.Text("clause"), Before: c.Languages("before"), After: c.Languages("after"),
			Touches: c.Choice("touches", Touchable, ""),
		})
	}
	if len(f.Policy.Changes) == 0 {
		d.Wrong("changes", "a change of the policy needs its changes")
	}
}

func (f *File) concerned(r datamap.Record, m *datamap.Map) {
	if !r.Need("concerned") {
		return
	}
	for _, d := range r.Records("concerned", "an entry of concerned", scopeKeys) {
		s := Scope{CSV: d.Text("csv")}
		switch {
		case s.CSV != "" && (d.Has("system") || d.Has("collection") || d.Has("where")):
			d.Wrong("csv", `an entry has either "csv" or "system" and "collection"`)
		case s.CSV == "":
			if c := d.Collection(m); c != nil {
				s.System, s.Collection = c.System.Name, c.Name
				s.Where = d.Condition("where", c)
			}
		}
		for _, c := range d.Records("categories", "a category", []string{"zh", "en"}) {
			s.Categories = append(s.Categories, datamap.Text{ZH: c.Text("zh"), EN: c.Text("en")})
		}
		f.Scopes = append(f.Scopes, s)
	}
	if len(f.Scopes) == 0 || len(f.Scopes) > 50 {
		r.Wrong("concerned", "concerned has one to fifty entries")
	}
}
