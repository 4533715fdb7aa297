package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// pageBytes bounds a page of keys, far below any max_allowed_packet.
const pageBytes = 1 << 20

// longVarchar is how many characters a VARCHAR of UTF-8 may have; beyond, the server can make no
// index over the keys.
const longVarchar = 16_000

// upload sends a key set ahead, a page to a variable.
type upload struct {
	q       *query
	ctx     context.Context
	codecs  []codec
	names   []string // of the columns, for errors
	longest []int    // key of each column, in characters
	page    []byte
	tuples  int
	sent    []string
	total   int
}

func (u *upload) add(keys [][]string) error {
	for _, tuple := range keys {
		if len(tuple) != len(u.codecs) {
			return fault.Newf(contract.ErrMapMismatch, "%s: a key of %d columns where the link has %d",
				u.q.shape.c.ID(), len(tuple), len(u.codecs))
		}
		if err := u.one(tuple); err != nil {
			return err
		}
	}
	return nil
}

// errKey is the cause where a key does not fit: the key itself stays out of it.
var errKey = errors.New("the key is no value of the column's type")

func (u *upload) one(tuple []string) error {
	start := len(u.page)
	before := byte('[')
	if u.tuples > 0 {
		u.page = append(u.page, ',')
	}
	impossible := false
	for i, key := range tuple {
		text, ok, never := u.codecs[i].value(key)
		if u.q.asked != nil {
			text, ok, never = key, true, false
		}
		if !ok {
			return fault.New(contract.ErrMapMismatch, u.q.shape.c.ID()+": a link brings keys that do not fit the type of column "+u.names[i], errKey)
		}
		impossible = impossible || never
		u.page = appendString(append(u.page, before), []byte(text))
		before = ','
		u.longest[i] = max(u.longest[i], utf8.RuneCountInString(text))
	}
	if impossible {
		u.page = u.page[:start]
		return nil
	}
	u.page = append(u.page, ']')
	u.tuples++
	u.total++
	if u.tuples == systems.PageSize || len(u.page) > pageBytes {
		return u.send()
	}
	return nil
}

func (u *upload) send() error {
	h := u.q.reserve("[" + string(u.page) + "]")
	u.sent, u.page, u.tuples = append(u.sent, h.name), u.page[:0], 0
	return u.q.classify(u.ctx, u.q.shape.c, u.q.keep(u.ctx, h))
}

// finish sends what is left.
func (u *upload) finish() error {
	if u.tuples == 0 {
		return nil
	}
	return u.send()
}

// table is a derived table of the keys, each once; n is how many of their columns it has. A set
// that no row can fulfil is empty and still has its columns.
func (u *upload) table(n int) string {
	defs, list := make([]string, n), make([]string, n)
	for i := range n {
		kind := u.codecs[i].table
		switch longest := max(u.longest[i], 1); {
		case strings.Contains(kind, "%d") && longest > longVarchar:
			kind = strings.Replace(kind, "VARCHAR(%d)", "LONGTEXT", 1)
		case strings.Contains(kind, "%d"):
			kind = fmt.Sprintf(kind, longest)
		}
		list[i] = "c" + strconv.Itoa(i)
		defs[i] = list[i] + " " + kind + " PATH '$[" + strconv.Itoa(i) + "]'"
	}
	pages := u.sent
	if len(pages) == 0 {
		pages = []string{"'[]'"}
	}
	parts := make([]string, len(pages))
	for i, page := range pages {
		parts[i] = "SELECT DISTINCT " + strings.Join(list, ", ") + " FROM JSON_TABLE(" + page + ", '$[*]' COLUMNS (" + strings.Join(defs, ", ") + ")) AS j"
	}
	return "(" + strings.Join(parts, " UNION ") + ")"
}
