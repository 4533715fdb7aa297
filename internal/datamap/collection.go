package datamap

import (
	"github.com/goccy/go-yaml/ast"
)

// collection reads one table or view. The columns come first, as everything else names them.
func (f *file) collection(n ast.Node, c *Collection) {
	what := "the collection " + quoted(c.Name)
	r := f.record(n, what, tableKeys)
	if r == nil {
		return
	}
	hasColumns := false
	if columns, ok := r.need("columns"); ok {
		hasColumns = f.columns(columns, c)
	}
	if table, at := r.needText("table"); table != "" {
		var ok bool
		if c.Schema, c.Table, ok = tableName(table); !ok {
			f.node(at, "table must be schema.table, such as public.users; a name with a dot stands in double quotes")
		}
	}
	c.Title = f.title(r, "title", true)
	c.Purpose = f.title(r, "purpose", true)
	f.legalBasis(r, c)
	c.Retention = f.title(r, "retention", true)
	c.Source = f.title(r, "source", false)
	f.givenBy(r, c)
	if list, ok := r.get("recipients"); ok {
		nodes, _ := f.items(list, "recipients")
		for _, node := range nodes {
			c.Recipients = append(c.Recipients, f.languageText(node, "a recipient"))
		}
	}
	// Without the columns every name would be called unknown, which is true but no help.
	look := columnCheck{file: f, collection: c, silent: !hasColumns}
	if key, ok := r.need("key"); ok {
		c.Key = look.list(key, "key")
	}
	if match, ok := r.get("match"); ok {
		f.match(match, c, look)
	}
	if dir, ok := r.get("directory"); ok {
		f.directory(dir, c, look)
	}
	if links, ok := r.get("links"); ok {
		f.links(links, c, look)
	}
	f.expiry(r, c, look)
	f.deletion(r, c, look)
	f.corrected(look)
	f.stops(r, c, look)
	f.closure(r, c, look)
	f.facts(c)
	f.held(r, c)
}

func (f *file) legalBasis(r *record, c *Collection) {
	basis, at := r.needText("legal_basis")
	if basis != "" && !known(basis, legalBases) {
		f.choice(at, "legal basis", basis, legalBases)
	}
	c.LegalBasis = basis
}

// columnCheck looks up columns that other keys name.
type columnCheck struct {
	file       *file
	collection *Collection
	silent     bool // the columns could not be read, so that nothing can be said
}

func (l columnCheck) has(n ast.Node, name string) {
	if l.silent || name == "" || l.collection.Column(name) != nil {
		return
	}
	names := make([]string, len(l.collection.Columns))
	for i, c := range l.collection.Columns {
		names[i] = c.Name
	}
	l.file.choice(n, "column", name, names)
}

// list reads a list of columns that must exist.
func (l columnCheck) list(n ast.Node, what string) []string {
	list := l.file.names(n, what)
	for _, name := range list {
		l.has(name.node, name.name)
	}
	return plainNames(list)
}

// one reads a key that names a column; "" when it is left out.
func (l columnCheck) one(r *record, key string, must bool) string {
	n, ok := r.get(key)
	if must {
		n, ok = r.need(key)
	}
	if !ok {
		return ""
	}
	name, _ := l.file.str(n, key)
	l.has(n, name)
	return name
}

func (f *file) match(n ast.Node, c *Collection, look columnCheck) {
	nodes, _ := f.items(n, "match")
	seen := map[[2]string]bool{}
	for _, node := range nodes {
		r := f.record(node, "a match", matchKeys)
		if r == nil {
			continue
		}
		m := Match{Column: look.one(r, "column", true)}
		m.Line, _ = position(node)
		identity, at := r.needText("identity")
		if identity != "" && !known(identity, identities) {
			f.later = append(f.later, func(l *loading) {
				if names := l.IdentityNames(); l.own != nil && !known(identity, names) {
					f.choice(at, "identity", identity, names)
				}
			})
		}
		m.Identity = identity
		if m.Widens = r.boolean("widens"); m.Widens {
			f.later = append(f.later, func(*loading) {
				if c.Directory != nil {
					f.node(node, "%s is a directory: what stands on the person's row there is used as it is, and other rows are other people's; it widens nothing", quoted(c.Name))
				}
			})
		}
		f.matchValid(r, c, &m, look)
		if pair := [2]string{m.Column, m.Identity}; seen[pair] {
			f.node(node, "the same match stands here a second time")
		} else {
			seen[pair] = true
		}
		c.Match = append(c.Match, m)
	}
}

// matchValid reads the validity of a match. From and until say something only where values are
// taken from: of a directory or a match that widens.
func (f *file) matchValid(r *record, c *Collection, m *Match, look columnCheck) {
	v, at := f.valid(r, look)
	if v == nil {
		return
	}
	m.Valid = v
	f.period(at, look, v)
	f.later = append(f.later, func(*loading) {
		if (v.From != "" || v.Until != "") && !m.Widens && c.Directory == nil {
			f.node(at, "from and until say how long a value was the person's, so they belong to a directory or a match that widens")
		}
	})
}

func (f *file) directory(n ast.Node, c *Collection, look columnCheck) {
	r := f.record(n, "a directory", dirKeys)
	if r == nil {
		return
	}
	d := &Directory{
		Account:       look.one(r, "account", false),
		Language:      look.one(r, "language", false),
		OwnRecordOnly: r.boolean("own_record_only"),
	}
	c.Directory = d
	if list, ok := r.need("channels"); ok {
		nodes, isList := f.items(list, "channels")
		if isList && len(nodes) == 0 {
			f.node(list, "channels is empty")
		}
		for _, node := range nodes {
			if channel, ok := f.channel(node, c, look); ok {
				d.Channels = append(d.Channels, channel)
			}
		}
	}
	if len(c.Match) == 0 {
		f.node(n, "a directory needs a match, or nobody can be looked up in %s", quoted(c.Name))
	}
}

func (f *file) channel(n ast.Node, c *Collection, look columnCheck) (Channel, bool) {
	r := f.record(n, "a channel", channelKeys)
	if r == nil {
		return Channel{}, false
	}
	kind, at := r.needText("kind")
	if kind != "" && !known(kind, channels) {
		f.choice(at, "channel", kind, channels)
	}
	channel := Channel{Kind: kind, Column: look.one(r, "column", true), Since: look.one(r, "since", false)}
	if col := c.Column(channel.Column); col != nil && col.Ignore != "" {
		f.node(n, "the column %s holds an address of the person, so it cannot be ignored", quoted(col.Name))
	}
	return channel, true
}
