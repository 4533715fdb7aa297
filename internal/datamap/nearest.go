package datamap

import (
	"slices"
	"strings"
)

// nearest gives the name that was probably meant by wrong, or "" when none is near. Names are
// near when at most a third of their letters differ (but one or two always may), or when wrong
// is how another common spelling would put it: capitals, '-' for '_'.
func nearest(wrong string, names []string) string {
	wrong = cut(wrong)
	plain := plainName(wrong)
	best, least := "", 1<<30
	for _, name := range names {
		d := distance(plain, plainName(name))
		if d < least || (d == least && name < best) {
			best, least = name, d
		}
	}
	if least <= max(1, min(len([]rune(plain)), len([]rune(best)))/3) {
		return best
	}
	return ""
}

// cut keeps what a stranger wrote within a size for which the distance is cheap.
func cut(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80])
	}
	return s
}

func plainName(s string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(s))
}

// distance is the number of letters to insert, delete, change or swap with their neighbour
// (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// listed puts names into a sentence: "a, b or c".
func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	if len(names) == 1 {
		return names[0]
	}
	end := len(names) - 1
	return strings.Join(names[:end], ", ") + " or " + names[end]
}

func known(name string, names []string) bool { return slices.Contains(names, name) }
