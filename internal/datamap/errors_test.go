package datamap

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wrongs are mistakes in one file of the example: pairs of old and new text. What is said about
// them stands in testdata/wrong.
var wrongs = []struct {
	name, file string
	changes    []string
}{
	{"typo-in-key", "accounts.yaml", []string{"legal_basis:", "legal_bases:"}},
	{"typo-in-nested-key", "accounts.yaml", []string{"since: email_since", "sinse: email_since"}},
	{"key-of-another-spelling", "company.yaml", []string{"reply_to:", "Reply-To:"}},
	{"key-unlike-any", "accounts.yaml", []string{"deputy:", "sql:"}},
	{"typo-in-link-target", "billing.yaml", []string{"to: invoices", "to: invoice"}},
	{"typo-in-link-system", "billing.yaml", []string{"accounts.users", "account.users"}},
	{"link-target-in-other-system", "billing.yaml", []string{"accounts.users", "users"}},
	{"typo-in-link-column", "accounts.yaml", []string{"to_columns: [id]", "to_columns: [uid]"}},
	{"link-of-other-length", "billing.yaml", []string{"columns: [account_id, number], to", "columns: [account_id], to"}},
	{"link-twice", "accounts.yaml", []string{"      - {columns: [user_id], to: users, relation: belongs, deletion: deep}",
		"      - {columns: [user_id], to: users, relation: belongs, deletion: deep}\n      - {columns: [user_id], to: users, relation: refers, deletion: shallow}"}},
	{"deep-for-shared-rows", "billing.yaml", []string{"relation: belongs, deletion: shallow", "relation: refers, deletion: deep"}},
	{"unclassified-column", "accounts.yaml", []string{"ip: {category: user.device.ip_address}", "ip:"}},
	{"unclassified-column-with-title", "accounts.yaml", []string{"ip: {category: user.device.ip_address}", "ip: {title: {zh: 地址, en: Address}}"}},
	{"ignored-and-classified", "accounts.yaml", []string{"{ignore: a copy", "{category: user.name, ignore: a copy"}},
	{"ignored-without-reason", "accounts.yaml", []string{"{ignore: a copy of name and login name for the search box}", "{ignore: }"}},
	{"wrong-type-text", "company.yaml", []string{`"400-000-0000"`, "4000000000"}},
	{"wrong-type-list", "accounts.yaml", []string{"key: [id]", "key: id"}},
	{"wrong-type-mapping", "accounts.yaml", []string{"title: {zh: 账户系统, en: Accounts}", "title: 账户系统"}},
	{"wrong-type-number", "accounts.yaml", []string{"connections: 8", "connections: many"}},
	{"wrong-type-truth", "accounts.yaml", []string{"own_record_only: true", "own_record_only: yes"}},
	{"tab-indentation", "accounts.yaml", []string{"\n  users:", "\n\tusers:"}},
	{"broken-yaml", "accounts.yaml", []string{"key: [id]", "key: [id"}},
	{"duplicate-key", "accounts.yaml", []string{"region: cn", "region: cn\nregion: us"}},
	{"duplicate-column", "accounts.yaml", []string{"      language: {", "      email: {"}},
	{"duplicate-system", "billing.yaml", []string{"system: billing", "system: accounts"}},
	{"anchor", "billing.yaml", []string{"title: {zh: 计费系统, en: Billing}", "title: &t {zh: 计费系统, en: Billing}"}},
	{"newer-version", "billing.yaml", []string{"version: 1", "version: 2"}},
	{"unknown-driver", "billing.yaml", []string{"driver: postgres", "driver: postgresql"}},
	{"unknown-category", "accounts.yaml", []string{"category: user.device.ip_address", "category: user.ip_address"}},
	{"category-by-prefix", "accounts.yaml", []string{"category: user.device.ip_address", "category: user.device.ip_address.v4"}},
	{"withdrawn-category", "accounts.yaml", []string{"category: user.device.ip_address", "category: user.telemetry"}},
	{"unknown-identity", "accounts.yaml", []string{"identity: national_id", "identity: nationalid"}},
	{"unknown-channel", "accounts.yaml", []string{"kind: mobile", "kind: sms"}},
	{"unknown-language", "company.yaml", []string{"languages: [zh, en]", "languages: [zh, fr]"}},
	{"missing-language", "billing.yaml", []string{"{zh: 税务机关, en: The tax authority}", "{zh: 税务机关}"}},
	{"mask-without-use", "billing.yaml", []string{"export: show", "export: show, mask: all"}},
	{"mask-missing", "accounts.yaml", []string{"ip: {category: user.device.ip_address", "ip: {category: user.device.ip_address, export: mask"}},
	{"secret-shown", "accounts.yaml", []string{"category: user.authorization.password,", "category: user.authorization.password, export: show,"}},
	{"directory-column", "accounts.yaml", []string{"account: login_name", "account: loginname"}},
	{"directory-without-match", "accounts.yaml", []string{"    match:\n      - {column: email, identity: email}\n    links", "    links"}},
	{"channel-ignored", "accounts.yaml", []string{"email: {category: user.contact.email, third_party: true, mask: email}", "email: {ignore: not ours}"}},
	{"unreached", "accounts.yaml", []string{"    links:\n      - {columns: [user_id], to: users, to_columns: [id], relation: belongs, deletion: deep}\n", ""}},
	{"bad-patience", "accounts.yaml", []string{"patience: 2d", "patience: two days"}},
	{"bad-region", "accounts.yaml", []string{"region: cn", "region: China"}},
	{"bad-mailbox", "company.yaml", []string{"privacy@cloud.example", "privacy at cloud.example"}},
	{"bad-system-name", "billing.yaml", []string{"system: billing", "system: Billing_1"}},
	{"bad-table", "billing.yaml", []string{"table: billing.invoices", "table: invoices"}},
	{"valid-without-at", "accounts.yaml", []string{"to_columns: [id], relation: belongs, deletion: deep}",
		"to_columns: [id], relation: belongs, deletion: deep, valid: {from: email_since, untill: mobile_since}}"}},
	{"valid-column", "accounts.yaml", []string{"to_columns: [id], relation: belongs, deletion: deep}",
		"to_columns: [id], relation: belongs, deletion: deep, valid: {from: emailsince, at: att}}"}},
	{"valid-says-nothing", "billing.yaml", []string{"to: invoices, relation: belongs, deletion: deep}", "to: invoices, relation: belongs, deletion: deep, valid: {}}"}},
	{"condition-op", "accounts.yaml", []string{"{column: mobile, identity: mobile}",
		"{column: mobile, identity: mobile, valid: {when: {all: [{column: language, op: equals, value: zh}, {column: language, op: in, value: zh}, {column: language, op: is_null, value: x}]}}}"}},
	{"condition-shape", "accounts.yaml", []string{"{column: mobile, identity: mobile}",
		"{column: mobile, identity: mobile, valid: {when: {any: [], column: language}}}"}},
	{"condition-sql", "accounts.yaml", []string{"{column: mobile, identity: mobile}", `{column: mobile, identity: mobile, valid: {when: "language = 'zh'"}}`}},
	{"own-identity", "company.yaml", []string{"law: cn-pipl", "law: cn-pipl\nidentities:\n  email: {normaliser: text}\n  Badge: {normaliser: lower}\n  plate: {normaliser: text, pattern: \"(\"}\n  card: {}"}},
	{"expr-two-ways", "billing.yaml", []string{"to: accounts.users, relation: belongs, deletion: shallow}", "to: accounts.users, relation: belongs, deletion: shallow, expr: {prefix: 3, json_path: [a]}}"}},
	{"expr-many-columns", "billing.yaml", []string{"to: invoices, relation: belongs, deletion: deep}", "to: invoices, relation: belongs, deletion: deep, expr: {prefix: 0}}"}},
	{"follow-elsewhere", "billing.yaml", []string{"to: invoices, relation: belongs, deletion: deep}", "to: invoices, relation: belongs, deletion: deep, follow: up, shared: hide}"}},
	{"from-without-use", "billing.yaml", []string{"    links:\n      - {columns: [account_id], to: accounts", "    match:\n      - {column: number, identity: account, valid: {from: number}}\n    links:\n      - {columns: [account_id], to: accounts"}},
	{"widens-own-record", "accounts.yaml", []string{"      - {column: email, identity: email}\n    links", "      - {column: email, identity: email, widens: true}\n    links"}},
	{"path-shape", "billing.yaml", []string{"number: {category: user.financial}", `number: {category: user.financial, sensitivity: secret, paths: {a..b: {category: user.name}, a.b: {mask: email}, c: {category: user.nam}}}`}},
	{"ignored-tables", "billing.yaml", []string{"collections:", "ignore_tables:\n  billing.invoices: not ours\n  migrations: tool\n  a.b:\ncollections:"}},
	{"fact-unasked", "accounts.yaml", []string{"mobile: {", "mobile: {fact: true, ", "ip: {category: user.device.ip_address", "ip: {category: user.device.ip_address, fact: true"}},
	{"deletion-shape", "billing.yaml", []string{"    links:\n      - {columns: [account_id], to: accounts", "    deletion: {action: keep, law: {zh: 法, en: Law}, since: issued, for: ten years, then: keep, blocked: {column: number}}\n    links:\n      - {columns: [account_id], to: accounts"}},
	{"deletion-action", "billing.yaml", []string{"    links:\n      - {columns: [account_id], to: accounts", "    deletion: {action: anonymize, until: \"2030\"}\n    links:\n      - {columns: [account_id], to: accounts"}},
	{"deletion-without-erase", "accounts.yaml", []string{"    directory:\n      account:", "    deletion: {action: anonymise}\n    directory:\n      account:"}},
	{"erase-without-use", "accounts.yaml", []string{"ip: {category: user.device.ip_address", "ip: {category: user.device.ip_address, erase: {with: truncate, to: net}"}},
	{"erase-wrong", "accounts.yaml", []string{"    directory:\n      account:", "    deletion: {action: anonymise, since: email}\n    directory:\n      account:", "email_since: {", "email_since: {erase: constant, ", "language: {", "language: {erase: {with: hash, keep: 3}, "}},
	{"bad-bounds", "company.yaml", []string{"law: cn-pipl", "law: cn-pipl\ndeletion: {limit_rows: 0, limit_percent: 101, strong: [email, phone], rows: 1}"}},
	{"bad-backups", "billing.yaml", []string{"region: cn", "region: cn\nbackups: 5 weeks"}},
	{"expiry-shape", "accounts.yaml", []string{"      ip: {category: user.device.ip_address}", `      ip: {category: user.device.ip_address}
    expiry:
      after: half a year
      since: att
      missing: nevr
      zone: Beijing
      when: {column: ipp, op: eq, value: x}
      action: block
      marked: {column: id}
      until: 2w
      at_least: [{for: 6m, since: at, law: {zh: 法}}, {fr: 1y}]
      purpose: {zh: 安全, en: Security}
      legal_basis: law
      usual: 0`}},
	{"expiry-action", "accounts.yaml", []string{"      ip: {category: user.device.ip_address}", `      ip: {category: user.device.ip_address}
    expiry: {after: 3y, since: {parent: user, column: email_sinse}, missing: {since: at}, action: anonymise, until: 1y, purpose: {zh: 安全, en: Security}, legal_basis: contract}`}},
	{"expiry-sweep", "accounts.yaml", []string{"connections: 8", "connections: 8\nsweep: {at: 3:30, zone: Local, rate: 0, batch: 5}"}},
	{"expiry-window-form", "accounts.yaml", []string{"connections: 8", `connections: 8
sweep: {zone: Asia/Shanghai, window: "1-5 am"}`}},
	{"expiry-window-short", "accounts.yaml", []string{"connections: 8", `connections: 8
sweep: {zone: Asia/Shanghai, window: "03:00-03:00"}`}},
	{"expiry-window-zone", "accounts.yaml", []string{"connections: 8", `connections: 8
sweep: {window: "01:00-05:00"}`}},
	{"expiry-window-at", "accounts.yaml", []string{"connections: 8", `connections: 8
sweep: {at: "12:00", zone: Asia/Shanghai, window: "01:00-05:00"}`}},
	{"expiry-sweep-yield", "accounts.yaml", []string{"connections: 8", "connections: 8\nsweep: {yield: 101}"}},
	{"owner-staff", "accounts.yaml", []string{"connections: 8", "connections: 8\nowner_staff: [chen.yu, Dai, chen.yu, dai@cloud.example]"}},
	{"owner-staff-empty", "accounts.yaml", []string{"connections: 8", "connections: 8\nowner_staff: []"}},
	{"several-at-once", "accounts.yaml", []string{
		"driver: postgres", "driver: postgers", "owner: accounts team\n", "", "key: [id]", "key: [ID]",
		"ip: {category: user.device.ip_address}", "ip: {}", "to: users, relation", "to: user, relation",
	}},
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, w := range wrongs {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			golden(t, w.name, exampleFS(t, w.file, w.changes...))
		})
	}
}

func TestErrorsAboutFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(fstest.MapFS){
		"missing-company": func(fsys fstest.MapFS) { delete(fsys, CompanyFile) },
		"no-system":       func(fsys fstest.MapFS) { delete(fsys, "accounts.yaml"); delete(fsys, "billing.yaml") },
		"yml":             func(fsys fstest.MapFS) { fsys["more.yml"] = &fstest.MapFile{Data: []byte("a: 1")} },
		"empty-file":      func(fsys fstest.MapFS) { fsys["more.yaml"] = &fstest.MapFile{Data: []byte("# later\n")} },
		"list-file":       func(fsys fstest.MapFS) { fsys["more.yaml"] = &fstest.MapFile{Data: []byte("- 1\n")} },
		"two-documents": func(fsys fstest.MapFS) {
			fsys["more.yaml"] = &fstest.MapFile{Data: []byte("version: 1\n---\nversion: 1\n")}
		},
		"not-utf8": func(fsys fstest.MapFS) {
			fsys["more.yaml"] = &fstest.MapFile{Data: []byte("version: 1\ntitle: \xd5\xca\xbb\xa7\n")}
		},
		// A name in a file that cannot be read must not look like a mistake of the files that use it.
		"broken-neighbour": func(fsys fstest.MapFS) { fsys["accounts.yaml"] = &fstest.MapFile{Data: []byte("version: [\n")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := exampleFS(t, "")
			change(fsys)
			golden(t, name, fsys)
		})
	}
}

