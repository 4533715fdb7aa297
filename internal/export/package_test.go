package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// -sample DIR leaves the unpacked packages there, to look at.
var sample = flag.String("sample", "", "write the example packages into this folder")

func TestPackage(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"zh", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := example(t, lang)
			m, zipped := b.assemble()
			files := unzip(t, zipped)
			if *sample != "" {
				leave(t, filepath.Join(*sample, lang), files)
			}
			if err := verify(zipped, b.keys.PublicKey()); err != nil {
				t.Error(err)
			}
			if m.Size != int64(len(zipped)) {
				t.Errorf("size %d, want %d", m.Size, len(zipped))
			}
			checkManifest(t, m, files)
			checkCopies(t, b, files)
			checkPages(t, b, files)
			checkContext(t, files)
		})
	}
}

func leave(t *testing.T, dir string, files map[string]string) {
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func checkManifest(t *testing.T, m Manifest, files map[string]string) {
	t.Helper()
	hash := sha256.Sum256([]byte(files[manifestFile]))
	if !bytes.Equal(hash[:], m.Hash()) {
		t.Error("the manifest's hash is not that of manifest.json")
	}
	parsed, err := ParseManifest([]byte(files[manifestFile]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(parsed.Hash(), m.Hash()) {
		t.Error("the hash changed by reading")
	}
	if len(m.Files) != len(files)-2 {
		t.Errorf("%d files are listed of %d", len(m.Files), len(files))
	}
	for _, f := range m.Files {
		sum := sha256.Sum256([]byte(files[f.Name]))
		if hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(files[f.Name])) != f.Size {
			t.Errorf("%s: size or SHA-256 differ", f.Name)
		}
	}
	want := ManifestCollection{
		Name: "support.messages", Rows: 2, Redacted: []string{"body", "agent"}, Withheld: []string{"internal_note"},
	}
	if diff := cmp.Diff(want, m.Collections[4]); diff != "" {
		t.Error(diff)
	}
	want = ManifestCollection{Name: "accounts.users", Rows: 1, Masked: []string{"id_number"}, Held: []string{"password_hash"}}
	if diff := cmp.Diff(want, m.Collections[0]); diff != "" {
		t.Error(diff)
	}
	for _, value := range []string{"王小明", "post.example", "1390000"} {
		if strings.Contains(files[manifestFile], value) {
			t.Errorf("the manifest holds %q", value)
		}
	}
}

// checkCopies: what needs no change is byte for byte what the database wrote.
func checkCopies(t *testing.T, b *bench, files map[string]string) {
	t.Helper()
	for i := range b.pkg.Entries {
		e := &b.pkg.Entries[i]
		if len(e.edits()) > 0 {
			continue
		}
		for format, from := range map[string]PartSource{"json": e.JSON, "csv": e.CSV} {
			r, err := ReadPart(bytes.NewReader(b.blobs[from.Name]), b.id)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if files[e.file(format)] != string(plain) {
				t.Errorf("%s is not what was collected", e.file(format))
			}
		}
	}
	for name, content := range files {
		if strings.HasSuffix(name, ".json") && !json.Valid([]byte(content)) {
			t.Errorf("%s is not JSON", name)
		}
		if strings.HasSuffix(name, ".csv") && !strings.HasPrefix(content, byteOrderMark) {
			t.Errorf("%s has no byte order mark", name)
		}
	}
}

func checkPages(t *testing.T, b *bench, files map[string]string) {
	t.Helper()
	index := files["index.html"]
	for _, want := range []string{
		"7QK2M-9XH4T", `<html lang="` + languages[b.pkg.Lang].Lang + `">`, "王小明", "192.0.2.199", "200", "457",
		`href="data/accounts/logins.csv"`, `href="context.html"`, "&lt;b&gt;201&lt;/b&gt;", "99999999999999999999.10",
	} {
		if !strings.Contains(index, want) {
			t.Errorf("the index does not show %q", want)
		}
	}
	if got := strings.Count(index, "Firefox/128.0"); got != shown {
		t.Errorf("%d rows of the log are shown, want %d", got, shown)
	}
	for _, hidden := range []string{"li.lei", "13800000002", "陈晓", "cc manager", "data:", "http://", "https://", "ZgotmplZ"} {
		if strings.Contains(index, hidden) {
			t.Errorf("the index shows %q", hidden)
		}
	}
	for _, name := range []string{"index.html", "context.html"} {
		if found := regexp.MustCompile(`(?i)<(script|img|link|iframe|object|form)|\son\w+=|javascript:|@import|url\(`).FindString(files[name]); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
		for _, target := range regexp.MustCompile(`href="([^"#][^"]*)"`).FindAllStringSubmatch(files[name], -1) {
			if _, ok := files[target[1]]; !ok {
				t.Errorf("%s links to %s, which is not there", name, target[1])
			}
		}
		for _, anchor := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(files[name], -1) {
			if !strings.Contains(files[name], `id="`+anchor[1]+`"`) {
				t.Errorf("%s has no #%s", name, anchor[1])
			}
		}
	}
}

func checkContext(t *testing.T, files map[string]string) {
	t.Helper()
	var c contextFile
	if err := json.Unmarshal([]byte(files["context.json"]), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Systems) != 3 || c.Systems[2].Region != "sg" || c.Systems[2].Recipient.EN != "Tinglan Service Desk" {
		t.Errorf("systems: %+v", c.Systems)
	}
	if got := c.Systems[1].Collections[0]; got.LegalBasis != "legal-obligation" || len(got.Recipients) != 2 || got.Retention.ZH == "" || got.Rows != 2 {
		t.Errorf("invoices: %+v", got)
	}
	how := map[string]string{}
	for _, col := range c.Systems[2].Collections[0].Columns {
		how[col.Name] = col.Exported
	}
	want := map[string]string{"id": Shown, "author": Shown, "body": Redacted, "agent": Redacted, "internal_note": Withheld, "sent_at": Shown}
	if diff := cmp.Diff(want, how); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(files["context.json"], "shard") || strings.Contains(files["context.html"], "shard") {
		t.Error("a column that the map ignores is listed")
	}
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	b := example(t, "en")
	m1, first := b.assemble()
	m2, second := b.assemble()
	if !bytes.Equal(first, second) || !bytes.Equal(m1.Hash(), m2.Hash()) {
		t.Error("the same package differs when it is made again")
	}
	b.pkg.Facts.Missing = nil
	if m3, _ := b.assemble(); bytes.Equal(m1.Hash(), m3.Hash()) {
		t.Error("another package has the same hash")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(b *bench)
		typ   string
	}{
		"no entries":     {func(b *bench) { b.pkg.Entries = nil }, contract.ErrNothingToShare},
		"no case":        {func(b *bench) { b.pkg.CaseID = "" }, contract.ErrBadInput},
		"other language": {func(b *bench) { b.pkg.Lang = "fr" }, contract.ErrBadInput},
		"twice":          {func(b *bench) { b.pkg.Entries = append(b.pkg.Entries, b.pkg.Entries[0]) }, contract.ErrBadInput},
		"unknown choice": {func(b *bench) { b.pkg.Entries[4].Choices["body"] = "hide" }, contract.ErrBadInput},
		"unknown column": {func(b *bench) { b.pkg.Entries[4].Choices["bodi"] = "keep" }, contract.ErrBadInput},
		"ignored column": {func(b *bench) { b.pkg.Entries[0].Choices = map[string]string{"shard": "keep"} }, contract.ErrBadInput},
		"path":           {func(b *bench) { b.pkg.Entries[0].Collection.Name = "../users" }, contract.ErrBadInput},
		"exchanged parts": {func(b *bench) {
			b.pkg.Entries[0].JSON.Name, b.pkg.Entries[1].JSON.Name = b.pkg.Entries[1].JSON.Name, b.pkg.Entries[0].JSON.Name
		}, contract.ErrTampered},
		"exchanged where rewritten": {func(b *bench) {
			b.blobs["support.messages.csv"] = b.blobs["accounts.users.csv"]
		}, contract.ErrTampered},
		"other hash": {func(b *bench) { b.pkg.Entries[1].CSV.Info.SHA256 = make([]byte, 32) }, contract.ErrTampered},
		"other size": {func(b *bench) { b.pkg.Entries[1].CSV.Info.Deflated++ }, contract.ErrTampered},
		"other rows": {func(b *bench) { b.pkg.Entries[4].CSV.Info.Rows++ }, contract.ErrTampered},
		"cut":        {func(b *bench) { c := b.blobs["accounts.logins.csv"]; b.blobs["accounts.logins.csv"] = c[:len(c)-1] }, contract.ErrTampered},
		"changed":    {func(b *bench) { c := b.blobs["accounts.logins.csv"]; c[len(c)/2] ^= 1 }, contract.ErrTampered},
		"not a part": {func(b *bench) { b.blobs["accounts.logins.csv"] = []byte("id,at\r\n") }, contract.ErrTampered},
		"another key": {func(b *bench) {
			other := newBench(b.t, "zh")
			other.part("x", 0, func(w io.Writer) { _, _ = io.WriteString(w, "[\n]\n") })
			b.blobs["accounts.users.json"] = other.blobs["x"]
		}, contract.ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := example(t, "zh")
			test.spoil(b)
			if _, _, err := b.tryAssemble(); !fault.Is(err, test.typ) {
				t.Errorf("%v, want type %s", err, test.typ)
			} else if strings.Contains(err.Error(), "王小明") {
				t.Errorf("the error quotes a value: %v", err)
			}
		})
	}
}

func TestEveryTextIsThere(t *testing.T) {
	t.Parallel()
	for lang, w := range languages {
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.String && v.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", lang, v.Type().Field(i).Name)
			}
		}
		for _, kind := range []string{Shown, Masked, Held, Redacted, Dropped, Withheld} {
			if w.Treatment[kind] == "" {
				t.Errorf("%s: no text for %s", lang, kind)
			}
		}
		for basis := range english.Bases {
			if w.Bases[basis] == "" {
				t.Errorf("%s: no text for %s", lang, basis)
			}
		}
	}
}

func TestEmptyCompany(t *testing.T) {
	t.Parallel()
	b := newBench(t, "zh")
	b.pkg.Company, b.pkg.Facts = datamap.Company{}, Facts{}
	b.add(&datamap.Collection{
		System: &datamap.System{Name: "a"}, Name: "b", Columns: []*datamap.Column{{Name: "x", Category: "user"}},
	}, []string{`{"x":{"y":[1,2]}}`}, []string{`"{""y"":[1,2]}"`}, nil)
	_, zipped := b.assemble()
	if err := verify(zipped, b.keys.PublicKey()); err != nil {
		t.Error(err)
	}
}
