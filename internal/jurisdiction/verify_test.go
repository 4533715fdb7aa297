package jurisdiction

import "testing"

// TestRung holds what the embedded laws ask against a table read off them by hand.
func TestRung(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		law, kind     string
		level, points int
	}{
		{"cn-pipl", "access", 1, 0},
		{"cn-pipl", "restriction", 1, 0},
		{"eu-gdpr", "access", 1, 0},
		{"eu-gdpr", "opt-out", 0, 0},
		{"uk-gdpr", "deletion", 1, 0},
		{"br-lgpd", "correction", 1, 0},
		{"us-ca", "access", 2, 3},
		{"us-ca", "deletion", 1, 0},
		{"us-ca", "erase-after-access", 2, 3},
		{"us-ca", "opt-out", 0, 0},
		{"us-ca", "restriction", 0, 0},
	} {
		p, err := Find(tc.law)
		if err != nil {
			t.Fatal(err)
		}
		if level, points := p.Rung(tc.kind); level != tc.level || points != tc.points {
			t.Errorf("%s, %s: L%d with %d points, want L%d with %d", tc.law, tc.kind, level, points, tc.level, tc.points)
		}
		if got := p.OnlyHeld(); got != (tc.law == "cn-pipl") {
			t.Errorf("%s forbids to ask for more than at registration: %v", tc.law, got)
		}
	}
}
