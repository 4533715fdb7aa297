package letters

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// current are the texts in force: the embedded ones, or those with a company's own over them.
var current atomic.Pointer[map[string]*source]

func init() { current.Store(&sources) }

// Use puts a company's own texts over the embedded ones: files NAME.LANG.txt in fsys, such as
// ack.zh-CN.txt. Programs call it once, as they start. Anything that Check finds is a
// contract.ErrBadInput, and nothing changes.
func Use(fsys fs.FS) error {
	own, problems := override(fsys)
	if len(problems) > 0 {
		return fault.New(contract.ErrBadInput, "your texts of letters have faults:\n"+strings.Join(problems, "\n"), nil).
			WithHint("habeas letters check --folder DIR tells the same")
	}
	current.Store(&own)
	return nil
}

// Check says what is wrong with a company's own texts, one line a fault: an unknown letter, a language
// that is missing, a field that the embedded text has and this one leaves out, a field or a value of
// a person in a subject line, a link, a text that cannot be rendered.
func Check(fsys fs.FS) []string {
	_, problems := override(fsys)
	return problems
}

// override is the embedded texts with those of a folder over them.
func override(fsys fs.FS) (map[string]*source, []string) {
	own := map[string]*source{}
	for lang, s := range sources {
		c := *s
		c.letters, c.raw = map[Template]*template.Template{}, map[Template][]byte{}
		for t := range s.letters {
			c.letters[t], c.raw[t] = s.letters[t], s.raw[t]
		}
		own[lang] = &c
	}
	names, err := fs.Glob(fsys, "*.txt")
	if err != nil || len(names) == 0 {
		if _, err := fs.Stat(fsys, "."); err != nil {
			return own, []string{"the folder cannot be read"}
		}
	}
	var problems []string
	found := map[Template][]string{}
	for _, name := range names {
		t, lang, ok := nameOf(name)
		if !ok {
			problems = append(problems, name+": is not NAME.LANG.txt with a letter and a language that there are")
			continue
		}
		found[t] = append(found[t], lang)
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			problems = append(problems, name+": cannot be read")
			continue
		}
		problems = append(problems, own[lang].replace(t, lang, name, raw)...)
	}
	for _, t := range Templates() {
		for _, lang := range Languages() {
			if len(found[t]) > 0 && !slices.Contains(found[t], lang) {
				problems = append(problems, fmt.Sprintf("%s.%s.txt: is missing; a letter changes in every language or in none", t, lang))
			}
		}
	}
	return own, problems
}

func nameOf(name string) (Template, string, bool) {
	base, lang, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".txt"), ".")
	return Template(base), lang, ok && slices.Contains(Templates(), Template(base)) && slices.Contains(Languages(), lang)
}

// replace takes a text in and says what is wrong with it.
func (s *source) replace(t Template, lang, name string, raw []byte) []string {
	tree, err := template.New("common").Parse(string(s.common))
	if err == nil {
		tree, err = tree.New(string(t)).Parse(string(raw))
	}
	if err != nil {
		return []string{name + ": " + strings.TrimPrefix(err.Error(), "template: ")}
	}
	var problems []string
	text := string(raw)
	at := strings.Index(text, "Subject: ")
	if at < 0 || strings.TrimSpace(text[:at]) != "" && !strings.HasPrefix(strings.TrimSpace(text), "{{") {
		return []string{name + ": does not begin with a line \"Subject: …\""}
	}
	subject, body, _ := strings.Cut(text[at:], "\n")
	line, err := template.New("subject").Parse(text[:at] + subject)
	if err != nil {
		return []string{name + ": the subject must stand on one line"}
	}
	for _, field := range fieldsIn(line) {
		if !slices.Contains([]string{"CaseNo", "Company", "NewDue", "Due", "Outcome"}, field) {
			problems = append(problems, name+": the subject line must not hold "+field+": subjects are read by others")
		}
	}
	if strings.ContainsAny(subject, "@") {
		problems = append(problems, name+": the subject line must not hold an address")
	}
	if strings.Contains(body, "://") || strings.Contains(body, "www.") {
		problems = append(problems, name+": holds a link; people type the portal's address themselves")
	}
	have := fieldsIn(tree)
	for _, field := range fieldsIn(s.letters[t]) {
		if !slices.Contains(have, field) && !slices.Contains(optional, field) {
			problems = append(problems, name+": leaves out "+field+", which the letter must say")
		}
	}
	s.letters[t], s.raw[t] = tree, raw
	for _, outcome := range []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.Withdrawn, dsr.NoData} {
		f := Sample()
		f.Outcome = string(outcome)
		if _, err := render(s, t, lang, f); err != nil {
			problems = append(problems, name+": "+err.Error())
			break
		}
	}
	return problems
}

