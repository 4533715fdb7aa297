package export

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// ContextSchema names the form of context.json.
const ContextSchema = "habeas context v1"

// contextFile is context.json: what the law wants said beside the data (PIPL 17 and 45, GDPR
// 15(1)), for programs. Texts are in every language that the map has.
type contextFile struct {
	Schema      string          `json:"schema"`
	Case        string          `json:"case"`
	GeneratedAt time.Time       `json:"generated_at"`
	ReceivedAt  *time.Time      `json:"received_at,omitempty"`
	Company     contextCompany  `json:"company"`
	Systems     []contextSystem `json:"systems"`
	Files       []contextFiled  `json:"files,omitempty"`
	Missing     []contextMissed `json:"missing,omitempty"`
	Disclosures []Disclosure    `json:"disclosures,omitempty"`
}

// contextFiled is a file from a system in which somebody looked by hand.
type contextFiled struct {
	Name   string       `json:"name"` // its path in the package
	System string       `json:"system"`
	Title  datamap.Text `json:"title"`
	Region string       `json:"stored_in"` // ISO 3166
}

type contextCompany struct {
	Name    datamap.Text `json:"name"`
	Address datamap.Text `json:"address"`
	Officer string       `json:"data_protection_officer,omitempty"`
	Hotline string       `json:"hotline,omitempty"`
	ReplyTo string       `json:"reply_to,omitempty"`
}

type contextSystem struct {
	Name        string              `json:"name"`
	Title       datamap.Text        `json:"title"`
	Region      string              `json:"stored_in"` // ISO 3166
	Recipient   *datamap.Text       `json:"third_party,omitempty"`
	Collections []contextCollection `json:"collections"`
}

type contextCollection struct {
	Name       string          `json:"name"`
	Title      datamap.Text    `json:"title"`
	Rows       int64           `json:"rows"`
	Purpose    datamap.Text    `json:"purpose"`
	LegalBasis string          `json:"legal_basis"`
	Retention  datamap.Text    `json:"retention"`
	Source     datamap.Text    `json:"source"`
	Recipients []datamap.Text  `json:"recipients"`
	Columns    []contextColumn `json:"columns"`
}

type contextColumn struct {
	Name     string       `json:"name"`
	Title    datamap.Text `json:"title"`
	Category string       `json:"category"`
	Exported string       `json:"exported"` // shown, masked, held, redacted, dropped or withheld
}

type contextMissed struct {
	Title  datamap.Text `json:"title"`
	Reason datamap.Text `json:"reason"`
}

// system is the entries of one system, in the order of the package.
type system struct {
	*datamap.System
	entries []*Entry
}

// systems groups the entries; a system stands where its first entry stands.
func (p *Package) systems() []*system {
	var out []*system
	at := map[string]*system{}
	for i := range p.Entries {
		e := &p.Entries[i]
		s := at[e.Collection.System.Name]
		if s == nil {
			s = &system{System: e.Collection.System}
			at[s.Name] = s
			out = append(out, s)
		}
		s.entries = append(s.entries, e)
	}
	return out
}

// contextJSON writes context.json.
func (a *assembly) contextJSON(w io.Writer) error {
	p := a.p
	file := contextFile{
		Schema: ContextSchema, Case: p.CaseID, GeneratedAt: p.GeneratedAt.UTC(),
		Company: contextCompany{
			Name: p.Company.Name, Address: p.Company.Address, Officer: p.Company.Officer,
			Hotline: p.Company.Hotline, ReplyTo: p.Company.ReplyTo,
		},
	}
	if !p.Facts.ReceivedAt.IsZero() {
		received := p.Facts.ReceivedAt.UTC()
		file.ReceivedAt = &received
	}
	for _, s := range p.systems() {
		system := contextSystem{Name: s.Name, Title: s.Title, Region: s.Region}
		if s.Recipient != (datamap.Text{}) {
			system.Recipient = &s.Recipient
		}
		for _, e := range s.entries {
			system.Collections = append(system.Collections, e.context())
		}
		file.Systems = append(file.Systems, system)
	}
	for i, f := range p.Files {
		file.Files = append(file.Files, contextFiled{Name: p.attachedName(i), System: f.System.Name, Title: f.System.Title, Region: f.System.Region})
	}
	for _, m := range p.Facts.Missing {
		file.Missing = append(file.Missing, contextMissed(m))
	}
	file.Disclosures = p.Facts.Disclosures
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(file); err != nil {
		return fmt.Errorf("writing the context: %w", err)
	}
	return nil
}

func (e *Entry) context() contextCollection {
	c := e.Collection
	out := contextCollection{
		Name: c.Name, Title: c.Title, Rows: e.JSON.Info.Rows, Purpose: c.Purpose,
		LegalBasis: c.LegalBasis, Retention: c.Retention, Source: c.Source,
		Recipients: append([]datamap.Text{}, c.Recipients...),
	}
	for _, col := range c.Columns {
		if treatment := e.treatment(col); treatment != notListed {
			out.Columns = append(out.Columns, contextColumn{
				Name: col.Name, Title: col.Title, Category: col.Category, Exported: treatment,
			})
		}
	}
	return out
}
