package survey

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/mytest"
)

// kiosk is a shop as MariaDB keeps one: composite keys, names that need quotes, JSON, and links
// without a constraint.
const kiosk = `
	CREATE TABLE customers (customer_id bigint unsigned AUTO_INCREMENT PRIMARY KEY, username varchar(40) NOT NULL, email varchar(80), shoujihao varchar(20),
		created_at datetime NOT NULL, KEY (email), UNIQUE KEY (username));
	CREATE TABLE "Sales Orders" ("Shop" int NOT NULL, "No" int NOT NULL, customer_id bigint unsigned, extra json, PRIMARY KEY ("Shop", "No"),
		FOREIGN KEY (customer_id) REFERENCES customers (customer_id));
	CREATE TABLE order_lines ("Shop" int NOT NULL, "No" int NOT NULL, pos int NOT NULL, memo text, PRIMARY KEY ("Shop", "No", pos),
		FOREIGN KEY ("Shop", "No") REFERENCES "Sales Orders" ("Shop", "No"));
	CREATE TABLE leads (id int PRIMARY KEY, tel bigint, raw longblob);
	CREATE TABLE migrations (id int PRIMARY KEY);
	INSERT INTO customers VALUES (1, 'wang', 'wang@x.example', '13800138000', '2026-01-01'), (2, 'li', 'li@x.example', '13900139000', '2026-01-01'),
		(3, 'zhao', 'zhao@x.example', '13800138001', '2026-01-01');
	INSERT INTO "Sales Orders" VALUES (1, 1, 1, '{"to": "WANG@x.example"}'), (1, 2, 2, NULL), (2, 1, 1, NULL);
	INSERT INTO order_lines VALUES (1, 1, 1, NULL), (1, 1, 2, 'call 138 0013 8000'), (1, 2, 1, NULL), (2, 1, 1, NULL);
	INSERT INTO leads VALUES (1, 13800138000, 'wang@x.example');`

// The tools work on MariaDB as they do on PostgreSQL: a draft that loads, fits, and
// finds a person's rows whole, a hunt, an audit, a plan.
func TestToolsOnMariaDB(t *testing.T) {
	t.Parallel()
	ctx, place := patient(t), mytest.New(t)
	db, err := sql.Open("mysql", place.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(kiosk + "ANALYZE TABLE customers, leads"); err != nil {
		t.Fatal(err)
	}
	raw, err := Draft(ctx, DraftOptions{System: "kiosk", Driver: "mariadb", DSN: place.URL, Title: "kiosk"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	draft := string(raw)
	noValues(t, kiosk, draft)
	m := load(t, map[string]string{"kiosk.yaml": draft})
	open := opener(t, m, map[string]string{"kiosk": place.URL})
	findings, err := Check(ctx, m, nil, open, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Drifts() {
			t.Errorf("%s: %s", f.Kind, f.Text)
		}
	}
	sys, err := open(ctx, "kiosk")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"customers": {"1"}, "sales_orders": {"1,1", "2,1"}, "order_lines": {"1,1,1", "1,1,2", "2,1,1"}}
	if diff := cmp.Diff(want, rowsOf(t, ctx, m, sys, dsr.Identity{Kind: "email", Value: "wang@x.example"})); diff != "" {
		t.Errorf("the person's rows (-want +got):\n%s\n%s", diff, draft)
	}
	toolsAnswer(t, m, open, place.Name)
}

func toolsAnswer(t *testing.T, m *datamap.Map, open Opener, space string) {
	t.Helper()
	ctx := patient(t)
	trail, err := Hunt(ctx, m.Systems, open, "Wang@x.example", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := []Found{{"kiosk", space + ".Sales Orders", "extra", 1, KnownMapped}, {"kiosk", space + ".customers", "email", 1, KnownMatched},
		{"kiosk", space + ".leads", "raw", 1, KnownWavedOff}}
	if diff := cmp.Diff(found, trail.Found); diff != "" {
		t.Errorf("hunting (-want +got):\n%s", diff)
	}
	all, err := Audit(ctx, m, open, AuditOptions{Rows: 100, Keys: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	odd := map[string][]Shaped{}
	for _, one := range all {
		if !one.Clean() {
			odd[one.Collection] = one.Shapes
		}
	}
	if len(odd) != 1 || len(odd["kiosk.sales_orders"]) != 1 || odd["kiosk.sales_orders"][0].Column != "extra" {
		t.Errorf("the e-mail inside JSON alone is odd: %+v", odd)
	}
	walks, err := Plan(ctx, m, open, true)
	if err != nil || len(walks) != 1 || len(walks[0].Missed)+len(walks[0].Unknown) > 0 {
		t.Fatalf("%+v, %v", walks, err)
	}
}
