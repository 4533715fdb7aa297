package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/habeas-dsr/habeas/internal/contract"
)

func TestStaffKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "wang.key")
	key, err := NewStaffKey("wang", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteStaffKey(path, key, "correct horse 电池"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	raw, _ := os.ReadFile(path)
	for _, secret := range []string{string(key.Private.Seed()), base64.StdEncoding.EncodeToString(key.Private.Seed()), `"wang"`} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Error("the file shows the key")
		}
	}
	got, err := ReadStaffKey(path, "correct horse 电池")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(key, got); diff != "" {
		t.Error(diff)
	}
	message := []byte("what was decided")
	if !ed25519.Verify(key.Public(), message, got.Sign(message)) {
		t.Error("the signature of the key that was read does not verify")
	}

	t.Run("never writes over", func(t *testing.T) {
		wantType(t, WriteStaffKey(path, key, "other"), contract.ErrConflict)
		if now, _ := os.ReadFile(path); !bytes.Equal(now, raw) {
			t.Error("the file changed")
		}
	})
	t.Run("wrong passphrase", func(t *testing.T) {
		for _, wrong := range []string{"correct horse", ""} {
			_, err := ReadStaffKey(path, wrong)
			e := wantType(t, err, contract.ErrBadInput)
			if !strings.Contains(e.Text, "wrong passphrase") || e.Hint == "" {
				t.Errorf("%q, hint %q", e.Text, e.Hint)
			}
		}
	})
	t.Run("missing", func(t *testing.T) {
		_, err := ReadStaffKey(path+".not", "x")
		if e := wantType(t, err, contract.ErrBadInput); e.Hint == "" {
			t.Error("no hint")
		}
	})
	t.Run("damaged", func(t *testing.T) {
		for name, content := range map[string][]byte{
			"cut":     raw[:len(raw)/2],
			"changed": bytes.Replace(raw, raw[len(raw)-80:len(raw)-76], []byte("AAAA"), 1),
			"other":   []byte("ssh-ed25519 AAAA"),
			"empty":   nil,
		} {
			bad := filepath.Join(t.TempDir(), "bad.key")
			if err := os.WriteFile(bad, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadStaffKey(bad, "correct horse 电池")
			if e := wantType(t, err, contract.ErrBadInput); !strings.Contains(e.Text, "damaged") {
				t.Errorf("%s: %q", name, e.Text)
			}
		}
	})
	t.Run("open to others", func(t *testing.T) {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := ReadStaffKey(path, "correct horse 电池")
			e := wantType(t, err, contract.ErrBadInput)
			if !strings.Contains(e.Text, "read by others") || !strings.Contains(e.Hint, "chmod 600") {
				t.Errorf("%q, hint %q", e.Text, e.Hint)
			}
		}
	})
}

func TestStaffKeyNeedsPassphraseAndKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := NewStaffKey("wang", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wantType(t, WriteStaffKey(filepath.Join(dir, "a"), key, ""), contract.ErrBadInput)
	wantType(t, WriteStaffKey(filepath.Join(dir, "b"), StaffKey{Name: "wang"}, "secret"), contract.ErrBadInput)
	wantType(t, WriteStaffKey(filepath.Join(dir, "none", "c"), key, "secret"), contract.ErrBadInput)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestStaffKeyIsItsSeed(t *testing.T) {
	t.Parallel()
	// RFC 8032 7.1, test 1.
	seed := "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60"
	public := "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a"
	key, err := NewStaffKey("n", strings.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(key.Public()); got != public {
		t.Errorf("%x", got)
	}
	if _, err := NewStaffKey("n", strings.NewReader(seed[1:])); err == nil {
		t.Error("a key from too little randomness")
	}
}
