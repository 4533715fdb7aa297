package contract

import (
	"crypto/rand"
	"strings"
	"testing"
)

func TestIDsSurviveTheTelephone(t *testing.T) {
	t.Parallel()
	for range 200 {
		id, err := NewID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{id, strings.ToLower(id), strings.ReplaceAll(id, "-", ""), " " + strings.ReplaceAll(id, "0", "o"), strings.ReplaceAll(id, "1", "l")} {
			got, err := ParseID(said)
			if err != nil || got != id {
				t.Fatalf("%q read as %q, %v; want %q", said, got, err, id)
			}
		}
		// every single wrong character is noticed
		flat := strings.ReplaceAll(id, "-", "")
		for i := range flat {
			for _, r := range alphabet {
				if byte(r) == flat[i] {
					continue
				}
				if got, err := ParseID(flat[:i] + string(r) + flat[i+1:]); err == nil {
					t.Fatalf("%s with %c at %d was read as %s", flat, r, i, got)
				}
			}
		}
	}
}

func TestBadIDs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "7QK2M", "7QK2M-9XH4TT", "7QK2M-9XH4*", "七QK2M9XH4T", strings.Repeat("0", 10_000)} {
		if got, err := ParseID(s); err == nil {
			t.Errorf("%.20q was read as %s", s, got)
		}
	}
}
