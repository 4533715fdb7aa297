package survey

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/systems"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+people+"ANALYZE")
	m := load(t, map[string]string{"shop.yaml": shopMap})
	for _, explain := range []bool{false, true} {
		walks, err := Plan(patient(t), m, opener(t, m, map[string]string{"shop": dsn}), explain)
		if err != nil || len(walks) != 1 {
			t.Fatalf("%d walks, %v", len(walks), err)
		}
		var got []string
		for _, v := range walks[0].Visits {
			got = append(got, fmt.Sprintf("%d %s %d by %s", v.Level, v.Collection, v.Rows, strings.Join(v.By, "; ")))
			if !strings.Contains(v.SQL, "SELECT") || strings.Contains(v.SQL, "<") && strings.Contains(v.SQL, "<shop") || len(v.Values) == 0 || (v.Plan != "") != explain {
				t.Errorf("%+v", v)
			}
		}
		want := []string{"0 shop.users 4 by its key", "1 shop.orders 3 by [user_id] in shop.users [id]", "2 shop.addresses 2 by [id] in shop.orders [ship_to]"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(walks[0].Missed)+len(walks[0].Unknown) > 0 {
			t.Errorf("%+v", walks[0])
		}
	}
}

// Everything that the format can say can be planned.
func TestPlanOfTheWholeFormat(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+`ALTER TABLE users ADD since timestamptz, ADD until timestamptz, ADD boss bigint; ALTER TABLE orders ADD at timestamptz, ADD tags jsonb`)
	text := strings.NewReplacer(
		"      code: {ignore: internal}\n", "      code: {ignore: internal}\n      since: {category: user}\n      until: {category: user}\n      boss: {category: user}\n",
		"      memo: {category: user.content.private}\n", "      memo: {category: user.content.private}\n      at: {category: user}\n      tags: {category: user}\n",
		"relation: belongs, deletion: deep}\n", "relation: belongs, deletion: deep, valid: {from: since, until: until, at: at}}\n"+
			"      - {columns: [tags], to: users, to_columns: [id], expr: {json_path: [owner]}, relation: refers, deletion: shallow}\n",
	).Replace(shopMap)
	m := load(t, map[string]string{"shop.yaml": text})
	walks, err := Plan(patient(t), m, opener(t, m, map[string]string{"shop": dsn}), true)
	if err != nil || len(walks[0].Unknown) > 0 || len(walks[0].Visits) < 3 {
		t.Fatalf("%+v, %v", walks, err)
	}
}

// A system that is down leaves its part open and is named.
func TestPlanWithSystemDown(t *testing.T) {
	t.Parallel()
	m := load(t, map[string]string{"shop.yaml": shopMap})
	walks, err := Plan(patient(t), m, opener(t, m, map[string]string{"shop": "postgres://nobody@127.0.0.1:1/none?sslmode=disable"}), false)
	if err != nil || len(walks) != 1 || len(walks[0].Visits) != 3 || len(walks[0].Unknown) != 1 || walks[0].Visits[0].Rows != -1 {
		t.Errorf("%+v, %v", walks, err)
	}
	if systems.Placeholder("email").Value != "<email>" {
		t.Error("a placeholder looks like a value")
	}
}

// A table that the map does not fit is named, and the others are planned all the same.
func TestPlanOfWrongMap(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+"ALTER TABLE orders DROP memo")
	m := load(t, map[string]string{"shop.yaml": shopMap})
	walks, err := Plan(patient(t), m, opener(t, m, map[string]string{"shop": dsn}), false)
	if err != nil || len(walks) != 1 || len(walks[0].Unknown) > 0 {
		t.Fatalf("%+v, %v", walks, err)
	}
	for _, v := range walks[0].Visits {
		if (v.Not != "") != (v.Collection == "shop.orders") || (v.SQL == "") != (v.Collection == "shop.orders") {
			t.Errorf("%+v", v)
		}
	}
}
