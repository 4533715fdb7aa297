package datamap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// page writes the lines of a scaffold.
type page struct {
	bytes.Buffer
	whole string // the guess behind every line that has no own
}

// fact writes a line that the schema states.
func (p *page) fact(text string) {
	if p.whole != "" {
		p.guess(text, "goes with the collection")
		return
	}
	p.guess(text, "")
}

func (p *page) guess(text, why string) {
	p.WriteString(text)
	if why != "" {
		p.WriteString(" " + GuessMark + why)
	}
	p.WriteByte('\n')
}

const toWrite = "{zh: 待填写, en: to be written}"

func (d *drafts) write() []byte {
	p := &page{}
	p.fact("# A first draft, made from the live schema by `habeas datamap init`. A line that ends in")
	p.fact("# \"" + strings.TrimSpace(GuessMark) + "\" is no fact: make it right, then take the comment away.")
	p.fact("# Every key is explained in docs/data-map.md.")
	p.fact("version: 1")
	if d.System != "" {
		p.fact("system: " + yamlText(d.System))
	} else {
		d.System = SystemNameOf(d.Title)
		p.guess("system: "+yamlText(d.System), "from the database's name")
	}
	title := yamlText(cmp.Or(d.Title, d.System))
	p.guess("title: {zh: "+title+", en: "+title+"}", "how people should read of it")
	p.fact("driver: " + yamlText(d.Driver))
	p.guess("region: cn", "the country in which it stands")
	p.guess("owner: "+yamlText("owner@company.example"), "who answers for it")
	p.fact("collections:")
	collections := slices.DeleteFunc(slices.Clone(d.all), func(t *draft) bool { return !t.in })
	slices.SortStableFunc(collections, func(a, b *draft) int { return cmp.Compare(a.rank(d), b.rank(d)) })
	for i, t := range collections {
		if i > 0 {
			p.WriteByte('\n')
		}
		d.collection(p, t)
	}
	d.leftOut(p)
	return p.Bytes()
}

// rank puts the directory first, then what hangs on it by level, then the rest.
func (t *draft) rank(d *drafts) int {
	switch {
	case t == d.directory:
		return 0
	case len(t.kept) == 0:
		return 1000
	}
	return t.level
}

func (d *drafts) collection(p *page, t *draft) {
	p.whole = t.whole
	p.guess("  "+t.name+":", t.whole)
	p.fact("    table: " + yamlText(t.table.Ref()))
	title := yamlText(cmp.Or(t.table.Comment, t.table.Name))
	p.guess("    title: {zh: "+title+", en: "+title+"}", "how people should read of it")
	if len(t.table.Key) > 0 {
		p.fact("    key: " + flowList(t.key()))
	} else {
		p.guess("    key: "+flowList(t.key()), "the table has no key; these must tell its rows apart")
	}
	p.guess("    purpose: "+toWrite, "why the company keeps it")
	p.guess("    legal_basis: contract", "one of "+strings.Join(legalBases, ", "))
	p.guess("    retention: "+toWrite, "how long")
	if t == d.directory {
		d.directoryLines(p, t)
	}
	if len(t.matches) > 0 {
		p.fact("    match:")
		for _, m := range t.matches {
			p.guess("      - {column: "+yamlText(m.column)+", identity: "+m.identity+"}", m.why)
		}
	}
	d.linkLines(p, t)
	p.fact("    columns:")
	for _, col := range t.table.Columns {
		g := t.guesses[col.Name]
		if g.identity == IdentityAccount && t != d.directory && g.category == "user.account.username" {
			g.third = true // a name in a table that is not the directory may be anybody's
		}
		third := ""
		if g.third {
			third = ", third_party: true"
		}
		p.guess("      "+yamlText(col.Name)+": {category: "+g.category+third+"}", g.why)
	}
	p.whole = ""
}