// optional are fields that a text may leave out.
var optional = []string{"Salutation", "By", "Reason", "Officer", "Address", "Answerable", "Missing", "Withheld", "CodeExpires", "BackupsUntil", "Done", "Kept", "NotDone", "Others", "Told"}

// fieldsIn lists the fields that a template and those that it calls use.
func fieldsIn(t *template.Template) []string {
	var fields []string
	seen := map[string]bool{}
	var walk func(parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			walk(l)
		}
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			for _, sub := range n.Nodes {
				walk(sub)
			}
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.PipeNode:
			for _, cmd := range n.Cmds {
				for _, arg := range cmd.Args {
					walk(arg)
				}
			}
		case *parse.FieldNode:
			if !slices.Contains(fields, n.Ident[0]) {
				fields = append(fields, n.Ident[0])
			}
		case *parse.IfNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.WithNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.RangeNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.TemplateNode:
			if sub := t.Lookup(n.Name); sub != nil && !seen[n.Name] {
				seen[n.Name] = true
				walk(sub.Root)
			}
		}
	}
	if t.Tree != nil {
		walk(t.Root)
	}
	return fields
}

// Sample is a letter's fields with invented data, for previews and checks.
func Sample() Fields {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		zone = time.FixedZone("Asia/Shanghai", 8*3600)
	}
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, zone)
	}
	return Fields{
		CaseNo: "7QK2M-9XH4T", Salutation: "张**", Channel: "phone", ReceivedAt: at(11, 23, 10), DueAt: at(12, 23, 23), ExpiresAt: at(12, 8, 18),
		Zone: zone, Code: "048213", CodeMinutes: 10, PortalHost: "privacy.cloud.example", Systems: 3, Rows: 12345,
		Outcome: string(dsr.PartlyDone), Package: PackageFetched, Missing: []string{"示例系统 / Sample system"},
		Withheld: []Withheld{{Title: "示例系统 – 通话记录 / Sample system – call notes", Ground: "会损害他人权益 / it would harm the rights of others",
			Source: "GDPR Art. 15(4)", Facts: "记录中有他人的隐私 / They speak of other people."}},
		NewDueAt: time.Date(2027, 2, 23, 23, 0, 0, 0, zone), Ground: "请求较为复杂 / the request is complex", LawSource: "GDPR Art. 12(3)",
		Facts: "四个系统需要人工查找 / Four systems have to be read by hand.", Question: "您指的是哪一个账号？/ Which account do you mean?",
		ClockStops: true, Regulator: "您可以向主管部门投诉。/ You may complain to the authority.", Court: "您也可以向法院起诉。/ You may go to court.",
		WithdrawUntil: at(11, 28, 18), Certificate: strings.Repeat("0123456789abcdef", 4), Done: []string{"示例系统 / Sample system: 1"},
		Kept: []string{"发票 / Invoices: 3"}, NotDone: []string{"真实姓名 / Real name"}, Others: []string{"示例系统 – 工单 / Sample system – tickets"}, Told: []string{"示例接收方 / Sample recipient"}, BackupsUntil: time.Date(2027, 1, 2, 0, 0, 0, 0, zone), OtherCase: "7QK2M-9XH4T",
		Represents: dsr.RequesterGuardian, Representative: "示例代理人 / Sample agent",
		Purposes: []string{"营销 / Marketing"}, EndsAt: time.Date(2027, 1, 2, 9, 0, 0, 0, zone), EndWhy: "The check is done.",
		Company: datamap.Company{
			Name: datamap.Text{ZH: "示例云计算", EN: "Sample Cloud"}, Address: datamap.Text{ZH: "示例市示例路1号", EN: "1 Sample Road, Sample City"},
			From: "privacy@cloud.example", ReplyTo: "privacy@cloud.example", Hotline: "400-000-0000", Officer: "dpo@cloud.example",
		},
	}
}
