package incident

import (
	"fmt"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
)

// Missing is one mandatory part that is still empty.
type Missing struct {
	Field string // as the file calls it, such as "harm" or "concerned[0].categories"
	Lang  string // "zh" or "en"; empty where the part has no language
	Laws  string // who asks for it, such as "PIPL 57(1)(1), GDPR 33(3)(c)"
}

// String is the field, its language and who asks for it.
func (m Missing) String() string {
	if m.Lang == "" {
		return fmt.Sprintf("%s (%s)", m.Field, m.Laws)
	}
	return fmt.Sprintf("%s in %s (%s)", m.Field, m.Lang, m.Laws)
}

// asked is a part of a letter and the rules that ask for it.
type asked struct {
	field string
	of    func(File) datamap.Text
	by    string
}

// parts are where the file holds what a law may ask of the letter.
var parts = map[string]func(File) datamap.Text{
	"title":     func(f File) datamap.Text { return f.Title },
	"what":      func(f File) datamap.Text { return f.Texts.What },
	"when":      func(f File) datamap.Text { return f.Texts.When },
	"cause":     func(f File) datamap.Text { return f.Texts.Cause },
	"harm":      func(f File) datamap.Text { return f.Texts.Harm },
	"measures":  func(f File) datamap.Text { return f.Texts.Measures },
	"advice":    func(f File) datamap.Text { return f.Texts.Advice },
	"remedy":    func(f File) datamap.Text { return f.Texts.Remedy },
	"contact":   func(f File) datamap.Text { return f.Texts.Contact },
	"authority": func(f File) datamap.Text { return f.Texts.Authority },
}

// breachAsks is the union of what the book's laws ask of the notice to people. It holds whatever the
// law of the person, so that nobody gets the shorter letter. categories are the laws that want the
// kinds of data told, which each scope names for itself.
func breachAsks(book *jurisdiction.Book) (asks []asked, categories string) {
	for _, t := range book.Asks() {
		if of, ok := parts[t.Part]; ok {
			asks = append(asks, asked{t.Part, of, t.Source})
		} else {
			categories = t.Source
		}
	}
	return asks, categories
}

var policyAsks = []asked{
	{"title", func(f File) datamap.Text { return f.Title }, "PIPL 17(2)"},
	{"what", func(f File) datamap.Text { return f.Texts.What }, "PIPL 17(2)"},
	{"contact", func(f File) datamap.Text { return f.Texts.Contact }, "PIPL 17(1)(1)"},
}

var transferAsks = []asked{
	{"title", func(f File) datamap.Text { return f.Title }, "PIPL 22"},
	{"what", func(f File) datamap.Text { return f.Texts.What }, "PIPL 22"},
	{"contact", func(f File) datamap.Text { return f.Texts.Contact }, "PIPL 22"},
	{"recipient.name", func(f File) datamap.Text { return f.To.Name }, "PIPL 22"},
}

// Checklist lists what is still empty of what the book's laws ask (nil: the embedded ones), in the
// languages in which the company writes. While it is not empty no letter goes.
func (f File) Checklist(book *jurisdiction.Book, languages []string) []Missing {
	var missing []Missing
	need := func(field string, t datamap.Text, by string) {
		for _, lang := range languages {
			text := t.ZH
			if lang == "en" {
				text = t.EN
			}
			if strings.TrimSpace(text) == "" {
				missing = append(missing, Missing{field, lang, by})
			}
		}
	}
	asks, categories := breachAsks(orEmbedded(book))
	if f.Kind != Breach {
		asks = map[Kind][]asked{PolicyChange: policyAsks, Transfer: transferAsks}[f.Kind]
	}
	for _, a := range asks {
		need(a.field, a.of(f), a.by)
	}
	for i, s := range f.Scopes {
		field := fmt.Sprintf("concerned[%d].categories", i)
		if len(s.Categories) == 0 && f.Kind == Breach && categories != "" {
			missing = append(missing, Missing{Field: field, Laws: categories})
		}
		for _, c := range s.Categories {
			need(field, c, categories)
		}
	}
	switch {
	case f.Policy != nil:
		for i, c := range f.Policy.Changes {
			need(fmt.Sprintf("policy.changes[%d].before", i), c.Before, "PIPL 17(2)")
			need(fmt.Sprintf("policy.changes[%d].after", i), c.After, "PIPL 17(2)")
		}
	case f.To != nil && strings.TrimSpace(f.To.Contact) == "":
		missing = append(missing, Missing{Field: "recipient.contact", Laws: "PIPL 22"})
	case f.Unneeded != nil:
		need("do_not_notify.facts", f.Unneeded.Facts, "PIPL 57(2), GDPR 34(3)")
	}
	return missing
}

// CategoriesOf joins the categories of several scopes, each once, in the file's order.
func (f File) CategoriesOf(scopes []int) []datamap.Text {
	var list []datamap.Text
	for _, i := range scopes {
		if i < 0 || i >= len(f.Scopes) {
			continue
		}
		for _, c := range f.Scopes[i].Categories {
			if !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
	}
	return list
}
