package datamap

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// system reads the file of one system.
func (f *file) system(n ast.Node) *System {
	r := f.record(n, "a system", systemKeys)
	if r == nil {
		return nil
	}
	s := &System{File: f.name, Patience: DefaultPatience, Connections: DefaultConnections}
	f.version(r)
	s.Name = f.systemName(r)
	s.Title = f.title(r, "title", true)
	if driver, at := r.needText("driver"); driver != "" {
		if !known(driver, drivers) {
			f.choice(at, "driver", driver, drivers)
		}
		s.Driver = driver
	}
	if region, at := r.needText("region"); region != "" {
		if !regionName.MatchString(region) {
			f.node(at, "region must be an ISO 3166 code in lower case, such as cn or cn-bj")
		}
		s.Region = region
	}
	s.Owner, _ = r.needText("owner")
	f.ownerStaff(r, s)
	s.Deputy = r.text("deputy")
	s.Recipient = f.title(r, "recipient", false)
	f.limits(r, s)
	f.backups(r, s)
	f.outside(r, s)
	if s.Outside != nil {
		return s
	}
	f.sweep(r, s)
	s.ProcessedFor = f.processedFor(r)
	if all, ok := r.need("collections"); ok {
		f.collections(all, s)
	}
	if ignored, ok := r.get("ignore_tables"); ok {
		f.ignoredTables(ignored, s)
	}
	return s
}

func (f *file) version(r *record) {
	n, ok := r.need("version")
	if !ok {
		return
	}
	switch v, ok := f.integer(n, "version", 1, math.MaxInt32); {
	case ok && v > Version:
		f.node(n, "version %d of the format is newer than this program, which reads version %d", v, Version)
	}
}

func (f *file) systemName(r *record) string {
	name, at := r.needText("system")
	if name != "" && (!systemName.MatchString(name) || len(name) > 40) {
		f.node(at, "a system's name has lower-case letters, digits and single hyphens, begins with a letter and has 40 characters at most")
	}
	return name
}

// staffName is the form of the names under which staff are enrolled.
var staffName = regexp.MustCompile(`^[a-z0-9.-]{2,32}$`)

// ownerStaff reads who of the staff signs as the owner of the data.
func (f *file) ownerStaff(r *record, s *System) {
	n, ok := r.get("owner_staff")
	if !ok {
		return
	}
	for _, one := range f.names(n, "owner_staff") {
		if !staffName.MatchString(one.name) {
			f.node(one.node, "owner_staff holds the names under which staff are enrolled: 2 to 32 lower-case letters, digits, dots or hyphens")
			continue
		}
		s.OwnerStaff = append(s.OwnerStaff, one.name)
	}
}

func (f *file) limits(r *record, s *System) {
	if n, ok := r.get("patience"); ok {
		if text, ok := f.str(n, "patience"); ok {
			d, good := parsePatience(text)
			if !good {
				f.node(n, `patience must be a time such as "30m", "24h" or "2d", from one minute to a year`)
			} else {
				s.Patience = d
			}
		}
	}
	if n, ok := r.get("connections"); ok {
		if v, ok := f.integer(n, "connections", 1, 1000); ok {
			s.Connections = v
		}
	}
}

// parsePatience reads a Go duration, or whole days with a "d" before it: "24h", "2d", "1d12h".
func parsePatience(s string) (time.Duration, bool) {
	var days time.Duration
	if number, rest, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n > 366 {
			return 0, false
		}
		days, s = time.Duration(n)*24*time.Hour, rest
	}
	var d time.Duration
	if s != "" {
		var err error
		if d, err = time.ParseDuration(s); err != nil || d < 0 || d > 366*24*time.Hour {
			return 0, false
		}
	}
	total := days + d
	return total, total >= time.Minute && total <= 366*24*time.Hour
}

func (f *file) collections(n ast.Node, s *System) {
	list, ok := f.entries(n, "collections")
	if !ok {
		return
	}
	if len(list) == 0 {
		f.node(n, "collections is empty")
	}
	for _, e := range list {
		if !collectionName.MatchString(e.name) || len(e.name) > 63 {
			f.node(e.key, "a collection's name has lower-case letters, digits, '_' and '-', begins with a letter and has 63 characters at most")
		}
		c := &Collection{System: s, Name: e.name}
		c.Line, _ = position(e.key)
		s.Collections = append(s.Collections, c)
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "the collection %s says nothing", quoted(e.name))
			continue
		}
		f.collection(e.value, c)
	}
}
