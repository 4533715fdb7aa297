package survey

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const huntRows = `
	INSERT INTO users VALUES (1, 'wang', 'Wang@x.example', '138-0013-8000', NULL, 'rang +86 13800138000', '13800138000');
	INSERT INTO orders VALUES (1, 1, NULL, 'for wang@X.example'), (2, 1, NULL, 'and WANG@x.example');
	INSERT INTO audit_log VALUES (1, 'wang@x.example logged in');
	CREATE TABLE leads (id int, tel bigint, raw jsonb);
	INSERT INTO leads VALUES (1, 13800138000, '{"a": {"mail": "wang@x.example"}}'), (2, 13900139000, '{}');`

func TestHunt(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+huntRows)
	m := load(t, map[string]string{"shop.yaml": shopMap})
	open := opener(t, m, map[string]string{"shop": dsn})
	for value, want := range map[string][]Found{
		"wang@X.EXAMPLE": {
			{"shop", "public.audit_log", "who", 1, KnownWavedOff}, {"shop", "public.leads", "raw", 1, KnownUnmention},
			{"shop", "public.orders", "memo", 2, KnownMapped}, {"shop", "public.users", "email", 1, KnownMatched}},
		"+86 138 0013 8000\n": {
			{"shop", "public.leads", "tel", 1, KnownUnmention}, {"shop", "public.users", "mobile", 1, KnownMatched},
			{"shop", "public.users", "note", 1, KnownMapped}, {"shop", "public.users", "code", 1, KnownIgnored}},
		"nobody@x.example": {},
	} {
		trail, err := Hunt(patient(t), m.Systems, open, value, time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Trail{Found: want, Unsearched: []Unsearched{}, Tables: 6}, trail); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		text, err := json.Marshal(trail)
		if err != nil || strings.Contains(strings.ToLower(string(text)), "x.example") || strings.Contains(string(text), "138") {
			t.Errorf("a value stands in what was found: %s", text)
		}
	}
}

// What could not be searched is named: the value may stand there.
func TestHuntNamesWhatItCouldNotSearch(t *testing.T) {
	t.Parallel()
	dsn, exec := database(t, shopSchema+huntRows+`DROP ROLE IF EXISTS hunt_reader; CREATE ROLE hunt_reader LOGIN;
		GRANT SELECT ON users, orders TO hunt_reader; GRANT SELECT (id) ON leads TO hunt_reader; GRANT SELECT ON stock TO hunt_reader; ALTER TABLE stock ADD v text; ALTER TABLE stock ENABLE ROW LEVEL SECURITY`)
	t.Cleanup(func() { exec("DROP OWNED BY hunt_reader; DROP ROLE hunt_reader") })
	m := load(t, map[string]string{"shop.yaml": shopMap})
	open := opener(t, m, map[string]string{"shop": as(dsn, "hunt_reader")})
	trail, err := Hunt(patient(t), m.Systems, open, "wang@x.example", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	var missed []string
	for _, u := range trail.Unsearched {
		missed = append(missed, u.Table)
	}
	want := []string{"public.addresses", "public.audit_log", "public.leads", "public.stock"}
	if diff := cmp.Diff(want, missed); diff != "" || len(trail.Found) != 2 {
		t.Errorf("%+v (-want +got):\n%s", trail, diff)
	}
}

func TestHuntRefusesValues(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "x", "a\nsecret", "\xff\xfe", strings.Repeat("secret", 100)} {
		_, err := Hunt(t.Context(), nil, nil, value, time.Minute, nil)
		if !fault.Is(err, contract.ErrBadInput) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.10q: %v", value, err)
		}
	}
}

func TestNeedle(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct {
		packed, number string
		texts          []string
	}{
		"１３８００１３８０００":         {"13800138000", "13800138000", []string{"+8613800138000", "13800138000"}},
		"990101199001010019":  {"990101199001010019", "990101199001010019", []string{"990101199001010019"}},
		"99010119900101 004x": {"99010119900101004x", "", []string{"99010119900101 004x"}},
		"王小\"明":               {"", "", []string{"王小\"明", `王小\"明`, `\u738b\u5c0f\"\u660e`}},
		"INV-2026-77":         {"", "", []string{"INV-2026-77"}},
		"400-000-0000":        {"4000000000", "4000000000", []string{"400-000-0000", "4000000000"}},
	} {
		n, err := needleOf(value)
		if err != nil {
			t.Fatal(err)
		}
		if n.Packed != want.packed || n.Number != want.number {
			t.Errorf("%s: packed %q, number %q", value, n.Packed, n.Number)
		}
		for _, text := range want.texts {
			found := false
			for _, form := range n.Texts {
				found = found || form == text
			}
			if !found {
				t.Errorf("%s: %q is not among %q", value, text, n.Texts)
			}
		}
	}
}
