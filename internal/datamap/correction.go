package datamap

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
