package export

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// The pages are written piece by piece, one collection at a time, so that memory does not grow
// with their number. Values are escaped by html/template; the pages hold no script and a policy
// that would allow none.
//
//go:embed page/*.html page/style.css
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"style": func() (template.CSS, error) {
		css, err := pageFiles.ReadFile("page/style.css")
		return template.CSS(css), err //nolint:gosec // ours, no value in it
	},
}).ParseFS(pageFiles, "page/*.html"))

// shown is how many rows of a collection the index shows.
const shown = 200

// head is what the top of both pages needs.
type head struct {
	W                   *words
	Title, Company      string
	Case                string
	Received, Generated string
	Systems             []tocSystem
	Total               string
	Missing             []missed
	Disclosures         []disclosed
	Attached            []attached // from systems in which somebody looked by hand
	Masked, Held        bool       // columns that the map hides, anywhere
	Others              bool       // columns that speak of others, anywhere
	Officer, Hotline    string
	Mail, Post          string
}

type tocSystem struct {
	Anchor, Title string
	Collections   []tocCollection
}

type tocCollection struct {
	Anchor, Title, Rows string
	Count               string // "12 records"
	Empty               bool
	JSON, CSV           string // relative links
}

type missed struct{ Title, Reason string }

type attached struct{ Title, Name string }

