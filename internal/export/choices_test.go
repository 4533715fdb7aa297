package export

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChoices(t *testing.T) {
	t.Parallel()
	b := example(t, "zh")
	_, zipped := b.assemble()
	files := unzip(t, zipped)
	wantJSON := "[\n" +
		`{"id":1,"author":"王小明","body":"您好，我同事李雷（***，***）也无法登录。\n请一并处理，谢谢！","agent":"陈**","sent_at":"2026-02-01T09:00:00+08:00"},` + "\n" +
		`{"id":2,"author":"客服","body":"=SUM(A1) 已处理，工单 \"T-***\" 关闭 <script>alert(1)</script>","agent":"陈**","sent_at":"2026-02-01T10:20:00+08:00"}` + "\n]\n"
	if diff := cmp.Diff(wantJSON, files["data/support/messages.json"]); diff != "" {
		t.Error(diff)
	}
	wantCSV := byteOrderMark + `"id","author","body","agent","sent_at"` + "\r\n" +
		"\"1\",\"王小明\",\"您好，我同事李雷（***，***）也无法登录。\n请一并处理，谢谢！\",\"陈**\",\"2026-02-01 09:00\"\r\n" +
		`"2","客服","'=SUM(A1) 已处理，工单 ""T-***"" 关闭 <script>alert(1)</script>","陈**","2026-02-01 10:20"` + "\r\n"
	if diff := cmp.Diff(wantCSV, files["data/support/messages.csv"]); diff != "" {
		t.Error(diff)
	}

	e := &b.pkg.Entries[4]
	t.Run("kept", func(t *testing.T) {
		kept := *b
		kept.t = t
		kept.pkg.Entries = append([]Entry{}, b.pkg.Entries...)
		kept.pkg.Entries[4].Choices = map[string]string{"author": "keep", "body": "keep", "agent": "keep", "internal_note": "keep"}
		_, zipped := kept.assemble()
		checkCopies(t, &kept, unzip(t, zipped))
		if got := unzip(t, zipped)["data/support/messages.json"]; !strings.Contains(got, "陈晓") || !strings.Contains(got, "cc manager") {
			t.Error("what was kept is not there")
		}
	})
	t.Run("dropped, and a column that is nobody else's", func(t *testing.T) {
		e.Choices = map[string]string{"author": "drop", "body": "drop", "sent_at": "mask", "id": "drop"}
		m, zipped := b.assemble()
		want := "[\n{\"sent_at\":\"***\"},\n{\"sent_at\":\"***\"}\n]\n"
		if diff := cmp.Diff(want, unzip(t, zipped)["data/support/messages.json"]); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"id", "author", "body"}, m.Collections[4].Dropped); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"agent", "internal_note"}, m.Collections[4].Withheld); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("none", func(t *testing.T) {
		e.Choices = nil
		m, zipped := b.assemble()
		files := unzip(t, zipped)
		if diff := cmp.Diff([]string{"author", "body", "agent", "internal_note"}, m.Collections[4].Withheld); diff != "" {
			t.Error(diff)
		}
		all := files["data/support/messages.json"] + files["data/support/messages.csv"]
		for _, hidden := range []string{"陈晓", "李雷", "客服", "author"} {
			if strings.Contains(all, hidden) {
				t.Errorf("%q is shared without a word of the reviewer", hidden)
			}
		}
	})
}
