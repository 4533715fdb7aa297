package systems

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// The test cases of RFC 4231 for HMAC-SHA-256, sections 4.2 to 4.4, 4.7 and 4.8.
func TestMacHasTheVectorsOfRFC4231(t *testing.T) {
	t.Parallel()
	for i, v := range []struct{ key, data, want string }{
		{strings.Repeat("\x0b", 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{strings.Repeat("\xaa", 20), strings.Repeat("\xdd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{strings.Repeat("\xaa", 131), "Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{strings.Repeat("\xaa", 131), "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	} {
		if got := hex.EncodeToString(Mac([]byte(v.key), v.data)); got != v.want {
			t.Errorf("case %d: %s", i, got)
		}
	}
}

// A hash is the first 48 digits of the HMAC, here of RFC 4231 section 4.3, and a mark.
func TestHashBeginsWithTheHMAC(t *testing.T) {
	t.Parallel()
	old := "what do ya want for nothing?"
	a := NewAnonymiser([]byte("Jefe"), nil)
	got, err := a.Value(datamap.Strategy{With: datamap.StrategyHash}, Live{Class: datamap.ClassText}, "c", nil, &old)
	if err != nil || len(*got) != 64 || !strings.HasPrefix(*got, "5bdcc146bf60754e6a042426089575c75a003f089d273983") {
		t.Errorf("%v %v", got, err)
	}
}

// Whatever a strategy made, it makes nothing else of it a second time, and the value is gone.
func TestStrategiesKnowTheirOwnWork(t *testing.T) {
	t.Parallel()
	a := NewAnonymiser([]byte("0123456789abcdef0123456789abcdef"), []string{"张伟", "13800138000"})
	text := Live{Class: datamap.ClassText, Type: "text"}
	for _, v := range []struct {
		with string
		live Live
		old  string
	}{
		{datamap.StrategyHash, text, "zhang@x.example"}, {datamap.StrategyPseudonym, text, "zhang@x.example"},
		{datamap.StrategyPseudonym, Live{Class: datamap.ClassText, Length: 18}, "99010119900101123X"},
		{datamap.StrategyPseudonym, Live{Class: datamap.ClassUUID, Type: "uuid"}, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{datamap.StrategyPseudonym, Live{Class: datamap.ClassNumber, Type: "bigint"}, "13800138000"},
		{datamap.StrategyPseudonym, Live{Class: datamap.ClassBinary, Type: "bytea"}, "00ff00ff"},
		{datamap.StrategyPlaceholder, text, "zhangwei"}, {datamap.StrategyPlaceholder, Live{Class: datamap.ClassText, Length: 11}, "13800138000"},
		{datamap.StrategyPlaceholder, Live{Class: datamap.ClassUUID}, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{datamap.StrategyRandom, text, "Zhang 张伟 no. 42"}, {datamap.StrategyRandom, Live{Class: datamap.ClassNumber, Type: "integer"}, "2147483647"},
		{datamap.StrategyRandom, Live{Class: datamap.ClassNumber, Type: "numeric"}, "-12.50"}, {datamap.StrategyRandom, Live{Class: datamap.ClassTime, Type: "date"}, "1990-07-08"},
		{datamap.StrategyRandom, Live{Class: datamap.ClassTime, Type: "timestamp with time zone"}, "1990-07-08 10:11:12.5+00"},
		{datamap.StrategyRandom, Live{Class: datamap.ClassOther, Type: "inet"}, "192.0.2.7"}, {datamap.StrategyRandom, Live{Class: datamap.ClassJSON}, `{"a":["x1",20]}`},
		{datamap.StrategyScrub, text, "张伟 called from 138-0013-8000"},
	} {
		if why := Fits(datamap.Strategy{With: v.with}, v.live); why != "" {
			t.Errorf("%s of %+v does not fit: %s", v.with, v.live, why)
			continue
		}
		one, err := a.Value(datamap.Strategy{With: v.with}, v.live, "s.c.x", []string{"7"}, &v.old)
		if err != nil || *one == v.old {
			t.Errorf("%s: %v", v.with, err)
			continue
		}
		two, err := a.Value(datamap.Strategy{With: v.with}, v.live, "s.c.x", []string{"7"}, one)
		if err != nil || *two != *one {
			t.Errorf("%s %+v: a second run changes the result (%v)", v.with, v.live, err)
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ to, kind, class, old, want string }{
		{"network", "text", datamap.ClassText, "192.0.2.77", "192.0.2.0"}, {"network", "text", datamap.ClassText, "2001:db8:1:2::3", "2001:db8:1::"},
		{"network", "inet", datamap.ClassOther, "192.0.2.77/32", "192.0.2.0/24"}, {"network", "text", datamap.ClassText, "::ffff:192.0.2.77", "192.0.2.0"},
		{"network", "text", datamap.ClassText, "unknown", ""}, {"year", "date", datamap.ClassTime, "1990-07-08", "1990-01-01"},
		{"year", "timestamp with time zone", datamap.ClassTime, "1990-07-08 01:02:03+00", "1990-01-01 00:00:00+00"},
		{"year", "text", datamap.ClassText, "1990-07-08", "1990"}, {"prefix", "text", datamap.ClassText, "张510000", "张51"},
	} {
		if got := truncate(datamap.Strategy{To: v.to, Keep: 3}, Live{Class: v.class, Type: v.kind}, v.old); got != v.want {
			t.Errorf("%s of %q is %q, not %q", v.to, v.old, got, v.want)
		}
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	s := NewScrubber([]string{"王伟", "Zhang", "li.na@x.example", "+8613800138000", "99010119900101123X", "李", "ab 12", "1234"})
	for text, want := range map[string]string{
		"王伟大 and 王 伟":                          "[removed]大 and 王 伟",
		"zhang, Zhangs, 请zhang来, x_zhang":      "[removed], Zhangs, 请[removed]来, x_zhang",
		"ＺＨＡＮＧ":                                "[removed]",
		"mail LI.NA@X.example.":                "mail [removed].",
		"tel 138-0013-8000, +86 138 0013 8000": "tel [removed], +[removed]",
		"１３８００１３８０００ / 8613800138000":          "[removed] / [removed]",
		"113800138000 138001380001":            "113800138000 138001380001",
		"ID 99010119900101123x":                "ID [removed]",
		"李 stays, 1234 stays":                  "李 stays, 1234 stays",
		"Ab\u3000 12":                          "[removed]",
		"nothing":                              "nothing",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
	got, err := s.JSON(`{"王伟":["zhang",13800138000,{"n":1.50}],"b":"x"}`)
	if err != nil || got != `{"[removed]":["[removed]","[removed]",{"n":1.50}],"b":"x"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	order, first, stuck := Sort(3, []Edge{{From: 1, To: 0}, {From: 2, To: 1}})
	if len(first)+len(stuck) > 0 || order[0] != 2 || order[2] != 0 {
		t.Errorf("%v %v %v", order, first, stuck)
	}
	order, first, stuck = Sort(2, []Edge{{From: 1, To: 0}, {From: 0, To: 1, Cuttable: true, Columns: []string{"x"}}})
	if len(stuck) > 0 || len(first) != 1 || first[0].At != 0 || order[0] != 1 {
		t.Errorf("%v %v %v", order, first, stuck)
	}
	if order, _, stuck = Sort(2, []Edge{{From: 1, To: 0}, {From: 0, To: 1}}); len(stuck) != 2 || len(order) != 2 {
		t.Errorf("%v %v", order, stuck)
	}
}
