package systems

import "testing"

func TestSetPath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		path     []string
		had, now string
	}{
		"a text":             {`{"a": {"b" : "x\"y" ,"c":1.50}}`, []string{"a", "b"}, `x"y`, `{"a": {"b" : "new" ,"c":1.50}}`},
		"a number":           {`{"a":13800138000,"z":1e3}`, []string{"a"}, "13800138000", `{"a":"new","z":1e3}`},
		"the last of two":    {`{"a":"1","a":"2"}`, []string{"a"}, "2", `{"a":"1","a":"new"}`},
		"not in a list":      {`{"a":[{"b":"1"}],"b":"2"}`, []string{"b"}, "2", `{"a":[{"b":"1"}],"b":"new"}`},
		"no such path":       {`{"a":"1"}`, []string{"b"}, "", `{"a":"1"}`},
		"null":               {`{"a":null}`, []string{"a"}, "", `{"a":null}`},
		"an object":          {`{"a":{"a":"1"}}`, []string{"a"}, "", `{"a":{"a":"1"}}`},
		"a list on the way":  {`{"a":["b"]}`, []string{"a", "b"}, "", `{"a":["b"]}`},
		"backslashes":        {`{"a":"\\\\","b":"\\\"q"}`, []string{"b"}, `\"q`, `{"a":"\\\\","b":"new"}`},
		"a key with a quote": {`{"\"":"1"}`, []string{`"`}, "1", `{"\"":"new"}`},
	} {
		had, err := atPath(c.document, c.path)
		if err != nil || deref(had) != c.had {
			t.Errorf("%s: holds %q, %v", name, deref(had), err)
		}
		now, err := setPath(c.document, c.path, "new")
		if err != nil || now != c.now {
			t.Errorf("%s: %s, %v", name, now, err)
		}
	}
	if now, err := setPath(`{"a": 1}`, []string{"a"}, "13900139000"); err != nil || now != `{"a": 13900139000}` {
		t.Errorf("a number for a number: %s, %v", now, err)
	}
	for _, broken := range []string{"", "{", `{"a":1} x`, "nonsense"} {
		if _, err := setPath(broken, []string{"a"}, "x"); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}
