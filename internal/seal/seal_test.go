package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

const (
	refA = contract.Ref("case/AAAAA-AAAAA")
	refB = contract.Ref("case/BBBBB-BBBBB")
)

// newKeys makes and opens the keys of a fresh installation.
func newKeys(t testing.TB) (*Keys, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys, dir
}

func newRefKey(t testing.TB, k *Keys, ref contract.Ref) (*RefKey, []byte) {
	t.Helper()
	r, wrapped, err := k.NewRefKey(ref)
	if err != nil {
		t.Fatal(err)
	}
	return r, wrapped
}

// wantType fails unless err is classified as typ; with a hint where wanted.
func wantType(t *testing.T, err error, typ string) *fault.Error {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Type != typ {
		t.Fatalf("got %v, want an error of type %s", err, typ)
	}
	return e
}

func TestInit(t *testing.T) {
	t.Parallel()
	keys, dir := newKeys(t)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v; want mode 0700", info.Mode(), err)
	}
	for _, name := range []string{fileAEAD, filePRF, fileSign} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v; want mode 0600", name, err)
		}
	}
	if got := keys.Installation(); len(got) != 32 {
		t.Errorf("installation %q, want 32 hex digits", got)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.Installation() != keys.Installation() {
		t.Error("the installation's name changed between two openings")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestInitRefusesToWriteOver(t *testing.T) {
	t.Parallel()
	for _, name := range []string{fileAEAD, filePRF, fileSign} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantType(t, Init(dir), contract.ErrConflict)
		files, _ := os.ReadDir(dir)
		if len(files) != 1 {
			t.Errorf("with %s there, Init left %d files", name, len(files))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{fileAEAD, filePRF, fileSign} {
		for what, spoil := range map[string]func(path string) error{
			"missing": os.Remove,
			"wide":    func(path string) error { return os.Chmod(path, 0o640) },
			"garbage": func(path string) error { return os.WriteFile(path, []byte("{}"), 0o600) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				_, dir := newKeys(t)
				if err := spoil(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				_, err := Open(dir)
				if e := wantType(t, err, contract.ErrBadInput); e.Hint == "" {
					t.Errorf("%v: no hint", e)
				}
			})
		}
	}
}

func TestOpenRefusesExchangedFiles(t *testing.T) {
	t.Parallel()
	_, dir := newKeys(t)
	raw, err := os.ReadFile(filepath.Join(dir, fileAEAD))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileSign), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wantType(t, err, contract.ErrBadInput)
}

func TestFieldsAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	a, _ := newRefKey(t, keys, refA)
	b, _ := newRefKey(t, keys, refB)
	plain := []byte("王小明 li@post.example")
	sealed, err := a.Seal("request", plain)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("post.example")) {
		t.Fatal("the sealed field can be read")
	}
	if got, err := a.Open("request", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("opened %q, %v", got, err)
	}
	again, _ := a.Seal("request", plain)
	if bytes.Equal(again, sealed) {
		t.Error("the same value sealed twice gives the same bytes")
	}
	_, err = a.Open("requester", sealed)
	wantType(t, err, contract.ErrTampered)
	_, err = b.Open("request", sealed)
	wantType(t, err, contract.ErrTampered)
	// Also where both references had the same key: the reference itself is bound.
	moved := &RefKey{ref: refB, aead: a.aead, parts: a.parts}
	_, err = moved.Open("request", sealed)
	wantType(t, err, contract.ErrTampered)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := a.Open("request", bad); !fault.Is(err, contract.ErrTampered) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	_, err = a.Open("request", nil)
	wantType(t, err, contract.ErrTampered)
}

func TestRefKeyIsBoundToItsRef(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	stranger, _ := newKeys(t)
	a, wrapped := newRefKey(t, keys, refA)
	sealed, err := a.Seal("f", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := keys.OpenRefKey(refA, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := opened.Open("f", sealed); err != nil || string(got) != "value" {
		t.Errorf("opened %q, %v", got, err)
	}
	_, err = keys.OpenRefKey(refB, wrapped)
	wantType(t, err, contract.ErrTampered)
	_, err = stranger.OpenRefKey(refA, wrapped)
	wantType(t, err, contract.ErrTampered)
	_, err = keys.OpenRefKey(refA, wrapped[:len(wrapped)-1])
	wantType(t, err, contract.ErrTampered)
	_, err = keys.OpenRefKey(refA, nil)
	wantType(t, err, contract.ErrTampered)
}

func TestAgeIdentity(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	a, wrapped := newRefKey(t, keys, refA)
	identity, err := a.Age()
	if err != nil {
		t.Fatal(err)
	}
	var blob bytes.Buffer
	w, err := age.Encrypt(&blob, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("blob")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opened, _ := keys.OpenRefKey(refA, wrapped)
	same, err := opened.Age()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := age.Decrypt(bytes.NewReader(blob.Bytes()), same); err != nil {
		t.Errorf("the blob does not open after wrapping and opening the key: %v", err)
	}
	other, _ := newRefKey(t, keys, refB)
	wrong, _ := other.Age()
	if _, err := age.Decrypt(bytes.NewReader(blob.Bytes()), wrong); err == nil {
		t.Error("the blob opens with the key of another reference")
	}
}
