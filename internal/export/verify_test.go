package export

import (
	"bytes"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestVerifyPackageFinds(t *testing.T) {
	t.Parallel()
	b := example(t, "zh")
	_, zipped := b.assemble()
	stranger := newBench(t, "zh")
	if err := verify(zipped, stranger.keys.PublicKey()); !fault.Is(err, contract.ErrBadSignature) {
		t.Errorf("another installation's key: %v", err)
	}
	files := unzip(t, zipped)
	for name, change := range map[string]func(map[string]string){
		"a byte changed":       func(f map[string]string) { f["data/accounts/users.csv"] += " " },
		"a page changed":       func(f map[string]string) { f["index.html"] = strings.Replace(f["index.html"], "457", "456", 1) },
		"a file gone":          func(f map[string]string) { delete(f, "data/accounts/users.csv") },
		"a file more":          func(f map[string]string) { f["data/accounts/more.csv"] = "" },
		"a file renamed":       func(f map[string]string) { f["x"] = f["context.json"]; delete(f, "context.json") },
		"no signature":         func(f map[string]string) { delete(f, signatureFile) },
		"no manifest":          func(f map[string]string) { delete(f, manifestFile) },
		"the manifest changed": func(f map[string]string) { f[manifestFile] = strings.Replace(f[manifestFile], "457", "456", 1) },
	} {
		changed := map[string]string{}
		for k, v := range files {
			changed[k] = v
		}
		change(changed)
		err := verify(rezip(t, changed), b.keys.PublicKey())
		if !fault.Is(err, contract.ErrTampered) && !fault.Is(err, contract.ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verify(rezip(t, files), b.keys.PublicKey()); err != nil {
		t.Errorf("packed again: %v", err)
	}
	if err := verify([]byte("no zip"), b.keys.PublicKey()); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("no ZIP: %v", err)
	}
	m, err := ReadManifest(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil || m.Case != b.pkg.CaseID {
		t.Errorf("manifest of %q, %v", m.Case, err)
	}
}
