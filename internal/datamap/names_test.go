package datamap

import (
	"testing"
	"time"
)

func TestParsePatience(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "30m": 30 * time.Minute, "366d": 366 * 24 * time.Hour,
	} {
		if got, ok := parsePatience(text); !ok || got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "2", "-2d", "-1h", "0h", "59s", "2d-1h", "367d", "99999999h", "2w", "1.5d", "2 d"} {
		if got, ok := parsePatience(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestTableName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"public.users": {"public", "users"}, `"My.Schema"."A ""b"""`: {"My.Schema", `A "b"`}, `s."T"`: {"s", "T"}, "模式.表": {"模式", "表"},
	} {
		schema, table, ok := tableName(text)
		if !ok || schema != want[0] || table != want[1] {
			t.Errorf("%s is %q, %q, %v", text, schema, table, ok)
		}
	}
	for _, text := range []string{"", "users", ".users", "a.", "a.b.c", `"a.b`, `"a"b.c`, `a"b.c`, "a.\x00b", `"".b`, `"a"."b".`} {
		if schema, table, ok := tableName(text); ok {
			t.Errorf("%q is taken for %q, %q", text, schema, table)
		}
	}
}
