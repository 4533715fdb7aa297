package conformance

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (e Engine) kinds(t *testing.T) {
	for _, kind := range e.Kinds {
		t.Run(kind.Name, func(t *testing.T) {
			p := e.place(t)
			if kind.Before != "" {
				p.exec(kind.Before)
			}
			p.exec(`CREATE TABLE kinds (id integer PRIMARY KEY, v ` + kind.Type + `);
				INSERT INTO kinds VALUES (1, ` + kind.Value + `), (2, NULL);`)
			c := p.collection("kinds", "id", "v")
			j, v := p.stream(byKeys(c, []string{"id"}, []string{"1"}))
			p.want("JSON", j, "[\n"+`{"id":1,"v":`+kind.JSON+"}\n]\n")
			p.want("CSV", v, "\ufeffid,v\r\n1,"+kind.CSV+"\r\n")
			j, v = p.stream(byKeys(c, []string{"id"}, []string{"2"}))
			p.want("JSON of NULL", j, "[\n"+`{"id":2,"v":null}`+"\n]\n")
			p.want("CSV of NULL", v, "\ufeffid,v\r\n2,\r\n")
		})
	}
}

func (e Engine) names(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE "Mixed ""Case" ("Id" integer PRIMARY KEY, "select" varchar(9), "a""b,c" varchar(9), "数据" varchar(9));
		INSERT INTO "Mixed ""Case" VALUES (1, 'x', 'y', 'z');`)
	c := p.collection(`Mixed "Case`, "Id", "select", `a"b,c`, "数据")
	j, v := p.stream(byKeys(c, []string{`a"b,c`, "数据"}, []string{"y", "z"}))
	p.want("JSON", j, "[\n"+`{"Id":1,"select":"x","a\"b,c":"y","数据":"z"}`+"\n]\n")
	p.want("CSV", v, "\ufeff"+`Id,select,"a""b,c",数据`+"\r\n"+`1,"x","y","z"`+"\r\n")
}

