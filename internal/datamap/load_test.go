package datamap

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files again")

const exampleDir = "testdata/example"

func example(t testing.TB) *Map {
	t.Helper()
	m, err := Load(exampleDir)
	if err != nil {
		t.Fatalf("the example does not load:\n%v", err)
	}
	return m
}

func TestLoadReadsEveryKey(t *testing.T) {
	t.Parallel()
	m := example(t)
	accounts := m.System("accounts")
	if accounts == nil || len(m.Systems) != 2 {
		t.Fatalf("systems: %v", m.Systems)
	}
	got := *accounts
	got.Collections = nil
	want := System{
		Name: "accounts", Title: Text{"账户系统", "Accounts"}, Driver: "postgres", Region: "cn",
		Owner: "accounts team", Deputy: "platform team", Patience: 48 * time.Hour, Connections: 8,
		File: filepath.Join(exampleDir, "accounts.yaml"), Sweep: DefaultSweep,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	billing := m.System("billing")
	if billing.Patience != DefaultPatience || billing.Connections != DefaultConnections ||
		billing.Recipient.EN != "Example Ledgers Ltd" {
		t.Errorf("billing: %+v", billing)
	}
	if diff := cmp.Diff(Company{
		Name: Text{"云例科技有限公司", "Cloud Example Ltd"}, From: "privacy@cloud.example",
		ReplyTo: "help@cloud.example", Hotline: "400-000-0000", Officer: "privacy-officer@cloud.example",
		Address: Text{"某市某路 1 号", "1 Example Road"}, Languages: []string{"zh", "en"}, Law: "cn-pipl", Purposes: builtIn,
		Limits: Limits{Rows: 100_000, Percent: 5}, Strong: []string{"email", "mobile", "national_id", "account"},
	}, m.Company); diff != "" {
		t.Errorf("company (-want +got):\n%s", diff)
	}
}

func TestLoadReadsACollection(t *testing.T) {
	t.Parallel()
	m := example(t)
	users := m.System("accounts").Collection("users")
	if diff := cmp.Diff(&Directory{Account: "login_name", Language: "language", Channels: []Channel{
		{"email", "email", "email_since"}, {"mobile", "mobile", "mobile_since"},
	}}, users.Directory); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
	columns := map[string]Column{}
	for _, c := range users.Columns {
		c := *c
		c.Line, c.Title = 0, Text{}
		columns[c.Name] = c
	}
	for name, want := range map[string]Column{
		"id_number":     {Category: "user.government_id.national_identification_number", Export: ExportMask, Mask: MaskIDNumber},
		"password_hash": {Category: "user.authorization.password", Export: ExportHeld},
		"real_name":     {Category: "pd:Name", Export: ExportShow},
		"search_text":   {Ignore: "a copy of name and login name for the search box"},
	} {
		want.Name = name
		if diff := cmp.Diff(want, columns[name]); diff != "" {
			t.Errorf("column %s (-want +got):\n%s", name, diff)
		}
	}
	if got := users.Column("email_since").Title.In("en"); got != "email_since" {
		t.Errorf("a column without a title is called %q", got)
	}
	logs := m.System("accounts").Collection("login_logs")
	if logs.Schema != "Log" || logs.Table != "login_logs" {
		t.Errorf("table is %q.%q", logs.Schema, logs.Table)
	}
	contacts := m.System("accounts").Collection("contacts")
	if !contacts.Directory.OwnRecordOnly || len(contacts.ThirdParty()) != 2 || contacts.Column("email").Export != ExportMask {
		t.Errorf("contacts: %+v", contacts)
	}
	if len(m.Directories()) != 2 {
		t.Errorf("directories: %d", len(m.Directories()))
	}
}

func TestLoadFollowsLinksAcrossSystems(t *testing.T) {
	t.Parallel()
	m := example(t)
	billing := m.System("billing")
	invoices, lines := billing.Collection("invoices"), billing.Collection("invoice_lines")
	up := invoices.Links[0]
	if up.From != invoices || up.To != m.System("accounts").Collection("users") ||
		!cmp.Equal(up.ToColumns, []string{"id"}) || up.Relation != Belongs || up.Deletion != Shallow {
		t.Errorf("link of invoices: %+v", up)
	}
	if l := lines.Links[0]; l.To != invoices || !cmp.Equal(l.ToColumns, []string{"account_id", "number"}) {
		t.Errorf("link of lines: %+v", l)
	}
	if left := m.Unreached(); len(left) != 0 {
		t.Errorf("unreached: %v", left)
	}
}

// exampleFS is the example with some files changed: old text to new text.
func exampleFS(t testing.TB, file string, changes ...string) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	entries, err := os.ReadDir(exampleDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(exampleDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() == file {
			text := string(data)
			for i := 0; i < len(changes); i += 2 {
				if !strings.Contains(text, changes[i]) {
					t.Fatalf("%s does not hold %q", file, changes[i])
				}
				text = strings.Replace(text, changes[i], changes[i+1], 1)
			}
			data = []byte(text)
		}
		fsys[e.Name()] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func TestHashIsOfWhatTheFilesSay(t *testing.T) {
	t.Parallel()
	base := example(t).Hash
	if len(base) != 64 {
		t.Fatalf("hash is %q", base)
	}
	hash := func(file string, changes ...string) string {
		m, err := LoadFS(exampleFS(t, file, changes...))
		if err != nil {
			t.Fatal(err)
		}
		return m.Hash
	}
	for what, got := range map[string]string{
		"nothing":  hash(""),
		"comments": hash("accounts.yaml", "system: accounts", "# a word\nsystem: \"accounts\" # more"),
	} {
		if got != base {
			t.Errorf("changing %s changes the hash", what)
		}
	}
	for what, got := range map[string]string{
		"a column":    hash("accounts.yaml", "      ip: {", "      ip_address: {"),
		"the order":   hash("accounts.yaml", "zh: 姓名, en: Name", "en: Name, zh: 姓名"),
		"the company": hash("company.yaml", "help@", "helpdesk@"),
		"a number":    hash("accounts.yaml", "connections: 8", "connections: 9"),
	} {
		if got == base {
			t.Errorf("changing %s leaves the hash", what)
		}
	}
}

func TestCyclesMayBe(t *testing.T) {
	t.Parallel()
	_, err := LoadFS(exampleFS(t, "accounts.yaml",
		"    columns:\n      id: {category: user.unique_id, title",
		"    links:\n      - {columns: [id], to: login_logs, to_columns: [user_id], relation: refers, deletion: shallow}\n"+
			"      - {columns: [id], to: users, to_columns: [login_name], relation: refers, deletion: shallow}\n"+
			"    columns:\n      id: {category: user.unique_id, title"))
	if err != nil {
		t.Errorf("links in a circle are refused:\n%v", err)
	}
}

func TestProblemsAreTheCallersToMend(t *testing.T) {
	t.Parallel()
	_, err := LoadFS(exampleFS(t, "company.yaml", "law: cn-pipl", "law: cn-pip"))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("error: %v", err)
	}
	want := Problem{File: "company.yaml", Line: 8, Column: 6, Text: `unknown law "cn-pip"`, Hint: "cn-pipl"}
	if diff := cmp.Diff(want, problems[0]); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if !fault.Is(err, contract.ErrBadInput) || fault.As(err).Hint == "" {
		t.Errorf("the error is not classified: %#v", err)
	}
}

// What editors on other systems leave in a file changes nothing, and columns are counted in
// characters.
func TestLoadTakesTextAsEditorsWriteIt(t *testing.T) {
	t.Parallel()
	base := example(t).Hash
	fsys := exampleFS(t, "")
	for _, file := range fsys {
		file.Data = []byte("\ufeff" + strings.ReplaceAll(string(file.Data), "\n", "\r\n"))
	}
	m, err := LoadFS(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if m.Hash != base {
		t.Error("line ends change the hash")
	}
	_, err = LoadFS(exampleFS(t, "accounts.yaml", "title: {zh: 账户系统, en: Accounts}", "title: {zh: 账户系统, En: Accounts}"))
	if want := `accounts.yaml:3:19: unknown key "En" (did you mean en?)`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error: %v", err)
	}
}

func TestLoadReadsWhatLiesBehindLinks(t *testing.T) {
	t.Parallel()
	// As a ConfigMap is mounted: hidden folders, and links into them.
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "..data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, file := range exampleFS(t, "") {
		if err := os.WriteFile(filepath.Join(dir, "..data", name), file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Hash != example(t).Hash {
		t.Error("the folder's name changes the hash")
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "pipe.yaml: this is not a plain file") {
		t.Errorf("error: %v", err)
	}
}

func TestLoadOfNoFolder(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), "load_test.go"} {
		_, err := Load(dir)
		if !fault.Is(err, contract.ErrBadInput) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
