package mysql

import (
	"database/sql"
	"testing"

	"github.com/habeas-dsr/habeas/internal/stack/mytest"
	"github.com/habeas-dsr/habeas/internal/systems/conformance"
)

func TestMain(m *testing.M) { mytest.Main(m) }

// fresh makes an empty database.
func fresh(t testing.TB) (db mytest.Database, exec func(string)) {
	t.Helper()
	db = mytest.New(t)
	conn, err := sql.Open("mysql", db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return db, func(statements string) {
		t.Helper()
		if _, err := conn.Exec(statements); err != nil {
			t.Fatalf("%v\n%.400s", err, statements)
		}
	}
}

var kinds = []conformance.Kind{
	{Name: "text", Type: "text", Value: `'a"b'`, JSON: `"a\"b"`, CSV: `"a""b"`},
	{Name: "control characters", Type: "text", Value: "concat(char(1), char(8), char(12), char(127))", JSON: "\"\\u0001\\b\\f\x7f\"", CSV: "\"\x01\b\f\x7f\""},
	{Name: "char", Type: "char(4)", Value: `'ab'`, JSON: `"ab"`, CSV: `"ab"`},
	{Name: "blanks at the end", Type: "varchar(9)", Value: `'ab  '`, JSON: `"ab  "`, CSV: `"ab  "`},
	{Name: "latin1", Type: "varchar(9) CHARACTER SET latin1", Value: `'Zoë'`, JSON: `"Zoë"`, CSV: `"Zoë"`},
	{Name: "gbk", Type: "varchar(9) CHARACTER SET gbk", Value: `'数据'`, JSON: `"数据"`, CSV: `"数据"`},
	{Name: "utf16", Type: "varchar(9) CHARACTER SET utf16", Value: `'数😀'`, JSON: `"数😀"`, CSV: `"数😀"`},
	{Name: "enum", Type: `enum('=happy', 'so "so"')`, Value: `'=happy'`, JSON: `"=happy"`, CSV: `"'=happy"`},
	{Name: "set", Type: `set('a', 'b', 'c')`, Value: `'c,a'`, JSON: `"a,c"`, CSV: `"a,c"`},
	{Name: "json", Type: "json", Value: `'{"a": [1, "二"],` + "\r\n" + ` "n": 12345678901234567890.10}'`,
		JSON: `{"a": [1, "二"],   "n": 12345678901234567890.10}`, CSV: "\"{\"\"a\"\": [1, \"\"二\"\"],\r\n \"\"n\"\": 12345678901234567890.10}\""},
	{Name: "json that is none", Before: "SET check_constraint_checks = 0", Type: "json", Value: `'{"a":'`, JSON: `"{\"a\":"`, CSV: `"{""a"":"`},
	{Name: "json of a number", Type: "json", Value: `'-1'`, JSON: `-1`, CSV: `"'-1"`},
	{Name: "bit", Type: "bit(1)", Value: `b'1'`, JSON: `1`, CSV: `1`},
	{Name: "bit of 64", Type: "bit(64)", Value: `~0`, JSON: `18446744073709551615`, CSV: `18446744073709551615`},
	{Name: "boolean", Type: "tinyint(1)", Value: `true`, JSON: `1`, CSV: `1`},
	{Name: "boolean that is two", Type: "boolean", Value: `2`, JSON: `2`, CSV: `2`},
	{Name: "unsigned bigint", Type: "bigint unsigned", Value: `18446744073709551615`, JSON: `18446744073709551615`, CSV: `18446744073709551615`},
	{Name: "bigint", Type: "bigint", Value: `-9223372036854775808`, JSON: `-9223372036854775808`, CSV: `-9223372036854775808`},
	{Name: "zeros in front", Type: "int(8) zerofill", Value: `42`, JSON: `42`, CSV: `00000042`},
	{Name: "nothing but zeros", Type: "decimal(6,2) zerofill", Value: `0.5`, JSON: `0.50`, CSV: `0000.50`},
	{Name: "decimal", Type: "decimal(65,30)", Value: `-12345678901234567890123456789012345.123456789000000000000000000000`,
		JSON: `-12345678901234567890123456789012345.123456789000000000000000000000`, CSV: `-12345678901234567890123456789012345.123456789000000000000000000000`},
	{Name: "float", Type: "float", Value: `16777215`, JSON: `16777215`, CSV: `16777215`},
	{Name: "float of a tenth", Type: "float", Value: `0.1`, JSON: `0.1`, CSV: `0.1`},
	{Name: "double", Type: "double", Value: `0.1e0 + 0.2e0`, JSON: `0.30000000000000004`, CSV: `0.30000000000000004`},
	{Name: "large double", Type: "double", Value: `-1.5e300`, JSON: `-1.5e300`, CSV: `-1.5e300`},
	{Name: "round double", Type: "double", Value: `1000000`, JSON: `1000000`, CSV: `1000000`},
	{Name: "year", Type: "year", Value: `2026`, JSON: `2026`, CSV: `2026`},
	{Name: "year of zeros", Type: "year", Value: `'0000'`, JSON: `0`, CSV: `0000`},
	{Name: "date", Type: "date", Value: `'2026-02-28'`, JSON: `"2026-02-28"`, CSV: `2026-02-28`},
	{Name: "datetime", Type: "datetime(6)", Value: `'2026-07-01 08:00:00.000001'`, JSON: `"2026-07-01T08:00:00.000001"`, CSV: `2026-07-01 08:00:00.000001`},
	{Name: "datetime of zeros", Before: "SET sql_mode = 'ANSI_QUOTES'", Type: "datetime", Value: `'0000-00-00'`, JSON: `"0000-00-00T00:00:00"`, CSV: `0000-00-00 00:00:00`},
	{Name: "timestamp", Before: "SET time_zone = '+08:00'", Type: "timestamp(6) NULL", Value: `'2026-07-01 08:00:00.123456'`,
		JSON: `"2026-07-01T00:00:00.123456+00:00"`, CSV: `2026-07-01 00:00:00.123456+00`},
	{Name: "time", Type: "time(3)", Value: `'-838:59:59.001'`, JSON: `"-838:59:59.001"`, CSV: `"'-838:59:59.001"`},
	{Name: "binary", Type: "binary(4)", Value: `x'00ff'`, JSON: `"AP8AAA=="`, CSV: `"AP8AAA=="`},
	{Name: "varbinary like a formula", Type: "varbinary(9)", Value: `x'f8'`, JSON: `"+A=="`, CSV: `"'+A=="`},
	{Name: "blob", Type: "longblob", Value: `repeat(x'00ff', 40)`,
		JSON: `"AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8="`,
		CSV:  `"AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8="`},
	{Name: "uuid", Type: "uuid", Value: `'6BA7B810-9dad-11d1-80b4-00c04fd430c8'`,
		JSON: `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, CSV: `6ba7b810-9dad-11d1-80b4-00c04fd430c8`},
	{Name: "inet6", Type: "inet6", Value: `'2001:DB8::7'`, JSON: `"2001:db8::7"`, CSV: `2001:db8::7`},
	{Name: "inet4", Type: "inet4", Value: `'192.0.2.7'`, JSON: `"192.0.2.7"`, CSV: `192.0.2.7`},
	{Name: "point", Type: "point", Value: `point(1, 2)`, JSON: `"POINT(1 2)"`, CSV: `"POINT(1 2)"`},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	e := conformance.Engine{
		Driver: "mariadb", Kinds: kinds,
		ListType: "json", List: func(numbers string) string { return "'[" + numbers + "]'" }, // there are no arrays
		Fresh: func(t *testing.T) conformance.Database {
			db, exec := fresh(t)
			conn, err := sql.Open("mysql", db.DSN)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conformance.Database{DSN: db.URL, Schema: db.Name, Exec: exec, DB: conn}
		},
		Down: "mysql://nobody@127.0.0.1:1/none",
	}
	conformance.Run(t, e)
	conformance.RunInspector(t, e)
	t.Run("walk", func(t *testing.T) { conformance.RunWalk(t, e) })
}
