package certificate

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := seal.Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sample() Certificate {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
	return Certificate{
		Version: Version, Installation: "i", Company: datamap.Text{ZH: "示例云计算", EN: "Sample Cloud"}, Case: "7QK2M-9XH4T",
		Laws: []string{"cn-pipl"}, Ground: "consent-withdrawn", Outcome: "fulfilled", Received: day(1), Agreed: day(2), Begun: day(5), Ended: day(5),
		PlanHash: strings.Repeat("ab", 32), Approvals: []string{"T1", "T2"},
		Systems: []System{{Name: datamap.Text{ZH: "账户 & <系统>", EN: "Accounts </script>"}, State: Done, Classes: []Class{
			{Name: datamap.Text{EN: "Users"}, Action: "delete", Planned: 3, Deleted: 3},
			{Name: datamap.Text{EN: "Invoices"}, Action: "keep", Planned: 7, Law: "Accounting law, Art. 23", Until: "2036-12-31"}}}},
	}
}

func TestCertificateVerifiesOffline(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	file, err := Sign(sample(), keys.PublicKey(), keys.Sign)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"json": file}
	for _, lang := range []string{"zh", "en"} {
		if files[lang], err = Page(file, lang); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range files {
		got, _, err := Verify(raw, keys.PublicKey())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(sample(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if _, _, err := Verify(raw, newKeys(t).PublicKey()); !fault.Is(err, contract.ErrBadSignature) {
			t.Errorf("%s held against another installation's key: %v", name, err)
		}
		// The last digit of a count, wherever the signed data stands in the file.
		at := bytes.LastIndex(raw, []byte(`"planned": 7`))
		if at < 0 {
			t.Fatalf("%s does not carry the count", name)
		}
		changed := bytes.Clone(raw)
		changed[at+len(`"planned": `)] = '8'
		if _, _, err := Verify(changed, nil); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("%s with another count: %v", name, err)
		}
	}
	if !strings.Contains(string(files["zh"]), "个人信息删除证明") || !strings.Contains(string(files["en"]), "kept") {
		t.Error("the pages do not speak their languages")
	}
	if n := strings.Count(string(files["en"]), "</script>"); n != 1 {
		t.Errorf("%d ends of a script: a name broke out of the data", n)
	}
	if _, _, err := Verify([]byte("nonsense"), nil); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("nonsense: %v", err)
	}
}