// directoryLines name the account and the channels that a code may go to.
func (d *drafts) directoryLines(p *page, t *draft) {
	p.guess("    directory:", "people are looked up here")
	find := func(fits func(guess, CatalogColumn) bool) string {
		for _, col := range t.table.Columns {
			if fits(t.guesses[col.Name], col) {
				return col.Name
			}
		}
		return ""
	}
	if account := find(func(g guess, _ CatalogColumn) bool { return g.identity == IdentityAccount }); account != "" {
		p.guess("      account: "+yamlText(account), "the name that people know")
	}
	if lang := find(func(g guess, c CatalogColumn) bool {
		return g.category == "user.demographic.language" && c.Class == ClassText
	}); lang != "" {
		p.guess("      language: "+yamlText(lang), "holds zh or en")
	}
	p.guess("      channels:", "where a code may be sent, the best first")
	written := false
	channel := func(kind, column, why string) {
		written = true
		p.guess("        - {kind: "+kind+", column: "+yamlText(column)+"}", why)
	}
	for _, kind := range channels {
		for _, m := range t.matches {
			if m.identity == kind {
				channel(kind, m.column, m.why)
			}
		}
	}
	if written {
		return
	}
	phone := find(func(g guess, _ CatalogColumn) bool { return g.category == "user.contact.phone_number" && !g.third })
	if phone != "" {
		channel(IdentityMobile, phone, "it may hold telephones that take no messages")
		return
	}
	channel(IdentityEmail, t.key()[0], "no column looks like an address")
}

func (d *drafts) linkLines(p *page, t *draft) {
	if len(t.kept) > 0 {
		p.fact("    links:")
	}
	for _, l := range t.kept {
		relation := "relation: belongs, deletion: deep"
		if l.refers {
			relation = "relation: refers, deletion: refcount"
		}
		p.guess("      - {columns: "+flowList(l.columns)+", to: "+yamlText(l.to.name)+", to_columns: "+flowList(l.toColumns)+", "+relation+"}", l.why)
	}
	for _, note := range t.notes {
		p.guess("   ", note)
	}
}

// leftOut lists the tables that became no collection, each with the reason.
func (d *drafts) leftOut(p *page) {
	var lines [][3]string
	for _, t := range d.all {
		if !t.in {
			lines = append(lines, [3]string{t.table.Ref(), "nothing in it leads to a person", "no column and no link of it looks personal"})
		}
	}
	for _, t := range d.unread {
		why := "the account may not read it"
		if t.Secured {
			why = "row-level security hides rows of it"
		}
		lines = append(lines, [3]string{t.Ref(), "not looked at yet", why})
	}
	if len(lines) == 0 {
		return
	}
	slices.SortFunc(lines, func(a, b [3]string) int { return cmp.Compare(a[0], b[0]) })
	p.fact("\nignore_tables:")
	for _, line := range lines {
		p.guess("  "+yamlText(line[0])+": "+yamlText(line[1]), line[2])
	}
}

// SystemNameOf makes a system's name from any text.
func SystemNameOf(text string) string {
	name := strings.Trim(notInName.ReplaceAllString(strings.Join(wordsAndDigits(text), "-"), "-"), "-")
	name = strings.Trim(name[:min(len(name), 40)], "-")
	if name == "" || name[0] < 'a' {
		return "system"
	}
	return name
}

// TableRef is how the map writes a table: schema.table, in double quotes where a name has a dot or
// a double quote itself.
func TableRef(schema, table string) string {
	quote := func(s string) string {
		if strings.ContainsAny(s, `."`) {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		return s
	}
	return quote(schema) + "." + quote(table)
}

var (
	plainYAML    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	reservedYAML = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
)

// yamlText writes a text so that YAML reads it back as that text, in block and flow alike.
func yamlText(s string) string {
	if plainYAML.MatchString(s) && !slices.Contains(reservedYAML, strings.ToLower(s)) {
		return s
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

func flowList(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = yamlText(name)
	}
	return "[" + strings.Join(list, ", ") + "]"
}
