package datamap

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// columns reads the columns of a collection and says whether it could.
func (f *file) columns(n ast.Node, c *Collection) bool {
	list, ok := f.entries(n, "columns")
	if !ok {
		return false
	}
	if len(list) == 0 {
		f.node(n, "columns is empty")
		return false
	}
	for _, e := range list {
		if strings.TrimSpace(e.name) == "" || len(e.name) > 128 || strings.ContainsFunc(e.name, isControl) {
			f.node(e.key, "a column's name has 1 to 128 bytes and no control characters")
		}
		col := &Column{Name: e.name, Title: Text{ZH: e.name, EN: e.name}}
		col.Line, _ = position(e.key)
		c.Columns = append(c.Columns, col)
		f.column(e, col)
	}
	return true
}

// column reads one column: classified, or ignored on purpose.
func (f *file) column(e entry, col *Column) {
	unclassified := func() {
		f.node(e.key, `the column %s is not classified: give it a category, or "ignore" with the reason why it is left out`, quoted(e.name))
	}
	if e.value == nil || e.value.Type() == ast.NullType {
		unclassified()
		return
	}
	what := "the column " + quoted(e.name)
	r := f.record(e.value, what, columnKeys)
	if r == nil {
		return
	}
	if n, stands := r.fields["erase"]; stands { // an ignored column is left out of answers, not of a deletion
		col.Erase = f.strategy(n)
	}
	if n, stands := r.fields["ignore"]; stands {
		f.ignored(r, n, what, col)
		return
	}
	col.Category = f.category(r)
	if _, stands := r.fields["category"]; !stands && !r.meant["category"] && !r.meant["ignore"] {
		unclassified()
	} else if stands && col.Category == "" {
		r.need("category")
	}
	if title := f.title(r, "title", false); title != (Text{}) {
		col.Title = title
	}
	col.ThirdParty = r.boolean("third_party")
	col.FreeText = r.boolean("free_text")
	col.Fact = r.boolean("fact")
	col.Purpose = f.title(r, "purpose", false)
	col.Source = f.title(r, "source", false)
	if _, stands := r.get("given"); stands {
		if f.givens == nil {
			f.givens = map[*Column]bool{}
		}
		f.givens[col] = r.boolean("given")
	}
	col.Sensitivity = f.sensitivity(r)
	if basis, ok := r.get("legal_basis"); ok {
		if col.LegalBasis, ok = f.str(basis, "legal_basis"); ok && !known(col.LegalBasis, legalBases) {
			f.choice(basis, "legal basis", col.LegalBasis, legalBases)
		}
	}
	if paths, ok := r.get("paths"); ok {
		f.paths(paths, col)
	}
	if correct, ok := r.get("correct"); ok {
		f.correct(correct, col)
	}
	f.export(r, what, col)
}

func (f *file) ignored(r *record, ignore entry, what string, col *Column) {
	for _, key := range columnKeys {
		if e, stands := r.fields[key]; stands && key != "ignore" && key != "erase" {
			f.node(e.key, `%s is ignored, so %q says nothing; keep one of the two`, what, key)
		}
	}
	if ignore.value == nil || ignore.value.Type() == ast.NullType {
		f.node(ignore.key, "ignore needs the reason why the column is left out")
		return
	}
	reason, ok := f.str(ignore.value, "ignore")
	if ok && reason == "" {
		f.node(ignore.value, "ignore needs the reason why the column is left out")
	}
	col.Ignore = reason
}

// export settles how a column appears in an export: what the map says, or else what its category
// asks for.
func (f *file) export(r *record, what string, col *Column) {
	usual := treatments[col.Category]
	export, mask := r.text("export"), r.text("mask")
	exportAt, _ := r.get("export")
	maskAt, _ := r.get("mask")
	if export != "" && !slices.Contains(exports, export) {
		f.choice(exportAt, "export", export, exports)
		return
	}
	if mask != "" && !slices.Contains(masks, mask) {
		f.choice(maskAt, "mask", mask, masks)
		return
	}
	switch {
	case export == "" && mask != "":
		export = ExportMask
	case export == "" && usual.export != "":
		export, mask = usual.export, usual.mask
	case export == "":
		export = ExportShow
	}
	switch {
	case usual.export == ExportHeld && export != ExportHeld:
		at := exportAt
		if at == nil {
			at = maskAt
		}
		f.node(at, "%s holds a secret: an export says only that one is held (export: held)", what)
	case export == ExportMask && mask == "" && usual.mask != "":
		mask = usual.mask
	case export == ExportMask && mask == "":
		f.node(exportAt, `%s needs "mask": one of %s`, what, listed(masks))
	case export != ExportMask && mask != "":
		f.node(maskAt, "%s has a mask, but export: %s does not use it", what, export)
	}
	col.Export, col.Mask = export, mask
}