func golden(t *testing.T, name string, fsys fstest.MapFS) {
	t.Helper()
	_, err := LoadFS(fsys)
	if err == nil {
		t.Fatal("the map loads")
	}
	got := err.Error() + "\n"
	path := filepath.Join("testdata", "wrong", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGoldenFilesAreAllUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, w := range wrongs {
		if used[w.name] {
			t.Errorf("%s stands twice", w.name)
		}
		used[w.name] = true
	}
	for _, name := range []string{"missing-company", "no-system", "yml", "empty-file", "list-file", "two-documents", "not-utf8", "broken-neighbour"} {
		used[name] = true
	}
	files, err := os.ReadDir("testdata/wrong")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[strings.TrimSuffix(f.Name(), ".txt")] {
			t.Errorf("no test uses %s", f.Name())
		}
	}
}

// worked is the time that a processor has spent on this goroutine's thread, to which it is bound from
// now on: what else the machine does is not in it.
func worked(t *testing.T) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	const thread = 1 // RUSAGE_THREAD
	var use syscall.Rusage
	if err := syscall.Getrusage(thread, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// Files made to be slow to read are refused before the parser sees them.
func TestHostileFilesAreRefusedFast(t *testing.T) {
	t.Parallel()
	steps := func() []byte {
		var b bytes.Buffer
		for i := range 1000 {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.Bytes()
	}
	bomb := "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
	for name, data := range map[string][]byte{
		"too large":      bytes.Repeat([]byte("# a long file\n"), maxFile/14+1),
		"deep lists":     bytes.Repeat([]byte("["), 1<<20),
		"deep mappings":  bytes.Repeat([]byte("{a: "), 1<<18),
		"deep steps":     steps(),
		"deep dashes":    bytes.Repeat([]byte("- "), 1<<19),
		"wide mapping":   bytes.Repeat([]byte("k: v\n"), 1<<19),
		"wide flow":      append([]byte("a: {"), bytes.Repeat([]byte("k: v, "), 1<<19)...),
		"wide list":      append([]byte("a:\n"), bytes.Repeat([]byte("- v\n"), 1<<19)...),
		"questions":      bytes.Repeat([]byte("? "), 1<<19),
		"bomb":           []byte(bomb),
		"merge":          []byte("a: 1\n<<: {b: 2}\n"),
		"tag":            []byte("a: !!binary aGVsbG8=\n"),
		"directive":      []byte("%YAML 1.2\n---\na: 1\n"),
		"only a bracket": []byte("}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := exampleFS(t, "")
			fsys["more.yaml"] = &fstest.MapFile{Data: data}
			start := worked(t)
			_, err := LoadFS(fsys)
			if err == nil {
				t.Fatal("the map loads")
			}
			if len(err.Error()) > 2000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			// The parser alone takes minutes for some of these.
			if took := worked(t) - start; took > 20*time.Second {
				t.Errorf("reading took %v", took)
			}
		})
	}
}