func (e Engine) text(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE texts (id integer PRIMARY KEY, v varchar(99), secret varchar(9));
		INSERT INTO texts VALUES (1, 'say "hi", it''s', 's'), (2, 'one
two', 's'), (3, '你好，世界 😀', 's'), (4, '', 's'), (5, ' back\slash ', 's');`)
	c := p.collection("texts", "id", "v", "secret")
	c.Columns[2] = &datamap.Column{Name: "secret", Ignore: "not personal"}
	for _, row := range []struct{ id, json, csv string }{
		{"1", `"say \"hi\", it's"`, `"say ""hi"", it's"`},
		{"2", `"one\ntwo"`, "\"one\ntwo\""},
		{"3", `"你好，世界 😀"`, `"你好，世界 😀"`},
		{"4", `""`, `""`},
		{"5", `" back\\slash "`, `" back\slash "`},
	} {
		j, v := p.stream(byKeys(c, []string{"id"}, []string{row.id}))
		p.want("JSON", j, "[\n"+`{"id":`+row.id+`,"v":`+row.json+"}\n]\n")
		p.want("CSV", v, "\ufeffid,v\r\n"+row.id+","+row.csv+"\r\n")
	}
	j, v := p.stream(byKeys(c, []string{"id"}, []string{"3"}, []string{"4"}))
	p.want("two rows of JSON", strings.Count(j, "},\n{"), 1)
	p.want("two rows of CSV", strings.Count(v, "\r\n"), 3)
}

func (e Engine) formulas(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE sheet (id integer PRIMARY KEY, n numeric(9,2), d date, v varchar(99));
		INSERT INTO sheet VALUES (-1, -2.50, '2026-01-02', '=1+1'), (2, 0, NULL, '+1'), (3, 0, NULL, '-1'), (4, 0, NULL, '@a'),
		(5, 0, NULL, '	a'), (7, 0, NULL, '
a'), (8, 0, NULL, '＝1'), (9, 0, NULL, 'a=1'), (10, 0, NULL, '="a"');`)
	p.exec("INSERT INTO sheet VALUES (6, 0, NULL, '\ra')")
	c := p.collection("sheet", "id", "n", "d", "v")
	for id, line := range map[string]string{
		"-1": `-1,-2.50,2026-01-02,"'=1+1"`,
		"2":  `2,0.00,,"'+1"`,
		"3":  `3,0.00,,"'-1"`,
		"4":  `4,0.00,,"'@a"`,
		"5":  "5,0.00,,\"'\ta\"",
		"6":  "6,0.00,,\"'\ra\"",
		"7":  "7,0.00,,\"'\na\"",
		"8":  `8,0.00,,"'＝1"`,
		"9":  `9,0.00,,"a=1"`,
		"10": `10,0.00,,"'=""a"""`,
	} {
		j, v := p.stream(byKeys(c, []string{"id"}, []string{id}))
		p.want("CSV", v, "\ufeffid,n,d,v\r\n"+line+"\r\n")
		if strings.Contains(j, "'") {
			p.Errorf("the guard is for CSV alone: %s", j)
		}
	}
}

func (e Engine) masks(t *testing.T) {
	p := e.place(t)
	columns := []string{"id_number", "bank_account", "email", "mobile", "name", "all"}
	p.exec(`CREATE TABLE masks (id integer PRIMARY KEY, "id_number" varchar(99), "bank_account" varchar(99), "email" varchar(99),
		"mobile" varchar(99), "name" varchar(99), "all" varchar(99), hash varchar(99));
		INSERT INTO masks VALUES (1, '990101199001011234', '6222021234567890123', 'zhang.san@mail.example', '+8613800138000', '张小明', 'x', 'h'),
		(2, '12345', '1234', 'nobody', '110', '张', '', ''), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL);`)
	c := p.collection("masks", append(append([]string{"id"}, columns...), "hash")...)
	for i, mask := range columns {
		c.Columns[i+1].Export, c.Columns[i+1].Mask = datamap.ExportMask, mask
	}
	c.Columns[7].Export = datamap.ExportHeld
	want := map[string][]string{
		"1": {"990***********1234", "***************0123", "z***@mail.example", "+86*******8000", "张**", "***", "held"},
		"2": {"*****", "****", "***", "***", "*", "***", "held"},
	}
	for id, values := range want {
		j, v := p.stream(byKeys(c, []string{"id"}, []string{id}))
		fields := []string{`"id":` + id}
		line := []string{id}
		for i, value := range values {
			fields = append(fields, `"`+c.Columns[i+1].Name+`":"`+value+`"`)
			if strings.HasPrefix(value, "+") {
				value = "'" + value
			}
			line = append(line, `"`+value+`"`)
		}
		p.want("JSON", j, "[\n{"+strings.Join(fields, ",")+"}\n]\n")
		p.want("CSV", strings.SplitN(v, "\r\n", 2)[1], strings.Join(line, ",")+"\r\n")
	}
	j, v := p.stream(byKeys(c, []string{"id"}, []string{"3"}))
	p.want("NULL stays NULL", strings.Count(j, "null"), 7)
	p.want("CSV of NULL", strings.SplitN(v, "\r\n", 2)[1], "3,,,,,,,\r\n")
}

func (e Engine) noRows(t *testing.T) {
	p := e.place(t)
	p.exec(`CREATE TABLE bare (id integer PRIMARY KEY, v varchar(9)); INSERT INTO bare VALUES (1, 'x');`)
	c := p.collection("bare", "id", "v")
	for what, sel := range map[string]systems.Selection{
		"no clauses":    {Collection: c},
		"no keys":       byKeys(c, []string{"id"}),
		"no such key":   byKeys(c, []string{"id"}, []string{"9"}),
		"no identities": {Collection: c, Any: []systems.Clause{{Columns: []string{"v"}}}},
	} {
		j, v := p.stream(sel)
		p.want(what+": JSON", j, "[\n]\n")
		p.want(what+": CSV", v, "\ufeffid,v\r\n")
		p.want(what+": keys", p.ids(sel), []string(nil))
	}
}
