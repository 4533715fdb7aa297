package datamap

import (
	"strings"
	"testing"
)

func TestLoadReadsExpiry(t *testing.T) {
	t.Parallel()
	x := referenceMap(t).System("accounts").Collection("login_logs").Expiry
	if x == nil || x.After != (Span{Months: 6}) || x.Since != "at" || x.Zone != "Asia/Shanghai" || x.Action != ExpiryDelete ||
		len(x.Floors) != 1 || x.Floors[0].AtLeast != (Span{Months: 6}) || x.Usual != DefaultUsual || x.Line == 0 {
		t.Errorf("read as %+v", x)
	}
	if s := referenceMap(t).System("accounts").Sweep; s != DefaultSweep || s.Yield != 3 {
		t.Errorf("sweep: %+v", s)
	}
}

func TestLoadReadsWhoOwnsAndHowPolite(t *testing.T) {
	t.Parallel()
	m, err := LoadFS(exampleFS(t, "accounts.yaml", "connections: 8", "connections: 8\nowner_staff: [chen.yu, dai]\nsweep: {yield: 0}"))
	if err != nil {
		t.Fatal(err)
	}
	if s := m.System("accounts"); strings.Join(s.OwnerStaff, " ") != "chen.yu dai" || s.Sweep.Yield != 0 || s.Sweep.At != "03:30" {
		t.Errorf("read as %q, %+v", s.OwnerStaff, s.Sweep)
	}
}

func TestSpanCovers(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		long, short Span
		want        bool
	}{
		{Span{Months: 6}, Span{Months: 6}, true}, {Span{Months: 12}, Span{Months: 6}, true}, {Span{Months: 5}, Span{Months: 6}, false},
		{Span{Days: 180}, Span{Months: 6}, false}, {Span{Days: 186}, Span{Months: 6}, true}, {Span{Months: 6}, Span{Days: 180}, false},
		{Span{Months: 7}, Span{Days: 180}, true},
	} {
		if got := v.long.Covers(v.short); got != v.want {
			t.Errorf("%s covers %s: %v", v.long, v.short, got)
		}
	}
}

// A rule that cannot be carried out as it stands is refused with its line, and nothing else is.
func TestCheckExpiry(t *testing.T) {
	t.Parallel()
	table := func(columns ...CatalogColumn) Catalog {
		return Catalog{Tables: []CatalogTable{{Schema: "public", Name: "logs", Kind: TablePlain, Columns: columns, Update: true, Delete: true, Indexes: [][]string{{"at"}}}}}
	}
	at := CatalogColumn{Name: "at", Type: "timestamp with time zone", Class: ClassTime, Filled: true}
	nullable, local, text := at, at, at
	nullable.Filled, local.Type = false, "timestamp without time zone"
	text.Type, text.Class = "text", ClassText
	floors := []KnownFloor{{What: "network_log", Categories: []string{"user.device.ip_address"}, AtLeast: Span{Months: 6}, Source: "a law"}}
	ip := []*Column{{Name: "ip", Category: "user.device.ip_address"}}
	for name, v := range map[string]struct {
		expiry  Expiry
		columns []*Column
		cat     Catalog
		want    string // of the text; "" is no finding
	}{
		"plain":            {Expiry{Since: "at"}, nil, table(at), ""},
		"no table":         {Expiry{Since: "at"}, nil, Catalog{}, "is not there"},
		"no column":        {Expiry{Since: "on"}, nil, table(at), "the column on, which"},
		"no time":          {Expiry{Since: "at"}, nil, table(text), "is text and no date"},
		"may be NULL":      {Expiry{Since: "at"}, nil, table(nullable), "is NULL"},
		"NULL said":        {Expiry{Since: "at", Null: NullNever}, nil, table(nullable), ""},
		"no zone":          {Expiry{Since: "at"}, nil, table(local), "without a time zone"},
		"zone said":        {Expiry{Since: "at", Zone: "UTC"}, nil, table(local), ""},
		"no floor":         {Expiry{Since: "at"}, ip, table(at), "no floor of 6m"},
		"floor too short":  {Expiry{Since: "at", Floors: []Floor{{AtLeast: Span{Months: 5}}}}, ip, table(at), "no floor of 6m"},
		"floor":            {Expiry{Since: "at", Floors: []Floor{{AtLeast: Span{Months: 6}}}}, ip, table(at), ""},
		"floor waved off":  {Expiry{Since: "at", NoFloor: Text{EN: "test rows"}}, ip, table(at), ""},
		"no mark":          {Expiry{Since: "at", Action: ExpiryBlock, Marked: &Mark{Column: "gone"}}, nil, table(at), "the column gone"},
		"condition":        {Expiry{Since: "at", When: &Condition{Column: "state", Op: OpIsNull}}, nil, table(at), "names a column state"},
		"floor's no since": {Expiry{Since: "at", Floors: []Floor{{Since: "paid", AtLeast: Span{Months: 1}}}}, nil, table(at), "the column paid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v.expiry.Line = 77
			s := &System{Name: "s", File: "s.yaml"}
			s.Collections = []*Collection{{System: s, Name: "logs", Schema: "public", Table: "logs", Columns: v.columns, Expiry: &v.expiry}}
			var texts []string
			for _, d := range CheckExpiry(s, v.cat, floors) {
				if d.Kind == DriftExpiry {
					texts = append(texts, d.Text)
				}
			}
			got := strings.Join(texts, "\n")
			if (v.want == "") != (got == "") || !strings.Contains(got, v.want) || (got != "" && v.want != "the column paid" && !strings.Contains(got, "s.yaml:77:")) {
				t.Errorf("found %q, want %q", got, v.want)
			}
		})
	}
}
