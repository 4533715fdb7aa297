package datamap

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// RightCorrection is asked of systems that are asked, where the map says so.
const RightCorrection = "correction"

// How a derived copy is made from what it is a copy of.
const (
	CopySame   = "same"   // the value as it stands in its source
	CopyLower  = "lower"  // in lower case
	CopyDigits = "digits" // nothing but the digits
)

// Correct is what the map says of correcting a column.
type Correct struct {
	Never    Text      // why it may not be corrected, as the person is told; empty: it may
	Copies   []Derived // what is made from it in the same row
	Disputed *Flag     // where a row is marked whose value the person disputes; nil: nowhere
	Line     int
}

// Derived is a copy of a value in the same row, which is corrected in the same statement.
type Derived struct {
	Column string
	Keys   []string // inside a JSON column: the keys from the outside in; none: the whole column
	As     string   // one of Copy…
}

// Make gives the copy of a value.
func (d Derived) Make(value string) string {
	switch d.As {
	case CopyLower:
		return strings.ToLower(value)
	case CopyDigits:
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, value)
	}
	return value
}

// Flag is a column and the value that it gets.
type Flag struct{ Column, Value string }

// Field is something that a person may have corrected: a category, wherever columns of it stand.
type Field struct {
	Name     string // as staff type it: "contact.email"
	Category string
	Shape    string // a kind of identity whose form a value must have; empty: any text
	Title    Text
	// Strict: a second person and a fresh check of the real name are needed.
	Strict bool
	// Evidence is the proof that is asked for; empty: none.
	Evidence Text
}

// Channel says that letters and codes go there, so that a new value must be confirmed by a code to it.
func (f Field) Channel() bool { return known(f.Shape, channels) }

// maxCorrected bounds a new value, in characters.
const maxCorrected = 500

// Value gives the one form of a new value, or a contract.ErrBadInput that does not hold it.
func (f Field) Value(value string) (string, error) {
	if f.Shape != "" {
		return Normalise(f.Shape, value)
	}
	value = strings.TrimSpace(value)
	n := utf8.RuneCountInString(value)
	if !utf8.ValidString(value) || n == 0 || n > maxCorrected || strings.ContainsFunc(value, unicode.IsControl) {
		return "", fault.Newf(contract.ErrBadInput, "%s: the new value has 1 to %d characters, and no line breaks", f.Name, maxCorrected)
	}
	return value, nil
}

// RealNameCheck is where the company keeps what an identity service said of a name and a number.
type RealNameCheck struct {
	Collection          string // "system.collection"
	Name, Number, Since string // columns: what was checked, and when it was found right
}

// Correction is what company.yaml says of corrections.
type Correction struct {
	Fields   []Field        // named or changed there, in file order
	RealName *RealNameCheck // nil: people attest it
}

// usualFields are fields that have a name of their own, and what is asked for them.
var usualFields = []Field{
	{Name: "contact.email", Category: "user.contact.email", Shape: IdentityEmail, Title: Text{ZH: "电子邮箱", EN: "E-mail"}},
	{Name: "contact.mobile", Category: "user.contact.phone_number", Shape: IdentityMobile, Title: Text{ZH: "手机号码", EN: "Mobile number"}},
	{Name: "contact.address", Category: "user.contact.address", Title: Text{ZH: "联系地址", EN: "Address"}},
	{Name: "identity.real_name", Category: "user.name", Title: Text{ZH: "真实姓名", EN: "Real name"}},
	{Name: "identity.id_number", Category: "user.government_id.national_identification_number", Shape: IdentityNationalID, Title: Text{ZH: "身份证号码", EN: "ID number"}},
}

// strictFamilies are the categories whose correction needs a second person and a fresh check of the real
// name: names, numbers of identity papers, and what stands on invoices.
var strictFamilies = []string{"user.name", "user.government_id", "user.financial", "pd:Name", "pd:OfficialID", "pd:Passport", "pd:BankAccount", "pd:FinancialAccountNumber"}

