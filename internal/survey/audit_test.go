package survey

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

func audited(t *testing.T, m *datamap.Map, dsns map[string]string) map[string]Audited {
	t.Helper()
	all, err := Audit(patient(t), m, opener(t, m, dsns), AuditOptions{Rows: 100, Keys: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil || strings.Contains(string(text), "x.example") || strings.Contains(string(text), "138001") {
		t.Errorf("a value stands in the audit: %s", text)
	}
	odd := map[string]Audited{}
	for _, one := range all {
		if !one.Clean() || one.Doubtful > 0 {
			at := strings.TrimPrefix(one.Collection, "shop.")
			one.Collection, one.Sampled = "", 0
			odd[at] = one
		}
	}
	return odd
}

const people = `
	INSERT INTO users VALUES (1, 'wang', 'wang@x.example', '13800138001', NULL, NULL, NULL), (2, 'li', 'li@x.example', '13800138002', NULL, NULL, NULL),
		(3, 'zhao', 'shared@x.example', NULL, NULL, NULL, NULL), (4, 'qian', 'SHARED@x.example', NULL, NULL, NULL, NULL);
	INSERT INTO addresses VALUES (51, 'A'), (52, 'B');
	INSERT INTO orders VALUES (11, 1, 51, NULL), (12, 2, 51, NULL), (13, 2, 52, NULL);`

func TestAudit(t *testing.T) {
	t.Parallel()
	none := []Shaped{}
	for _, look := range []struct {
		what string
		rows string
		edit [2]string
		want map[string]Audited
	}{
		{what: "all is well: two share an address, and the map says so", want: map[string]Audited{}},
		{what: "rows of nobody", rows: "INSERT INTO addresses VALUES (53, 'C'), (54, 'D'), (55, 'E'); INSERT INTO orders VALUES (14, NULL, 55, 'x')",
			want: map[string]Audited{"addresses": {Unreached: Some{3, []string{"53", "54"}}, Shapes: none}, "orders": {Unreached: Some{1, []string{"14"}}, Shapes: none}}},
		{what: "shared, and not said", edit: [2]string{"relation: refers, deletion: refcount", "relation: belongs, deletion: deep"},
			want: map[string]Audited{"addresses": {Shared: Some{1, []string{"51"}}, Shapes: none}}},
		{what: "a row that two columns give to two people", edit: [2]string{"    columns:\n      id: {category: user.unique_id}\n      user_id",
			"      - {columns: [ship_to], to: users, to_columns: [id], relation: belongs, deletion: deep}\n    columns:\n      id: {category: user.unique_id}\n      user_id"},
			rows: "UPDATE orders SET ship_to = 2 WHERE id = 11; UPDATE orders SET ship_to = 2 WHERE id > 11; DELETE FROM addresses; INSERT INTO addresses VALUES (2, 'F')",
			want: map[string]Audited{"orders": {Shared: Some{1, []string{"11"}}, Shapes: none}}},
		{what: "values that are not what the map says", rows: `UPDATE users SET note = 'write to me@x.example or ring 13800138009' WHERE id < 3; UPDATE users SET note = '990101199001010019', code = '13800138008' WHERE id = 3;
			UPDATE orders SET memo = 'li@x.example'`, // which free text may hold
			want: map[string]Audited{"users": {Shapes: []Shaped{{"note", "system.operations", "email", 2}, {"note", "system.operations", "mobile", 2},
				{"note", "system.operations", "national_id", 1}, {"code", "", "mobile", 1}}}}},
		{what: "a match alone, and what stands on nobody's row or on two", edit: [2]string{"      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}\n", "@"},
			rows: "UPDATE orders SET memo = 'LI@x.example' WHERE id = 11; UPDATE orders SET memo = 'shared@x.example' WHERE id = 12; UPDATE orders SET memo = 'who@x.example' WHERE id = 13; UPDATE users SET email = 'shared@x.example' WHERE id = 4",
			want: map[string]Audited{"orders": {Unreached: Some{2, []string{"12", "13"}}, Shapes: none}, "addresses": {Unreached: Some{1, []string{"52"}}, Shapes: none}}},
	} {
		t.Run(look.what, func(t *testing.T) {
			t.Parallel()
			dsn, _ := database(t, shopSchema+people+look.rows)
			text := shopMap
			switch {
			case look.edit[1] == "@":
				text = strings.Replace(text, "    links:\n"+look.edit[0], "    match:\n      - {column: memo, identity: email}\n", 1)
			case look.edit[0] != "":
				text = strings.Replace(text, look.edit[0], look.edit[1], 1)
			}
			if look.edit[0] != "" && text == shopMap {
				t.Fatal("the edit does not fit the map")
			}
			if diff := cmp.Diff(look.want, audited(t, load(t, map[string]string{"shop.yaml": text}), map[string]string{"shop": dsn})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Loops, self-references and rows that thousands point at end, and give the right answer.
func TestAuditOfLoops(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+people+`
		INSERT INTO addresses SELECT g, 'X' FROM generate_series(1000, 1010) g;
		INSERT INTO orders SELECT g, 1, 51, NULL FROM generate_series(1000, 6000) g;
		INSERT INTO orders VALUES (7001, NULL, 1000, NULL)`)
	m := load(t, map[string]string{"shop.yaml": strings.Replace(shopMap, "relation: belongs, deletion: deep}\n", "relation: belongs, deletion: deep}\n      - {columns: [ship_to], to: addresses, to_columns: [id], relation: refers, deletion: refcount}\n", 1)})
	all, err := Audit(patient(t), m, opener(t, m, map[string]string{"shop": dsn}), AuditOptions{Rows: 200, Keys: 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Collection == "shop.addresses" && one.Unreached.Rows != 11 {
			t.Errorf("%+v", one)
		}
	}
}

// A map that does not fit the schema is not audited, and says so.
func TestAuditOfWrongMap(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+people+"ALTER TABLE orders DROP memo")
	odd := audited(t, load(t, map[string]string{"shop.yaml": shopMap}), map[string]string{"shop": dsn})
	if odd["orders"].Not == "" || odd["addresses"].Doubtful != 2 || odd["addresses"].Unreached.Rows > 0 {
		t.Errorf("%+v", odd)
	}
}

// Keys that say who somebody is are counted, not shown.
func TestAuditHidesPersonalKeys(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+people+"ALTER TABLE orders DROP CONSTRAINT orders_pkey; INSERT INTO orders VALUES (13800138007, NULL, NULL, NULL)")
	odd := audited(t, load(t, map[string]string{"shop.yaml": shopMap}), map[string]string{"shop": dsn})
	want := map[string]Audited{"orders": {Unreached: Some{Rows: 1}, Shapes: []Shaped{{"id", "user.unique_id", "mobile", 1}}}}
	if diff := cmp.Diff(want, odd); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Whom a row hands down to the rows that are found through it, and whom not.
func TestWhoIsHandedDown(t *testing.T) {
	t.Parallel()
	users := &datamap.Collection{Name: "users", Directory: &datamap.Directory{}}
	contacts := &datamap.Collection{Name: "contacts", Directory: &datamap.Directory{OwnRecordOnly: true}}
	orders := &datamap.Collection{Name: "orders"}
	wang, li, contact := person{users, "1"}, person{users, "2"}, person{contacts, "9"}
	from := &node{c: orders, persons: map[person]bool{wang: true, contact: true, li: false}}
	for _, look := range []struct {
		what   string
		at     *datamap.Collection
		shared bool
		want   map[person]bool
	}{
		{"a contact sees nothing but their own row", orders, false, map[person]bool{wang: true, li: false}},
		{"what may be shared stays so", orders, true, map[person]bool{wang: false, li: false}},
		{"nobody is led to another row of their directory", users, false, map[person]bool{}},
	} {
		n := &node{c: look.at, persons: map[person]bool{}}
		n.take(edge{from, look.shared})
		if len(n.persons) != len(look.want) {
			t.Errorf("%s: %v", look.what, n.persons)
		}
		for p, alone := range look.want {
			if got, has := n.persons[p]; !has || got != alone {
				t.Errorf("%s: %v", look.what, n.persons)
			}
		}
	}
}
