package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"pgregory.net/rapid"
)

func TestRewriteJSON(t *testing.T) {
	t.Parallel()
	edits := map[string]edit{"d": {drop: true}, "m": {mask: maskName}, "中": {mask: maskName}}
	for name, c := range map[string]struct {
		in, want string
		rows     int64
	}{
		"empty":             {"[\n]\n", "[\n]\n", 0},
		"empty, other form": {"[]", "[\n]\n", 0},
		"order and numbers": {`[{"z":1.50,"d":1,"a":12345678901234567890,"e":1e400,"n":-0.0}]`, "[\n" + `{"z":1.50,"a":12345678901234567890,"e":1e400,"n":-0.0}` + "\n]\n", 1},
		"texts as they are": {`[{"a":"\u4f60 <&> \"q\" \\","m":"\u738b\u5c0f"}]`, "[\n" + `{"a":"\u4f60 <&> \"q\" \\","m":"王**"}` + "\n]\n", 1},
		"null stays null":   {`[{"m":null},{"m":""}]`, "[\n{\"m\":null},\n{\"m\":\"\"}\n]\n", 2},
		"not text":          {`[{"m":12},{"m":true},{"m":{"x":[1]}}]`, "[\n{\"m\":\"1**\"},\n{\"m\":\"t**\"},\n{\"m\":\"{**\"}\n]\n", 3},
		"only dropped":      {`[{"d":{"d":"}"}}]`, "[\n{}\n]\n", 1},
		"nested":            {`[{"x":{"d":[{"m":"}]\\\""}],"k":{}},"d":[[],[{}]],"y":[]}]`, "[\n" + `{"x":{"d":[{"m":"}]\\\""}],"k":{}},"y":[]}` + "\n]\n", 1},
		"lines in a row":    {"[ { \"x\" : {\n \"k\" : 1 ,\r\n \"l\":\"a\\nb\" } , \"y\" : 2 } ]", "[\n{\"x\":{\"k\":1,\"l\":\"a\\nb\"},\"y\":2}\n]\n", 1},
		"keys":              {`[{"\u0064":1,"中":"王小","k\"ey":2},{"中":"李"}]`, "[\n" + `{"中":"王**","k\"ey":2},` + "\n" + `{"中":"李**"}` + "\n]\n", 2},
		"changing in place": {`[{"a":1},{"a":2},{"d":3},{"a":4},{"m":"xy"}]`, "[\n{\"a\":1},\n{\"a\":2},\n{},\n{\"a\":4},\n{\"m\":\"x**\"}\n]\n", 5},
		"changing columns":  {`[{"a":1,"b":2},{"b":3,"a":4},{"m":"xy"},{"a":5,"b":6}]`, "[\n{\"a\":1,\"b\":2},\n{\"b\":3,\"a\":4},\n{\"m\":\"x**\"},\n{\"a\":5,\"b\":6}\n]\n", 4},
	} {
		var out bytes.Buffer
		rows, err := rewriteJSON(strings.NewReader(c.in), &out, edits)
		if err != nil || rows != c.rows || out.String() != c.want {
			t.Errorf("%s: %d rows, %v\n got %s\nwant %s", name, rows, err, &out, c.want)
		}
	}
	for _, bad := range []string{"", "[", "{}", "[1]", `["x"]`, `[{"a":1}`, `[{"a":1}]x`, `[{"a":王}]`, `[{"a":1},]`, "[\n{]\n", `[[{}]]`, `[null]`} {
		if _, err := rewriteJSON(strings.NewReader(bad), io.Discard, edits); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("%s: %v", bad, err)
		} else if strings.Contains(err.Error(), "王") {
			t.Errorf("the error quotes a value: %v", err)
		}
	}
}

// Whatever JSON a database gives: the rewritten row means the same, but for the dropped column.
func TestRewriteJSONKeepsMeaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Custom(func(t *rapid.T) any { return drawJSON(t, 3) })
		rows := rapid.SliceOfN(rapid.MapOfN(rapid.StringN(0, 4, -1), value, 0, 5), 0, 4).Draw(t, "rows")
		want := make([]map[string]any, len(rows))
		for i, row := range rows {
			want[i] = map[string]any{}
			for k, v := range row {
				want[i][k] = v
			}
			row["dropped"] = drawJSON(t, 2)
		}
		in, err := json.MarshalIndent(rows, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		n, err := rewriteJSON(bytes.NewReader(in), &out, map[string]edit{"dropped": {drop: true}})
		if err != nil || n != int64(len(rows)) {
			t.Fatalf("%d rows, %v", n, err)
		}
		var got, normal any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%v in %s", err, &out)
		}
		again, _ := json.Marshal(want)
		_ = json.Unmarshal(again, &normal)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(normal)
		if !bytes.Equal(a, b) {
			t.Fatalf("got %s\nwant %s", a, b)
		}
		if lines := bytes.Count(out.Bytes(), []byte("\n")); lines != len(rows)+2 && len(rows) > 0 {
			t.Fatalf("%d lines for %d rows", lines, len(rows))
		}
	})
}

