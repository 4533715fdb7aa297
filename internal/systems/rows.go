package systems

import (
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Rows gives the new values of rows, each the columns of the key and then those of sets, as text;
// rows that stay as they are are left out. live says what the named column is.
func (a Anonymiser) Rows(c *datamap.Collection, sets []Assignment, live func(column string) Live, rows [][]*string) ([][]*string, error) {
	var changed [][]*string
	width := len(c.Key)
	for _, row := range rows {
		key := make([]string, width)
		for i := range key {
			key[i] = *row[i]
		}
		next, differs := slices.Clone(row), false
		for i, set := range sets {
			old := row[width+i]
			value, err := a.Value(set.Strategy, live(set.Column), c.ID()+"."+set.Column, key, old)
			if err != nil {
				return nil, fault.New(contract.ErrRefused, c.ID()+": a value of column "+set.Column+" cannot be anonymised by "+set.Strategy.With, err)
			}
			next[width+i] = value
			differs = differs || !same(set, live(set.Column), old, value)
		}
		if differs {
			changed = append(changed, next)
		}
	}
	return changed, nil
}

// same reports whether the new value is the old one. Documents are compared by what they say, as
// engines write them in ways of their own.
func same(set Assignment, live Live, old, value *string) bool {
	switch {
	case old == nil || value == nil:
		return old == nil && value == nil
	case *old == *value:
		return true
	case live.Class == datamap.ClassJSON:
		var one, other any
		return json.Unmarshal([]byte(*old), &one) == nil && json.Unmarshal([]byte(*value), &other) == nil && reflect.DeepEqual(one, other)
	case live.Class == datamap.ClassBoolean && set.Strategy.With == datamap.StrategyConstant:
		return strings.HasPrefix(strings.ToLower(*value), strings.ToLower((*old)[:1]))
	case live.Class == datamap.ClassTime:
		return strings.HasPrefix(*old, *value) && strings.Trim((*old)[len(*value):], " 0:.+") == ""
	case live.Class == datamap.ClassNumber:
		x, okX := new(big.Rat).SetString(*old)
		y, okY := new(big.Rat).SetString(*value)
		return okX && okY && x.Cmp(y) == 0
	}
	return false
}

// SameText reports whether a column holds the value already, as its type writes it.
func SameText(live Live, has *string, value string) bool {
	return same(Assignment{Strategy: datamap.Strategy{With: datamap.StrategyConstant}}, live, has, &value)
}