func strict(category string) bool {
	return slices.ContainsFunc(strictFamilies, func(family string) bool { return category == family || strings.HasPrefix(category, family+".") })
}

// Field finds what a name means: one of the usual names, one of company.yaml, or a category of a column,
// with or without "user." before it. A name that leads to no column is a contract.ErrBadInput.
func (m *Map) Field(name string) (Field, error) {
	all := m.Fields()
	i := slices.IndexFunc(all, func(f Field) bool { return f.Name == name || f.Category == name || f.Category == "user."+name })
	if i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	err := fault.Newf(contract.ErrBadInput, "no column of the data map holds a field %s that could be corrected", quoted(name))
	if hint := nearest(name, names); hint != "" {
		return Field{}, err.WithHint("did you mean " + hint + "?")
	}
	return Field{}, err.WithHint("it is named by the category of its columns, such as contact.email for user.contact.email")
}

// Fields are what may be corrected in this map: each category that a column has, the usual ones under
// their usual names, in order of the name.
func (m *Map) Fields() []Field {
	var fields []Field
	add := func(category string, title Text) {
		if category == "" || slices.ContainsFunc(fields, func(f Field) bool { return f.Category == category }) {
			return
		}
		field := Field{Name: strings.TrimPrefix(category, "user."), Category: category, Title: title}
		for _, list := range [][]Field{usualFields, m.Company.Correction.Fields} {
			if i := slices.IndexFunc(list, func(f Field) bool { return f.Category == category }); i >= 0 {
				named := list[i]
				if named.Title == (Text{}) {
					named.Title = field.Title
				}
				field = named
			}
		}
		if !slices.ContainsFunc(m.Company.Correction.Fields, func(f Field) bool { return f.Category == category }) {
			field.Strict = strict(category)
		}
		fields = append(fields, field)
	}
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			for _, col := range c.Columns {
				if correctable(col) {
					add(col.Category, col.Title)
				}
				for _, p := range col.Paths {
					add(p.Category, p.Title)
				}
			}
		}
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// correctable leaves out what is no statement about a person that they could have corrected: keys,
// secrets, and what is ignored.
func correctable(col *Column) bool {
	return col.Category != "" && col.Export != ExportHeld && col.Category != "user.unique_id" && col.Category != "user.account.username" && !strings.HasPrefix(col.Category, "system")
}

// correct reads what a column says of being corrected.
func (f *file) correct(n ast.Node, col *Column) {
	r := f.record(n, "correct", correctKeys)
	if r == nil {
		return
	}
	c := &Correct{Never: f.title(r, "never", false)}
	c.Line, _ = position(n)
	if list, ok := r.get("copies"); ok {
		nodes, _ := f.items(list, "copies")
		for _, node := range nodes {
			c.Copies = append(c.Copies, f.derived(node))
		}
	}
	if flag, ok := r.get("disputed"); ok {
		if b := f.record(flag, "disputed", blockedKeys); b != nil {
			c.Disputed = &Flag{}
			c.Disputed.Column, _ = b.needText("column")
			if v, ok := b.need("value"); ok {
				c.Disputed.Value, _ = f.scalar(v, "value")
			}
		}
	}
	if c.Never != (Text{}) && len(c.Copies) > 0 {
		f.node(n, "%s is never corrected, so that its copies are not either", quoted(col.Name))
	}
	col.Correct = c
}

func (f *file) derived(n ast.Node) Derived {
	d := Derived{As: CopySame}
	r := f.record(n, "a copy", copyKeys)
	if r == nil {
		return d
	}
	d.Column, _ = r.needText("column")
	if path := r.text("path"); path != "" {
		var ok bool
		if d.Keys, ok = splitPath(path); !ok {
			at, _ := r.get("path")
			f.node(at, "a path is the keys from the outside in with dots between them, such as customer.email; a key with a dot stands in double quotes")
		}
	}
	if as, at := r.needOr("as", CopySame); !known(as, copyForms) {
		f.choice(at, "form of a copy", as, copyForms)
	} else {
		d.As = as
	}
	return d
}

