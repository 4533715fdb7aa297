package postgres

import (
	"database/sql"
	"testing"

	_ "github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fresh makes an empty database.
func fresh(t testing.TB) (dsn string, exec func(string)) {
	t.Helper()
	dsn = pgtest.URL(t)
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return dsn, func(statements string) {
		t.Helper()
		if _, err := db.Exec(statements); err != nil {
			t.Fatalf("%v\n%.400s", err, statements)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	kinds := []conformance.Kind{
		{Name: "text", Type: "text", Value: `'a"b'`, JSON: `"a\"b"`, CSV: `"a""b"`},
		{Name: "char", Type: "char(4)", Value: `'ab'`, JSON: `"ab  "`, CSV: `"ab"`},
		{Name: "uuid", Type: "uuid", Value: `'6BA7B810-9dad-11d1-80b4-00c04fd430c8'`,
			JSON: `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, CSV: `6ba7b810-9dad-11d1-80b4-00c04fd430c8`},
		{Name: "inet", Type: "inet", Value: `'192.0.2.7'`, JSON: `"192.0.2.7"`, CSV: `192.0.2.7`},
		{Name: "inet of a network", Type: "inet", Value: `'2001:db8::7/64'`, JSON: `"2001:db8::7/64"`, CSV: `2001:db8::7/64`},
		{Name: "inet 6", Type: "inet", Value: `'2001:db8::7'`, JSON: `"2001:db8::7"`, CSV: `2001:db8::7`},
		{Name: "bytea like a formula", Type: "bytea", Value: `decode('f8', 'hex')`, JSON: `"+A=="`, CSV: `"'+A=="`},
		{Name: "jsonb", Type: "jsonb", Value: `'{"a": [1, "二"], "n": 12345678901234567890.10}'`,
			JSON: `{"a": [1, "二"], "n": 12345678901234567890.10}`, CSV: `"{""a"": [1, ""二""], ""n"": 12345678901234567890.10}"`},
		{Name: "json", Type: "json", Value: "E'{\"b\":1,\\n\"a\":2,\\r\\n\"a\":3}'",
			JSON: `{"b":1, "a":2,  "a":3}`, CSV: "\"{\"\"b\"\":1,\n\"\"a\"\":2,\r\n\"\"a\"\":3}\""},
		{Name: "array of text", Type: "text[]", Value: `ARRAY['a,"b', NULL, '=c']`, JSON: `["a,\"b",null,"=c"]`, CSV: `"[""a,\""b"",null,""=c""]"`},
		{Name: "array of arrays", Type: "int[]", Value: `ARRAY[[1,2],[3,4]]`, JSON: `[[1,2],[3,4]]`, CSV: `"[[1,2],[3,4]]"`},
		{Name: "array of json", Type: "json[]", Value: `ARRAY[E'{"a":\n1}'::json]`, JSON: `[{"a": 1}]`, CSV: `"[{""a"": 1}]"`},
		{Name: "bytea", Type: "bytea", Value: `decode(repeat('00ff', 40), 'hex')`,
			JSON: `"AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8="`,
			CSV:  `"AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8="`},
		{Name: "numeric", Type: "numeric", Value: `-123456789012345678901234567890.123456789000`,
			JSON: `-123456789012345678901234567890.123456789000`, CSV: `-123456789012345678901234567890.123456789000`},
		{Name: "not a number", Type: "numeric", Value: `'NaN'`, JSON: `"NaN"`, CSV: `NaN`},
		{Name: "bigint", Type: "bigint", Value: `9223372036854775807`, JSON: `9223372036854775807`, CSV: `9223372036854775807`},
		{Name: "double", Type: "double precision", Value: `0.1::float8 + 0.2::float8`, JSON: `0.30000000000000004`, CSV: `0.30000000000000004`},
		{Name: "timestamptz", Type: "timestamptz", Value: `'2026-07-01 08:00:00.123456+08'`,
			JSON: `"2026-07-01T00:00:00.123456+00:00"`, CSV: `2026-07-01 00:00:00.123456+00`},
		{Name: "timestamp", Type: "timestamp", Value: `'2026-07-01 08:00:00.000001'`, JSON: `"2026-07-01T08:00:00.000001"`, CSV: `2026-07-01 08:00:00.000001`},
		{Name: "date", Type: "date", Value: `'2026-02-28'`, JSON: `"2026-02-28"`, CSV: `2026-02-28`},
		{Name: "interval", Type: "interval", Value: `'-1 day'`, JSON: `"-1 days"`, CSV: `"'-1 days"`},
		{Name: "bool", Type: "boolean", Value: `true`, JSON: `true`, CSV: `true`},
		{Name: "enum", Before: `CREATE TYPE mood AS ENUM ('=happy', 'so "so"')`, Type: "mood", Value: `'=happy'`, JSON: `"=happy"`, CSV: `"'=happy"`},
		{Name: "domain", Before: `CREATE DOMAIN cents AS numeric(12,2) CHECK (VALUE >= 0); CREATE DOMAIN price AS cents`,
			Type: "price", Value: `7.5`, JSON: `7.50`, CSV: `7.50`},
		{Name: "domain over text", Before: `CREATE DOMAIN code AS varchar(9)`, Type: "code", Value: `'-7'`, JSON: `"-7"`, CSV: `"'-7"`},
		{Name: "row type", Before: `CREATE TYPE place AS (city text, zip int)`, Type: "place", Value: `ROW('北京', 1)::place`,
			JSON: `{"zip": 1, "city": "北京"}`, CSV: `"{""zip"": 1, ""city"": ""北京""}"`},
		{Name: "range", Type: "int4range", Value: `int4range(1, 5)`, JSON: `"[1,5)"`, CSV: `"[1,5)"`},
	}
	if hasContrib(t, "citext") {
		kinds = append(kinds, conformance.Kind{Name: "citext", Before: "CREATE EXTENSION citext", Type: "citext", Value: `'Ab'`, JSON: `"Ab"`, CSV: `"Ab"`})
	}
	conformance.Run(t, conformance.Engine{
		Driver: "postgres", Kinds: kinds,
		Fresh: func(t *testing.T) conformance.Database {
			dsn, exec := fresh(t)
			db, err := sql.Open("postgres", dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return conformance.Database{DSN: dsn, Schema: "public", Exec: exec, DB: db}
		},
		Down: "postgres://nobody@127.0.0.1:1/none?sslmode=disable",
	})
}

func hasContrib(t *testing.T, extension string) bool {
	t.Helper()
	db, err := sql.Open("postgres", pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var there bool
	if err := db.QueryRow("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)", extension).Scan(&there); err != nil {
		t.Fatal(err)
	}
	return there
}
