package survey

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

const shopSchema = `
	CREATE TABLE users (id bigint PRIMARY KEY, login text NOT NULL, email text, mobile text, email_since date, note text, code text);
	CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, ship_to bigint, memo text);
	CREATE INDEX ON orders (user_id);
	CREATE TABLE addresses (id bigint PRIMARY KEY, street text);
	CREATE TABLE stock (id bigint PRIMARY KEY);
	CREATE TABLE audit_log (id bigint PRIMARY KEY, who text);
	CREATE VIEW user_names AS SELECT login FROM users;`

const shopMap = `version: 1
system: shop
title: {zh: 店, en: Shop}
driver: postgres
region: cn
owner: shop@company.example
collections:
  users:
    table: public.users
    title: {zh: 用户, en: Users}
    key: [id]
    purpose: {zh: 用, en: use}
    legal_basis: contract
    retention: {zh: 年, en: year}
    directory:
      account: login
      channels:
        - {kind: email, column: email, since: email_since}
    match:
      - {column: email, identity: email}
      - {column: mobile, identity: mobile}
    columns:
      id: {category: user.unique_id}
      login: {category: user.account.username}
      email: {category: user.contact.email}
      mobile: {category: user.contact.phone_number}
      email_since: {category: user.behavior}
      note: {category: system.operations}
      code: {ignore: internal}
  orders:
    table: public.orders
    title: {zh: 订单, en: Orders}
    key: [id]
    purpose: {zh: 用, en: use}
    legal_basis: contract
    retention: {zh: 年, en: year}
    links:
      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}
    columns:
      id: {category: user.unique_id}
      user_id: {category: user.unique_id}
      ship_to: {category: user.unique_id}
      memo: {category: user.content.private}
  addresses:
    table: public.addresses
    title: {zh: 地址, en: Addresses}
    key: [id]
    purpose: {zh: 用, en: use}
    legal_basis: contract
    retention: {zh: 年, en: year}
    links:
      - {columns: [id], to: orders, to_columns: [ship_to], relation: refers, deletion: refcount}
    columns:
      id: {category: user.unique_id}
      street: {category: user.contact.address.street}
ignore_tables:
  public.stock: holds no people
  public.audit_log: kept elsewhere
`

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, look := range []struct {
		what   string
		change string    // SQL run after the schema
		edit   [2]string // of the map
		want   []string
	}{
		{what: "all is well"},
		{what: "a new table", change: "CREATE TABLE leads (id int); CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)",
			want: []string{"unmapped-table shop: no file mentions the table public.leads", "unmapped-table shop: no file mentions the partitioned table public.parts"}},
		{what: "a waved-off table that went", edit: [2]string{"  public.stock: holds no people", "  public.gone: was there\n  public.stock: x"},
			want: []string{"ignored-table shop: ignore_tables names public.gone, which is not there"}},
		{what: "a new column", change: "ALTER TABLE users ADD born date", want: []string{"unmapped-column shop.users: column born of public.users is not in the data map"}},
		{what: "a table that went", change: "DROP TABLE addresses", want: []string{"missing-table shop.addresses: there is no table public.addresses"}},
		{what: "a key of another kind", change: "ALTER TABLE orders ALTER ship_to TYPE date USING NULL",
			want: []string{"wrong-kind shop.addresses: column id of public.addresses is bigint, but ship_to of shop.orders, which it leads to, is date: they can never be equal"}},
		{what: "text that may be no number", change: "ALTER TABLE orders ALTER ship_to TYPE text",
			want: []string{"advice shop.addresses: column id of public.addresses is bigint, but ship_to of shop.orders, which it leads to, is text: a value that does not fit would stop a case"}},
		{what: "since no time", change: "ALTER TABLE users ALTER email_since TYPE text", want: []string{"wrong-kind shop.users: column email_since of public.users says since when a channel stands, but it is text"}},
		{what: "no index", change: "DROP INDEX orders_user_id_idx", want: []string{"advice shop.orders: no index begins with user_id of public.orders, by which it is searched"}},
	} {
		t.Run(look.what, func(t *testing.T) {
			t.Parallel()
			dsn, _ := database(t, shopSchema+look.change)
			text := shopMap
			if look.edit[0] != "" {
				text = strings.Replace(text, look.edit[0], look.edit[1], 1)
			}
			m := load(t, map[string]string{"shop.yaml": text})
			if diff := cmp.Diff(look.want, checked(t, m, map[string]string{"shop": dsn})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// checked runs Check and gives the findings as "kind text".
func checked(t *testing.T, m *datamap.Map, dsns map[string]string) []string {
	t.Helper()
	findings, err := Check(patient(t), m, nil, opener(t, m, dsns), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.Kind+" "+f.Text)
	}
	return got
}

// Two systems in one database: the tables of the one are not unknown to the other.
func TestCheckOfSharedDatabase(t *testing.T) {
	t.Parallel()
	first, orders, found := strings.Cut(shopMap, "  orders:\n")
	if !found {
		t.Fatal("the map has changed")
	}
	second := strings.Replace(first[:strings.Index(first, "collections:")], "system: shop", "system: till", 1) + "collections:\n  orders:\n" +
		strings.Replace(orders, "to: users", "to: shop.users", 1)
	dsn, _ := database(t, shopSchema)
	m := load(t, map[string]string{"shop.yaml": first, "till.yaml": second})
	if got := checked(t, m, map[string]string{"shop": dsn, "till": dsn}); len(got) > 0 {
		t.Errorf("%q", got)
	}
	other, _ := database(t, "CREATE TABLE leads (id int)")
	m = load(t, map[string]string{"shop.yaml": shopMap, "till.yaml": strings.NewReplacer("system: shop", "system: till").Replace(shopMap)})
	got := checked(t, m, map[string]string{"shop": dsn, "till": other})
	if len(got) < 4 || !slices.Contains(got, "unmapped-table till: no file mentions the table public.leads") {
		t.Errorf("%q", got)
	}
}

// A system that is down hides nothing of the others.
func TestCheckWithOneSystemDown(t *testing.T) {
	t.Parallel()
	dsn, _ := database(t, shopSchema+"CREATE TABLE leads (id int)")
	m := load(t, map[string]string{"shop.yaml": shopMap, "till.yaml": strings.Replace(shopMap, "system: shop", "system: till", 1)})
	got := checked(t, m, map[string]string{"shop": dsn, "till": "postgres://nobody@127.0.0.1:1/none?sslmode=disable"})
	want := []string{"unreachable system till cannot be reached", "unmapped-table shop: no file mentions the table public.leads"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An account that may only read is good for access cases, and that is said once.
func TestCheckOfReadOnlyAccount(t *testing.T) {
	t.Parallel()
	dsn, exec := database(t, shopSchema+`DROP ROLE IF EXISTS check_reader; CREATE ROLE check_reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO check_reader; REVOKE SELECT ON addresses FROM check_reader`)
	t.Cleanup(func() { exec("DROP OWNED BY check_reader; DROP ROLE check_reader") })
	m := load(t, map[string]string{"shop.yaml": shopMap})
	want := []string{
		"no-privilege shop.addresses: the account may not read column id of public.addresses",
		"no-privilege shop.addresses: the account may not read column street of public.addresses",
		"read-only shop: the account may not update public.users, public.orders, public.addresses",
		"read-only shop: the account may not delete from public.users, public.orders, public.addresses",
	}
	if diff := cmp.Diff(want, checked(t, m, map[string]string{"shop": as(dsn, "check_reader")})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
