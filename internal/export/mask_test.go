package export

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMaskRuns(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                               "",
		"没有什么":                           "没有什么",
		"请联系li.lei@post.example谢谢":       "请联系***谢谢",
		"写给 a+b_c@x.post.example。":       "写给 ***。",
		"全角 li＠post.example":             "全角 ***",
		"13800000002":                    "***",
		"打13800000002吧":                  "打***吧",
		"电话 138-0000-0002，急":             "电话 ***，急",
		"138 0000 0002":                  "***",
		"+86 138 0000 0002":              "***",
		"＋８６１３８００００００２":                  "***",
		"０１０－１２３４５６７８":                   "***",
		"call +44 (0)20 7946 0000 now":   "call *** now",
		"(010) 1234-5678":                "***",
		"0571-12345678 转 3":              "*** 转 3",
		"400-000-0000":                   "***",
		"555-123-4567":                   "***",
		"身份证 990101199001010011":         "身份证 ***",
		"身份证 99010119900101001X，":        "身份证 ***，",
		"990101900101001":                "***",
		"卡 6217 0000 0000 0042 123":      "卡 ***",
		"护照 E12345678":                   "护照 ***",
		"AB1234567x":                     "***",
		"HK A123456(7)":                  "HK ***",
		"QQ 10001234":                    "QQ ***",
		"两个 13800000002、13800000003":     "两个 ***、***",
		"2026-02-01 10:20:30":            "2026-02-01 10:20:30",
		"2026-02-01T10:20:30+08:00":      "2026-02-01T10:20:30+08:00",
		"2026年2月1日，共 3 次，99.5%，¥1280.50": "2026年2月1日，共 3 次，99.5%，¥1280.50",
		"192.0.2.17":                     "192.0.2.17",
		"v1.2.3-rc4":                     "v1.2.3-rc4",
		"123456":                         "123456",
		"a\xff13800000002\xfeb":          "a\xff***\xfeb",
	} {
		if got := maskRuns(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// Whatever stands around them, numbers and addresses go and other words stay.
func TestMaskRunsAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zA-Z您好，。！ \n]{0,12}`)
		secret := rapid.SampledFrom([]string{"13812345678", "li.lei@post.example", "990101199001010011", "+8613812345678", "010-12345678", "6217000000000042"})
		before, hidden, after := word.Draw(t, "before"), secret.Draw(t, "secret"), word.Draw(t, "after")
		got := maskRuns(before + hidden + after)
		if strings.Contains(got, hidden) || strings.Contains(got, "1234567") || strings.Contains(got, "lei@") {
			t.Fatalf("%q shows %q", got, hidden)
		}
		for _, r := range before + after {
			if r > 127 && !strings.ContainsRune(got, r) {
				t.Fatalf("%q lost %q", got, r)
			}
		}
		if plain := strings.ReplaceAll(before+after, "@", ""); maskRuns(plain) != plain {
			t.Fatalf("%q changed although nothing stands in it", plain)
		}
	})
}

func TestMaskByCategory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ category, in, want string }{
		{"user.name", "王小明", "王**"},
		{"user.name", "Ōe Ken", "Ō**"},
		{"employee.name.first_name", " Li", "L**"},
		{"user.name", "", ""},
		{"user.name", "  ", ""},
		{"user.content", "找李雷 13800000002", "找李雷 ***"},
		{"user.content.private", "a@post.example", "***"},
		{"user.contact.email", "a@post.example", Hidden},
		{"user.contact.address", "云州市桃溪区 5 号楼", Hidden},
		{"user.financial", "7", Hidden},
		{"user.contact.address", "", ""},
		{"", "x", Hidden},
	} {
		if got := maskFor(c.category)(c.in); got != c.want || !utf8.ValidString(got) {
			t.Errorf("%s: %q became %q, want %q", c.category, c.in, got, c.want)
		}
	}
}
