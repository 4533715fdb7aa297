package datamap

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Load reads the data map in the folder dir: company.yaml, and every other file that ends in
// .yaml as one system each. Folders in it and hidden files are not read.
//
// The error is a contract.ErrBadInput. When the map itself is wrong it wraps Problems, which
// holds everything that is wrong with every file at once.
func Load(dir string) (*Map, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, folderFault(fmt.Sprintf("the folder of the data map, %s, does not exist", dir), err)
	case err != nil:
		return nil, folderFault(fmt.Sprintf("the folder of the data map, %s, cannot be read", dir), err)
	case !info.IsDir():
		return nil, folderFault(fmt.Sprintf("the data map is a folder, but %s is a file", dir), nil)
	}
	return load(os.DirFS(dir), dir)
}

// LoadFS is Load for a map that lies in another kind of file system, such as one embedded in a
// program. Its files are named in errors as they are in fsys.
func LoadFS(fsys fs.FS) (*Map, error) { return load(fsys, "") }

func folderFault(text string, cause error) error {
	return fault.New(contract.ErrBadInput, text, cause).
		WithHint("name the folder with company.yaml and one file a system in HABEAS_DATAMAP")
}

// loading is a map whose files are being read.
type loading struct {
	*Map
	broken bool // a file could not be read as a system, so that names in it are not known
	trees  map[string]ast.Node
	own    ast.Node // of company.yaml
	at     map[*Collection]*file
}

func load(fsys fs.FS, dir string) (*Map, error) {
	names, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, folderFault("the folder of the data map cannot be read", err)
	}
	l := &loading{Map: &Map{}, trees: map[string]ast.Node{}, at: map[*Collection]*file{}}
	var files []*file
	company := false
	for _, entry := range names {
		name := entry.Name()
		if entry.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		f := &file{name: filepath.Join(dir, name)}
		switch {
		case name == CompanyFile:
			company = true
			l.readCompany(fsys, f)
		case strings.HasSuffix(name, ".yaml"):
			l.readSystem(fsys, f, name)
		case strings.HasSuffix(strings.ToLower(name), ".yml"), strings.HasSuffix(strings.ToLower(name), ".yaml"):
			f.whole("the file would not be read: the name of a file of the map ends in .yaml")
		default:
			continue
		}
		files = append(files, f)
	}
	folder := &file{name: cmp.Or(dir, ".")}
	if !company {
		folder.whole("%s is missing: it says who the company is", CompanyFile)
	}
	l.finish(append(files, folder), folder)
	var problems Problems
	for _, f := range append(files, folder) {
		problems = append(problems, f.problems...)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	l.Hash = l.hash()
	return l.Map, nil
}

// read gives the file's document; nil when it could not be read, which has been noted.
func (f *file) read(fsys fs.FS, name string) ast.Node {
	// A pipe of that name would block the open for ever.
	if info, err := fs.Stat(fsys, name); err == nil && !info.Mode().IsRegular() {
		f.whole("this is not a plain file")
		return nil
	}
	opened, err := fsys.Open(name)
	if err != nil {
		f.whole("the file cannot be opened: %s", plainCause(err))
		return nil
	}
	defer opened.Close() // read only
	data, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err != nil {
		f.whole("the file cannot be read: %s", plainCause(err))
		return nil
	}
	return f.parse(data)
}

// plainCause leaves the path out of an error of the file system: the problem names the file.
func plainCause(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func (l *loading) readCompany(fsys fs.FS, f *file) {
	if l.own = f.read(fsys, CompanyFile); l.own != nil {
		l.Company = f.company(l.own)
	}
}

func (l *loading) readSystem(fsys fs.FS, f *file, name string) {
	tree := f.read(fsys, name)
	if tree == nil {
		l.broken = true
		return
	}
	s := f.system(tree)
	if s == nil || s.Name == "" {
		l.broken = true
		return
	}
	if other := l.System(s.Name); other != nil {
		f.node(tree, "the system %s is described in %s already", quoted(s.Name), filepath.Base(other.File))
		return
	}
	for _, c := range s.Collections {
		l.at[c] = f
	}
	l.trees[s.Name] = tree
	l.Systems = append(l.Systems, s)
}

// finish makes the checks that need every file.
func (l *loading) finish(files []*file, folder *file) {
	slices.SortFunc(l.Systems, func(a, b *System) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range l.Systems {
		s.Identities = l.Company.Identities
	}
	for _, f := range files {
		for _, check := range f.later {
			check(l)
		}
	}
	whole := !l.broken
	for _, f := range files {
		whole = whole && len(f.problems) == 0
	}
	switch {
	case len(l.Systems) == 0 && !l.broken:
		folder.whole("no file describes a system")
	case !whole:
		// What is reached depends on links that may be wrong: say those first.
	case len(l.Directories()) == 0:
		folder.whole("no collection is a directory, so that nobody can be looked up")
	default:
		for _, c := range l.Unreached() {
			l.at[c].at(c.Line, 0, "nobody's rows can be found in %s: it has no match, and no link leads from it to a collection with one", c.ID())
		}
	}
}

// Unreached lists the collections that no person can be found in: those without a match or a
// directory of their own from which no chain of links leads to a collection that has one. In a
// map that Load returned there are none.
func (m *Map) Unreached() []*Collection {
	reached := make(map[*Collection]bool)
	for changed := true; changed; {
		changed = false
		for _, s := range m.Systems {
			for _, c := range s.Collections {
				if !reached[c] && (c.Directory != nil || len(c.Match) > 0 || linked(c, reached)) {
					reached[c], changed = true, true
				}
			}
		}
	}
	var left []*Collection
	for _, s := range m.Systems {
		for _, c := range s.Collections {
			if !reached[c] {
				left = append(left, c)
			}
		}
	}
	return left
}

func linked(c *Collection, reached map[*Collection]bool) bool {
	return slices.ContainsFunc(c.Links, func(l *Link) bool { return reached[l.To] })
}
