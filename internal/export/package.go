package export

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// PartSource is a part that was collected: where it lies and what is known of it.
type PartSource struct {
	Name string // of the blob
	Info PartInfo
}

// Entry is one collection of a package. JSON and CSV are the arrays and tables that
// systems.System.Stream writes.
type Entry struct {
	Collection *datamap.Collection
	JSON, CSV  PartSource
	// Choices are the reviewer's: column → "keep", "mask" or "drop". A third-party column
	// without one is withheld; any other column may be masked or dropped, too.
	Choices map[string]string
}

// Attached is a file from a system in which somebody looked by hand.
type Attached struct {
	System *datamap.System
	Ending string // such as "pdf"
	Source PartSource
}

// Missing is a system, or a collection of it, that the package does not hold although the map
// names it: the case goes on without it by a signed decision.
type Missing struct {
	Title  datamap.Text
	Reason datamap.Text
}

// Facts are what the pages say beside the data. All may be empty.
type Facts struct {
	ReceivedAt   time.Time // when the person asked
	Installation string    // who signs: seal.Keys.Installation
	Signer       ed25519.PublicKey
	Missing      []Missing
	Disclosures  []Disclosure
}

// Disclosure is one time that something was disclosed to an authority, of those that the person may know of.
type Disclosure struct {
	Authority  string   `json:"authority"`
	Ground     string   `json:"ground"` // law and article
	At         string   `json:"on"`     // a day
	Categories []string `json:"of"`     // what was disclosed
}

// Package is everything that a package is made of.
type Package struct {
	CaseID      string // as people read it, such as 7QK2M-9XH4T
	Lang        string // "zh" or "en": of the pages
	Company     datamap.Company
	GeneratedAt time.Time // also the time of every file in the ZIP; its zone is that of the pages
	Entries     []Entry   // in the order of the pages
	Files       []Attached
	Facts       Facts
	// Schemas puts a JSON Schema beside each entry, for whoever takes the data over.
	Schemas bool
	// NoData leaves the data out: the package says what kinds there are, why, and who gets them. Of its
	// entries only the number of rows is needed.
	NoData bool
}

// What happened to a column, as manifest and context say it.
const (
	Shown     = "shown"     // as it stands
	Masked    = "masked"    // partly hidden, by the map
	Held      = "held"      // only whether a value is held, by the map
	Redacted  = "redacted"  // hidden where it speaks of others, by the reviewer
	Dropped   = "dropped"   // left out, by the reviewer
	Withheld  = "withheld"  // left out, because nobody has decided on it yet
	notListed = "notListed" // ignored by the map: not collected
)

// treatment is what becomes of a column of the entry.
func (e *Entry) treatment(col *datamap.Column) string {
	switch choice := e.Choices[col.Name]; {
	case col.Ignore != "":
		return notListed
	case choice == dsr.ChoiceDrop:
		return Dropped
	case col.ThirdParty && choice == "":
		return Withheld
	case col.Export == datamap.ExportHeld:
		return Held
	case choice == dsr.ChoiceMask:
		return Redacted
	case col.Export == datamap.ExportMask:
		return Masked
	}
	return Shown
}

// edit is what rewriting does to a column: nil leaves it, otherwise it drops or masks.
type edit struct {
	drop bool
	mask func(string) string
}

// edits are the columns that change on the way into the package; empty when the part can be copied.
func (e *Entry) edits() map[string]edit {
	out := map[string]edit{}
	for _, col := range e.Collection.Columns {
		switch e.treatment(col) {
		case Dropped, Withheld:
			out[col.Name] = edit{drop: true}
		case Redacted:
			out[col.Name] = edit{mask: maskFor(col.Category)}
		}
	}
	return out
}

// columns lists the columns with that treatment, in the map's order.
func (e *Entry) columns(treatment string) []string {
	var out []string
	for _, col := range e.Collection.Columns {
		if e.treatment(col) == treatment {
			out = append(out, col.Name)
		}
	}
	return out
}

// file is the path of the entry in the ZIP, with the format's ending.
func (e *Entry) file(format string) string {
	return "data/" + e.Collection.System.Name + "/" + e.Collection.Name + "." + format
}

// attachedName is the path of an attached file in the ZIP: its number in the package, from 1.
func (p *Package) attachedName(i int) string {
	return fmt.Sprintf("data/%s/file-%d.%s", p.Files[i].System.Name, i+1, p.Files[i].Ending)
}

// check refuses a package that cannot be made as it stands.
func (p *Package) check() error {
	if p.CaseID == "" || p.GeneratedAt.IsZero() || (p.Lang != "zh" && p.Lang != "en") {
		return fault.New(contract.ErrBadInput, "a package needs a case number, a time, and zh or en as its language", nil)
	}
	if len(p.Entries)+len(p.Files) == 0 {
		return fault.New(contract.ErrNothingToShare, "there is nothing to put into the package", nil)
	}
	seen := map[string]bool{}
	for _, f := range p.Files {
		if !plainName(f.System.Name) || !plainName(f.Ending) {
			return fault.Newf(contract.ErrBadInput, "a file of %s cannot be named so", f.System.Name)
		}
	}
	for i := range p.Entries {
		c := p.Entries[i].Collection
		if !plainName(c.System.Name) || !plainName(c.Name) {
			return fault.Newf(contract.ErrBadInput, "%s cannot be the name of a file", c.ID())
		}
		if seen[c.ID()] {
			return fault.Newf(contract.ErrBadInput, "%s is in the package twice", c.ID())
		}
		seen[c.ID()] = true
		for name, choice := range p.Entries[i].Choices {
			col := c.Column(name)
			if col == nil || col.Ignore != "" {
				return fault.Newf(contract.ErrBadInput, "the choices name a column that %s does not have", c.ID())
			}
			if choice != dsr.ChoiceKeep && choice != dsr.ChoiceMask && choice != dsr.ChoiceDrop {
				return fault.Newf(contract.ErrBadInput, "the choice on %s.%s is neither keep, mask nor drop", c.ID(), name)
			}
		}
	}
	return nil
}

// plainName: what may stand in a path of the ZIP, on any file system.
func plainName(s string) bool {
	return s != "" && s[0] != '.' && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}