// render writes one piece.
func (a *assembly) render(w io.Writer, piece string, data any) error {
	if err := pages.ExecuteTemplate(w, piece, data); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

// index writes index.html.
func (a *assembly) index(w io.Writer) error {
	top := a.head()
	if err := a.render(w, "index-top.html", top); err != nil {
		return err
	}
	for i, s := range a.p.systems() {
		if err := a.render(w, "system.html", a.systemView(s, top.Systems[i])); err != nil {
			return err
		}
		for j, e := range s.entries {
			view, err := a.collectionView(e, top.Systems[i].Collections[j])
			if err != nil {
				return fmt.Errorf("%s: %w", e.Collection.ID(), err)
			}
			if err := a.render(w, "collection.html", view); err != nil {
				return err
			}
		}
	}
	return a.render(w, "index-end.html", top)
}

// contextPage writes context.html.
func (a *assembly) contextPage(w io.Writer) error {
	top := a.head()
	top.Title = top.W.ContextTitle
	if err := a.render(w, "context-top.html", top); err != nil {
		return err
	}
	for i, s := range a.p.systems() {
		if err := a.render(w, "system.html", a.systemView(s, top.Systems[i])); err != nil {
			return err
		}
		for j, e := range s.entries {
			if err := a.render(w, "context-collection.html", a.contextView(e, top.Systems[i].Collections[j])); err != nil {
				return err
			}
		}
	}
	return a.render(w, "index-end.html", top)
}

func (a *assembly) head() *head {
	p, w := a.p, languages[a.p.Lang]
	h := &head{
		W: w, Title: w.Title, Company: p.Company.Name.In(p.Lang), Case: p.CaseID,
		Generated: p.GeneratedAt.Format(w.Date), Officer: p.Company.Officer, Hotline: p.Company.Hotline,
		Mail: p.Company.ReplyTo, Post: p.Company.Address.In(p.Lang),
	}
	if !p.Facts.ReceivedAt.IsZero() {
		h.Received = p.Facts.ReceivedAt.In(p.GeneratedAt.Location()).Format(w.Date)
	}
	total := int64(0)
	for i, s := range p.systems() {
		group := tocSystem{Anchor: fmt.Sprintf("s%d", i+1), Title: title(s.Title, p.Lang, s.Name)}
		for j, e := range s.entries {
			c := e.Collection
			total += e.JSON.Info.Rows
			group.Collections = append(group.Collections, tocCollection{
				Anchor: fmt.Sprintf("s%d-%d", i+1, j+1), Title: title(c.Title, p.Lang, c.Name),
				Rows: thousands(e.JSON.Info.Rows), Count: w.count(e.JSON.Info.Rows), Empty: e.JSON.Info.Rows == 0,
				JSON: link(e.file("json")), CSV: link(e.file("csv")),
			})
			h.Masked = h.Masked || len(e.columns(Masked)) > 0
			h.Held = h.Held || len(e.columns(Held)) > 0
			h.Others = h.Others || len(e.columns(Redacted))+len(e.columns(Dropped))+len(e.columns(Withheld)) > 0
		}
		h.Systems = append(h.Systems, group)
	}
	h.Total = thousands(total)
	for i, f := range p.Files {
		h.Attached = append(h.Attached, attached{Title: title(f.System.Title, p.Lang, f.System.Name), Name: link(p.attachedName(i))})
	}
	for _, m := range p.Facts.Missing {
		h.Missing = append(h.Missing, missed{Title: m.Title.In(p.Lang), Reason: m.Reason.In(p.Lang)})
	}
	for _, d := range p.Facts.Disclosures {
		h.Disclosures = append(h.Disclosures, disclosed{Authority: d.Authority, Ground: d.Ground, At: d.At, Of: strings.Join(d.Categories, h.W.Separator)})
	}
	return h
}

// disclosed is one disclosure to an authority.
type disclosed struct{ Authority, Ground, At, Of string }

type systemView struct {
	W             *words
	Anchor, Title string
	Region, Third string
}

func (a *assembly) systemView(s *system, toc tocSystem) systemView {
	v := systemView{W: languages[a.p.Lang], Anchor: toc.Anchor, Title: toc.Title, Region: region(s.Region, a.p.Lang)}
	if name := s.Recipient.In(a.p.Lang); name != "" {
		v.Third = fmt.Sprintf(v.W.ThirdParty, name)
	}
	return v
}

// facts are what stands beside every collection, from the map.
type factsView struct {
	W                                              *words
	Anchor, Title, Rows, Count, JSON, CSV          string
	Purpose, LegalBasis, Retention, Source, Region string
	Recipients                                     []string
}

func (a *assembly) facts(e *Entry, toc tocCollection) factsView {
	c, w, lang := e.Collection, languages[a.p.Lang], a.p.Lang
	stated := func(s string) string {
		if s == "" {
			return w.NotStated
		}
		return s
	}
	basis := w.Bases[c.LegalBasis]
	if basis == "" {
		basis = c.LegalBasis
	}
	f := factsView{
		W: w, Anchor: toc.Anchor, Title: toc.Title, Rows: toc.Rows, Count: toc.Count, JSON: toc.JSON, CSV: toc.CSV,
		Purpose: stated(c.Purpose.In(lang)), LegalBasis: stated(basis), Retention: stated(c.Retention.In(lang)),
		Source: stated(c.Source.In(lang)), Region: region(c.System.Region, lang),
	}
	if name := c.System.Recipient.In(lang); name != "" {
		f.Recipients = append(f.Recipients, name)
	}
	for _, r := range c.Recipients {
		f.Recipients = append(f.Recipients, r.In(lang))
	}
	return f
}

type contextView struct {
	factsView
	Columns []contextRow
}

type contextRow struct{ Title, Name, Treatment string }

func (a *assembly) contextView(e *Entry, toc tocCollection) contextView {
	v := contextView{factsView: a.facts(e, toc)}
	for _, col := range e.Collection.Columns {
		if t := e.treatment(col); t != notListed {
			v.Columns = append(v.Columns, contextRow{title(col.Title, a.p.Lang, col.Name), col.Name, v.W.Treatment[t]})
		}
	}
	return v
}

func title(t datamap.Text, lang, name string) string {
	if s := t.In(lang); s != "" {
		return s
	}
	return name
}

// region is the country's name, or the code where there is none of that code.
func region(code, lang string) string {
	r, err := language.ParseRegion(code)
	if err != nil {
		return strings.ToUpper(code)
	}
	if lang == "zh" {
		return display.Regions(language.Chinese).Name(r)
	}
	return display.Regions(language.English).Name(r)
}

func link(path string) string { return (&url.URL{Path: path}).String() }

func (w *words) count(rows int64) string {
	if rows == 1 {
		return w.OneRow
	}
	return fmt.Sprintf(w.ManyRows, thousands(rows))
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