// corrected holds what columns say of being corrected against the other columns, once those are read.
func (f *file) corrected(look columnCheck) {
	c := look.collection
	for _, col := range c.Columns {
		if col.Correct == nil {
			continue
		}
		names := []string{}
		for _, d := range col.Correct.Copies {
			names = append(names, d.Column)
		}
		if col.Correct.Disputed != nil {
			names = append(names, col.Correct.Disputed.Column)
		}
		for _, name := range names {
			switch {
			case name == "" || look.silent:
			case c.Column(name) == nil:
				f.at(col.Correct.Line, 0, "%s has no column %s, which correct of %s names", quoted(c.Name), quoted(name), quoted(col.Name))
			case name == col.Name:
				f.at(col.Correct.Line, 0, "the column %s cannot be its own copy", quoted(name))
			case slices.Contains(c.Key, name):
				f.at(col.Correct.Line, 0, "the column %s is of the key, by which a row is known again, so it cannot be changed", quoted(name))
			}
		}
	}
}

// corrections reads what company.yaml says of corrections.
func (f *file) corrections(company *record, c *Company) {
	n, ok := company.get("correction")
	if !ok {
		return
	}
	r := f.record(n, "correction", correctionKeys)
	if r == nil {
		return
	}
	if list, ok := r.get("fields"); ok {
		entries, _ := f.entries(list, "fields")
		for _, e := range entries {
			if e.value == nil || e.value.Type() == ast.NullType {
				f.node(e.key, "the field %s says nothing", quoted(e.name))
				continue
			}
			f.correctedField(e, c)
		}
	}
	if check, ok := r.get("real_name"); ok {
		f.realName(check, c)
	}
}

func (f *file) correctedField(e entry, c *Company) {
	r := f.record(e.value, "the field "+quoted(e.name), fieldKeys)
	if r == nil {
		return
	}
	i := slices.IndexFunc(usualFields, func(u Field) bool { return u.Name == e.name })
	field := Field{Name: e.name}
	if i >= 0 {
		field = usualFields[i]
		field.Strict = strict(field.Category)
	}
	if _, stands := r.fields["category"]; stands || i < 0 {
		r.need("category")
		field.Category = f.category(r)
		for _, u := range usualFields {
			if u.Category == field.Category {
				field.Shape = u.Shape
			}
		}
		field.Strict = strict(field.Category)
	}
	if title := f.title(r, "title", false); title != (Text{}) {
		field.Title = title
	}
	if _, stands := r.fields["strict"]; stands {
		field.Strict = r.boolean("strict")
	}
	field.Evidence = f.title(r, "evidence", false)
	c.Correction.Fields = append(c.Correction.Fields, field)
}

func (f *file) realName(n ast.Node, c *Company) {
	r := f.record(n, "real_name", realNameKeys)
	if r == nil {
		return
	}
	check := &RealNameCheck{}
	var at ast.Node
	check.Collection, at = r.needText("collection")
	check.Name, _ = r.needText("name")
	check.Number, _ = r.needText("number")
	check.Since, _ = r.needText("since")
	c.Correction.RealName = check
	f.later = append(f.later, func(l *loading) {
		system, name, _ := strings.Cut(check.Collection, ".")
		var found *Collection
		if s := l.System(system); s != nil {
			found = s.Collection(name)
		}
		if found == nil {
			f.node(at, "the map has no collection %s", quoted(check.Collection))
			return
		}
		for _, column := range []string{check.Name, check.Number, check.Since} {
			if column != "" && found.Column(column) == nil {
				f.node(n, "%s has no column %s", check.Collection, quoted(column))
			}
		}
	})
}
