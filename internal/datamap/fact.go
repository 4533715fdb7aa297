package datamap

import "slices"

// Facts are the columns of a directory by which a person may prove who they are: the map marks them.
func (c *Collection) Facts() []*Column {
	if c.Directory == nil {
		return nil
	}
	var found []*Column
	for _, col := range c.Columns {
		if col.Fact {
			found = append(found, col)
		}
	}
	return found
}

// facts checks that a fact is one that people can be asked for: of a directory, shown in an answer, one
// person's alone, and no address to which a code could go instead.
func (f *file) facts(c *Collection) {
	for _, col := range c.Columns {
		if !col.Fact {
			continue
		}
		at := func(why string) { f.at(col.Line, 1, "the column %s cannot be a fact: %s", quoted(col.Name), why) }
		switch {
		case c.Directory == nil:
			at("only a directory's columns are known before a person has proved who they are")
		case col.Export == ExportHeld:
			at("its value is a secret that we do not know either")
		case col.ThirdParty || col.FreeText || len(col.Paths) > 0:
			at("it holds other people's words, or more than one value")
		case slices.ContainsFunc(c.Directory.Channels, func(ch Channel) bool { return ch.Column == col.Name }):
			at("a code goes to it, which proves more")
		}
	}
}

// Holds says how sensitive the most sensitive column or field of the map is: Ordinary, Sensitive or Special.
func (m *Map) Holds() string {
	most := 0
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			for _, col := range c.Columns {
				most = max(most, slices.Index(sensitivities, col.Sensitivity))
				for _, p := range col.Paths {
					most = max(most, slices.Index(sensitivities, p.Sensitivity))
				}
			}
		}
	}
	return sensitivities[max(most, 0)]
}

// papers are the categories of the numbers of identity documents.
var papers = []string{
	"user.government_id.national_identification_number", "user.government_id.drivers_license_number",
	"user.government_id.passport_number", "user.government_id.immigration", "user.government_id", "pd:OfficialID", "pd:Passport",
}

// Papers says whether a directory holds the number of an identity document: the company collected it when
// people registered.
func (m *Map) Papers() bool {
	for _, c := range m.Directories() {
		if slices.ContainsFunc(c.Columns, func(col *Column) bool { return slices.Contains(papers, col.Category) }) {
			return true
		}
	}
	return false
}
