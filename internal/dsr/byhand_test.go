package dsr

import "testing"

func TestAnswerByHand(t *testing.T) {
	t.Parallel()
	deletion := ShownByHand{Right: "deletion", Evidence: map[string]string{"en": "a photograph"}}
	access := ShownByHand{Right: "access"}
	for name, c := range map[string]struct {
		shown   ShownByHand
		choices map[string]string
		whole   bool
	}{
		"nothing said":             {deletion, nil, false},
		"no count":                 {deletion, map[string]string{"outcome": "deleted"}, false},
		"no proof":                 {deletion, map[string]string{"outcome": "deleted", "rows": "2"}, false},
		"whole":                    {deletion, map[string]string{"outcome": "deleted", "rows": "2", "evidence.1": "ab"}, true},
		"nothing held":             {deletion, map[string]string{"outcome": "nothing-held", "rows": "0"}, true},
		"nothing held, yet a row":  {deletion, map[string]string{"outcome": "nothing-held", "rows": "1"}, false},
		"deleted, yet none":        {deletion, map[string]string{"outcome": "deleted", "rows": "0", "evidence.1": "ab"}, false},
		"another right's outcome":  {deletion, map[string]string{"outcome": "provided", "rows": "1", "evidence.1": "ab"}, false},
		"provided without a file":  {access, map[string]string{"outcome": "provided", "rows": "1"}, false},
		"provided":                 {access, map[string]string{"outcome": "provided", "rows": "1", "evidence.1": "ab"}, true},
		"less than none":           {access, map[string]string{"outcome": "provided", "rows": "-1", "evidence.1": "ab"}, false},
		"a proof of another place": {deletion, map[string]string{"outcome": "deleted", "rows": "2", "evidence.2": "ab"}, false},
	} {
		if _, missing := c.shown.Answer(c.choices); (missing == "") != c.whole {
			t.Errorf("%s: %q", name, missing)
		}
	}
}
