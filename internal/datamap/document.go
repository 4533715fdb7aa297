package datamap

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Record is one mapping of a YAML file of ours that stands beside the map, such as an incident. It is
// read under the map's bounds (size, nesting, plain YAML), and what is wrong with it is told as for
// the map: line, column and the nearest right name, everything at once.
type Record struct{ r *record }

// ReadDocument reads one such file. name stands in errors, what names the file's content, keys are
// those that may stand at its top, and fill takes them out. The error is a contract.ErrBadInput that
// wraps Problems.
func ReadDocument(name string, data []byte, what string, keys []string, hint string, fill func(Record)) error {
	f := &file{name: name}
	if body := f.parse(data); body != nil {
		if r := f.record(body, what, keys); r != nil {
			fill(Record{r})
		}
	}
	return f.problems.errWith(hint)
}

// Has says whether the key stands there with a value.
func (d Record) Has(key string) bool { _, ok := d.r.get(key); return ok }

// Wrong notes what is wrong with a key, or with the whole mapping when the key is left out.
func (d Record) Wrong(key, format string, args ...any) {
	n, ok := d.r.get(key)
	if !ok {
		n = d.r.node
	}
	d.r.file.node(n, format, args...)
}

// Need notes a key that is left out.
func (d Record) Need(key string) bool { _, ok := d.r.need(key); return ok }

// Text reads a text; "" when it is left out.
func (d Record) Text(key string) string { return d.r.text(key) }

// Bool reads true or false; false when it is left out.
func (d Record) Bool(key string) bool { return d.r.boolean(key) }

// Number reads a whole number between low and high; otherwise when it is left out.
func (d Record) Number(key string, low, high, otherwise int) int {
	n, ok := d.r.get(key)
	if !ok {
		return otherwise
	}
	v, ok := d.r.file.integer(n, key, low, high)
	if !ok {
		return otherwise
	}
	return v
}

// Choice reads one of names; otherwise when it is left out.
func (d Record) Choice(key string, names []string, otherwise string) string {
	n, ok := d.r.get(key)
	if !ok {
		return otherwise
	}
	s, ok := d.r.file.str(n, key)
	if ok && !known(s, names) {
		d.r.file.choice(n, key, s, names)
	}
	return s
}

// Time reads a time such as 2026-11-24T09:00:00+08:00; zero when it is left out.
func (d Record) Time(key string) time.Time {
	s := d.Text(key)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d.Wrong(key, "%s must be a time with its zone, such as 2026-11-24T09:00:00+08:00", key)
	}
	return t
}

// Duration reads a length of time such as "90s", "24h" or "2d"; otherwise when it is left out.
func (d Record) Duration(key string, low, high, otherwise time.Duration) time.Duration {
	s := d.Text(key)
	if s == "" {
		return otherwise
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		var ok bool
		if v, ok = parsePatience(s); !ok {
			d.Wrong(key, `%s must be a length of time such as "90s", "24h" or "2d"`, key)
			return otherwise
		}
	}
	if v < low || v > high {
		d.Wrong(key, "%s must be from %s to %s", key, low, high)
		return otherwise
	}
	return v
}

// Languages reads a text by language: {zh: …, en: …}. Either may be left empty.
func (d Record) Languages(key string) Text {
	n, ok := d.r.get(key)
	if !ok {
		return Text{}
	}
	if _, plain := n.(*ast.StringNode); plain {
		d.r.file.node(n, `%s must give its text by language: {zh: …, en: …}`, key)
		return Text{}
	}
	r := d.r.file.record(n, key, languages)
	if r == nil {
		return Text{}
	}
	return Text{ZH: r.text("zh"), EN: r.text("en")}
}

// Empty says whether the key holds an empty list, which Names would call a mistake.
func (d Record) Empty(key string) bool {
	n, ok := d.r.get(key)
	list, isList := n.(*ast.SequenceNode)
	return ok && isList && len(list.Values) == 0
}

// Names reads a list of different texts; with allowed, each must be one of those.
func (d Record) Names(key string, allowed []string) []string {
	n, ok := d.r.get(key)
	if !ok {
		return nil
	}
	list := d.r.file.names(n, key)
	for _, one := range list {
		if allowed != nil && !known(one.name, allowed) {
			d.r.file.choice(one.node, "entry of "+key, one.name, allowed)
		}
	}
	return plainNames(list)
}

// Record reads a mapping inside this one.
func (d Record) Record(key string, keys []string) (Record, bool) {
	n, ok := d.r.get(key)
	if !ok {
		return Record{}, false
	}
	r := d.r.file.record(n, key, keys)
	return Record{r}, r != nil
}

// Records reads a list of mappings; what names one of them.
func (d Record) Records(key, what string, keys []string) []Record {
	n, ok := d.r.get(key)
	if !ok {
		return nil
	}
	nodes, _ := d.r.file.items(n, key)
	var list []Record
	for _, node := range nodes {
		if r := d.r.file.record(node, what, keys); r != nil {
			list = append(list, Record{r})
		}
	}
	return list
}

// Collection reads the names of a system and of one of its collections; nil when either is wrong.
func (d Record) Collection(m *Map) *Collection {
	name, at := d.r.needText("system")
	if name == "" {
		return nil
	}
	s := m.System(name)
	if s == nil {
		var names []string
		for _, one := range m.Systems {
			names = append(names, one.Name)
		}
		d.r.file.choice(at, "system", name, names)
		return nil
	}
	wanted, at := d.r.needText("collection")
	if wanted == "" {
		return nil
	}
	c := s.Collection(wanted)
	if c == nil {
		var names []string
		for _, one := range s.Collections {
			names = append(names, one.Name)
		}
		d.r.file.choice(at, "collection", wanted, names)
	}
	return c
}

// Column reads the name of a column of c.
func (d Record) Column(key string, c *Collection) string {
	return columnCheck{file: d.r.file, collection: c}.one(d.r, key, true)
}

// Condition reads a condition on the rows of c, in the form of the map; nil when it is left out.
func (d Record) Condition(key string, c *Collection) *Condition {
	n, ok := d.r.get(key)
	if !ok {
		return nil
	}
	return d.r.file.condition(n, columnCheck{file: d.r.file, collection: c}, 0)
}

// Numbers reads a list of whole numbers between low and high.
func (d Record) Numbers(key string, low, high int) []int {
	n, ok := d.r.get(key)
	if !ok {
		return nil
	}
	nodes, _ := d.r.file.items(n, key)
	var list []int
	for _, node := range nodes {
		if v, ok := d.r.file.integer(node, "an entry of "+key, low, high); ok {
			list = append(list, v)
		}
	}
	return list
}