func drawJSON(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int32().Draw(t, "number")
	case 3:
		return rapid.StringOf(rapid.RuneFrom([]rune(`"\{}[],: 中a`+"\n\t"))).Draw(t, "text")
	case 4:
		return []any{drawJSON(t, depth-1), drawJSON(t, depth-1)}
	}
	return map[string]any{"k": drawJSON(t, depth-1)}
}

func TestRewriteCSV(t *testing.T) {
	t.Parallel()
	edits := map[string]edit{"d": {drop: true}, "m": {mask: maskRuns}, "n": {mask: maskName}}
	for name, c := range map[string]struct {
		in, want string
		rows     int64
	}{
		"header only":      {"a,d,m\r\n", "a,m\r\n", 0},
		"mark":             {byteOrderMark + "d,a\r\n1,2\r\n", byteOrderMark + "a\r\n2\r\n", 1},
		"quoted header":    {byteOrderMark + "\"d\",\"a\"\r\n\"1\",\"2\"\r\n", byteOrderMark + "\"a\"\r\n\"2\"\r\n", 1},
		"null is not text": {"a,m\r\n,\r\n\"\",\"\"\r\n", "a,m\r\n,\r\n\"\",\"\"\r\n", 2},
		"quotes and lines": {"a,d\r\n\"x, \"\"y\"\"\r\nz\nw\",\"1,\r\n2\"\r\n", "a\r\n\"x, \"\"y\"\"\r\nz\nw\"\r\n", 1},
		"guard stays":      {"a,m\r\n'=1+1,\"'=1+1\"\r\n", "a,m\r\n'=1+1,\"'=1+1\"\r\n", 1},
		"guard of a mask":  {"m\r\n\"'+8613800000002\"\r\n\"'@li, 13800000002\"\r\n\"'13800000002\"\r\n", "m\r\n\"***\"\r\n\"'@li, ***\"\r\n\"'***\"\r\n", 3},
		"guard of a name":  {"n\r\n\"'=cmd\"\r\n\"-王\"\r\n", "n\r\n\"'=**\"\r\n\"'-**\"\r\n", 2},
		"no last line end": {"a,d\r\n1,2", "a\r\n1\r\n", 1},
		"only dropped":     {"d\r\n1\r\n", "\r\n\r\n", 1},
	} {
		var out bytes.Buffer
		rows, err := rewriteCSV(strings.NewReader(c.in), &out, edits)
		if err != nil || rows != c.rows || out.String() != c.want {
			t.Errorf("%s: %d rows, %v\n got %q\nwant %q", name, rows, err, &out, c.want)
		}
	}
	for _, bad := range []string{"", byteOrderMark, "a,b\r\n1\r\n", "a,b\r\n1,2,3\r\n", "a\r\n\"open\r\n"} {
		if _, err := rewriteCSV(strings.NewReader(bad), io.Discard, edits); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Held against encoding/csv: the cells that stay are the same.
func TestRewriteCSVKeepsMeaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.RuneFrom([]rune(`",'=中a ` + "\n")))
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 1, 20).Draw(t, "rows")
		var in bytes.Buffer
		w := csv.NewWriter(&in)
		_ = w.Write([]string{"a", "b", "c"})
		_ = w.WriteAll(rows)
		var out bytes.Buffer
		n, err := rewriteCSV(&in, &out, map[string]edit{"b": {drop: true}})
		if err != nil || n != int64(len(rows)) {
			t.Fatalf("%d rows, %v", n, err)
		}
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if len(got[i+1]) != 2 || got[i+1][0] != row[0] || got[i+1][1] != row[2] {
				t.Fatalf("row %d is %q, was %q", i, got[i+1], row)
			}
		}
	})
}

// A row longer than every buffer.
func TestRewriteLongRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("长", blockSize)
	var out bytes.Buffer
	if _, err := rewriteJSON(strings.NewReader(`[{"a":"`+long+`","d":1}]`), &out, map[string]edit{"d": {drop: true}}); err != nil || out.Len() != len(long)+len("[\n{\"a\":\"\"}\n]\n") {
		t.Errorf("JSON: %d bytes, %v", out.Len(), err)
	}
	out.Reset()
	if _, err := rewriteCSV(strings.NewReader("a,d\r\n\""+long+"\",1\r\n"), &out, map[string]edit{"d": {drop: true}}); err != nil || out.Len() != len(long)+len("a\r\n\"\"\r\n") {
		t.Errorf("CSV: %d bytes, %v", out.Len(), err)
	}
}
