package datamap

import (
	"net/mail"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// CompanyFile is the name of the file that says who the company is.
const CompanyFile = "company.yaml"

// company reads company.yaml.
func (f *file) company(n ast.Node) Company {
	r := f.record(n, "the company", companyKeys)
	if r == nil {
		return Company{}
	}
	c := Company{
		Name:    f.title(r, "name", true),
		From:    f.mailbox(r, "from", true),
		ReplyTo: f.mailbox(r, "reply_to", false),
		Hotline: r.text("hotline"),
		Officer: r.text("officer"),
		Address: f.title(r, "address", false),
	}
	if list, ok := r.need("languages"); ok {
		for _, l := range f.names(list, "languages") {
			if !known(l.name, languages) {
				f.choice(l.node, "language", l.name, languages)
				continue
			}
			c.Languages = append(c.Languages, l.name)
		}
	}
	if law, at := r.needText("law"); law != "" {
		if !known(law, laws) {
			f.choice(at, "law", law, laws)
		}
		c.Law = law
	}
	if own, ok := r.get("identities"); ok {
		c.Identities = f.identities(own)
	}
	c.Purposes = f.purposes(r)
	c.Affiliates = f.affiliates(r)
	f.bounds(r, &c)
	f.corrections(r, &c)
	return c
}

func (f *file) mailbox(r *record, key string, must bool) string {
	n, ok := r.get(key)
	if must {
		n, ok = r.need(key)
	}
	if !ok {
		return ""
	}
	s, ok := f.str(n, key)
	if !ok {
		return ""
	}
	address, err := mail.ParseAddress(s)
	if err != nil || address.Name != "" || address.Address != s {
		f.node(n, "%s must be a plain mail address, such as privacy@cloud.example", key)
	}
	return s
}

// title reads a text in languages. Whether every language that the company speaks is there is
// checked once company.yaml is read.
func (f *file) title(r *record, key string, must bool) Text {
	n, ok := r.get(key)
	if must {
		n, ok = r.need(key)
	}
	if !ok {
		return Text{}
	}
	return f.languageText(n, key)
}

func (f *file) languageText(n ast.Node, what string) Text {
	if _, plain := n.(*ast.StringNode); plain {
		f.node(n, `%s must give its text by language: {zh: …, en: …}`, what)
		return Text{}
	}
	r := f.record(n, what, languages)
	if r == nil {
		return Text{}
	}
	t := Text{ZH: r.text("zh"), EN: r.text("en")}
	f.later = append(f.later, func(m *loading) {
		for _, lang := range languages {
			empty := (lang == "zh" && t.ZH == "") || (lang == "en" && t.EN == "")
			if empty && slices.Contains(m.Company.Languages, lang) {
				f.node(n, "%s has no text in %q, which is one of the company's languages", what, lang)
			}
		}
	})
	return t
}
