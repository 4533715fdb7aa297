package datamap

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Affiliate is a company of the same group, which handles data jointly with this one: the person may turn
// to any of them (PIPL Art. 20, GDPR Art. 26(3)).
type Affiliate struct {
	Name  string // as a purpose's
	Title Text
}

// Affiliate finds an affiliate by name; nil when there is none.
func (m *Map) Affiliate(name string) *Affiliate {
	i := slices.IndexFunc(m.Company.Affiliates, func(a Affiliate) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Company.Affiliates[i]
}

// AffiliateNames are the names of the affiliates, in order.
func (m *Map) AffiliateNames() []string {
	var names []string
	for _, a := range m.Company.Affiliates {
		names = append(names, a.Name)
	}
	return names
}

func (f *file) affiliates(r *record) []Affiliate {
	n, ok := r.get("affiliates")
	if !ok {
		return nil
	}
	var list []Affiliate
	entries, _ := f.entries(n, "affiliates")
	for _, e := range entries {
		if !purposeName.MatchString(e.name) || len(e.name) > 40 {
			f.node(e.key, "an affiliate's name has lower-case letters, digits and single hyphens, begins with a letter and has 40 characters at most")
		}
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "the affiliate %s says nothing", quoted(e.name))
			continue
		}
		list = append(list, Affiliate{Name: e.name, Title: f.languageText(e.value, "the affiliate "+quoted(e.name))})
	}
	return list
}
