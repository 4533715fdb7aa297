package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// The data map, as far as the oracle needs it.
type (
	system struct {
		Name        string                 `yaml:"system"`
		Driver      string                 `yaml:"driver"`
		Collections map[string]*collection `yaml:"collections"`
	}
	collection struct {
		id, system string
		Table      string            `yaml:"table"`
		Key        []string          `yaml:"key"`
		Directory  *directory        `yaml:"directory"`
		Deletion   deletion          `yaml:"deletion"`
		Expiry     *expiry           `yaml:"expiry"`
		Match      []match           `yaml:"match"`
		Links      []link            `yaml:"links"`
		Stops      []stop            `yaml:"stops"`
		Columns    map[string]column `yaml:"columns"`
	}
	directory struct {
		Account       string `yaml:"account"`
		OwnRecordOnly bool   `yaml:"own_record_only"`
		Channels      []struct {
			Column string `yaml:"column"`
			Since  string `yaml:"since"`
		} `yaml:"channels"`
	}
	deletion struct {
		Action string `yaml:"action"` // delete, anonymise, keep
		Since  string `yaml:"since"`
		For    string `yaml:"for"`
		Until  string `yaml:"until"`
	}
	expiry struct {
		After   string     `yaml:"after"`
		Since   any        `yaml:"since"` // a column, or {parent, column}
		When    *condition `yaml:"when"`
		AtLeast []struct {
			For string `yaml:"for"`
		} `yaml:"at_least"`
	}
	condition struct {
		Column string `yaml:"column"`
		Op     string `yaml:"op"`
		Value  any    `yaml:"value"`
	}
	match struct {
		Column   string `yaml:"column"`
		Identity string `yaml:"identity"`
	}
	link struct {
		Columns   []string `yaml:"columns"`
		To        string   `yaml:"to"`
		ToColumns []string `yaml:"to_columns"`
		Relation  string   `yaml:"relation"`
	}
	stop struct {
		Purpose string         `yaml:"purpose"`
		Set     map[string]any `yaml:"set"`
	}
	column struct {
		Category string `yaml:"category"`
		Erase    *erase `yaml:"erase"`
	}
	// erase is how a column is anonymised: by a word, by nothing (null), or with more said.
	erase struct{ with, value, to string }
)

// UnmarshalYAML reads the three ways in which the map says it.
func (e *erase) UnmarshalYAML(raw []byte) error {
	text := strings.TrimSpace(string(raw))
	if text == "null" || text == "" {
		e.with = "null"
		return nil
	}
	var long struct {
		With  string `yaml:"with"`
		Value any    `yaml:"value"`
		To    string `yaml:"to"`
	}
	if err := yaml.Unmarshal(raw, &long); err == nil && long.With != "" {
		e.with, e.value, e.to = long.With, fmt.Sprint(long.Value), long.To
		return nil
	}
	e.with = strings.Trim(text, `"'`)
	return nil
}

// readMap reads the systems that keep rows in a database, by the collections' ids ("system.collection").
func readMap(dir string) (map[string]*collection, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("listing the map: %w", err)
	}
	all := map[string]*collection{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the map: %w", err)
		}
		var s system
		if err := yaml.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("reading %s of the map: %w", filepath.Base(file), err)
		}
		for name, c := range s.Collections {
			c.id, c.system = s.Name+"."+name, s.Name
			for i, l := range c.Links {
				if !strings.Contains(l.To, ".") {
					c.Links[i].To = s.Name + "." + l.To
				}
			}
			nulls(raw, name, c)
			all[c.id] = c
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the map in %s has no collection", dir)
	}
	return all, nil
}

// nulls marks the columns that the map has emptied: a YAML null and no word at all read alike otherwise.
func nulls(raw []byte, name string, c *collection) {
	var loose struct {
		Collections map[string]struct {
			Columns map[string]map[string]any `yaml:"columns"`
		} `yaml:"collections"`
	}
	if yaml.Unmarshal(raw, &loose) != nil {
		return
	}
	for column, said := range loose.Collections[name].Columns {
		if value, there := said["erase"]; there && value == nil {
			known := c.Columns[column]
			known.Erase = &erase{with: "null"}
			c.Columns[column] = known
		}
	}
}

// add adds a length of time as the map writes it: 6m, 2y, 30d.
func add(t time.Time, length string) (time.Time, error) {
	if length == "" {
		return t, nil
	}
	n, err := strconv.Atoi(length[:len(length)-1])
	if err != nil {
		return t, fmt.Errorf("%q is no length of time", length)
	}
	switch length[len(length)-1] {
	case 'd':
		return t.AddDate(0, 0, n), nil
	case 'm':
		return t.AddDate(0, n, 0), nil
	case 'y':
		return t.AddDate(n, 0, 0), nil
	}
	return t, fmt.Errorf("%q is no length of time", length)
}
