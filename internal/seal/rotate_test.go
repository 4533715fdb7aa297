package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	before, dir := newKeys(t)
	a, wrapped := newRefKey(t, before, refA)
	sealed, _ := a.Seal("f", []byte("value"))
	index := before.BlindIndex("email", "li@post.example")
	oldID := before.KeyID()
	waitForClock(t, filepath.Join(dir, fileAEAD))

	if err := Rotate(dir); err != nil {
		t.Fatal(err)
	}
	after, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if after.KeyID() == oldID {
		t.Fatal("the same key seals after the rotation")
	}
	if !bytes.Equal(index, after.BlindIndex("email", "li@post.example")) {
		t.Error("the blind index changed with the rotation")
	}
	if before.Installation() != after.Installation() {
		t.Error("the installation's name changed with the rotation")
	}
	opened, err := after.OpenRefKey(refA, wrapped)
	if err != nil {
		t.Fatalf("what the older key wrapped: %v", err)
	}
	if got, err := opened.Open("f", sealed); err != nil || string(got) != "value" {
		t.Errorf("opened %q, %v", got, err)
	}
	rewrapped, err := after.Rewrap(refA, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got := sealedBy(rewrapped); got != after.KeyID() {
		t.Errorf("rewrapped by %s, want %s", got, after.KeyID())
	}
	if same, _ := after.Rewrap(refA, rewrapped); !bytes.Equal(same, rewrapped) {
		t.Error("what the primary key wrapped was wrapped again")
	}
	_, err = after.Rewrap(refB, wrapped)
	wantType(t, err, contract.ErrTampered)

	// A process that was running before the rotation meets the new key.
	opened, err = before.OpenRefKey(refA, rewrapped)
	if err != nil {
		t.Fatalf("a running process does not learn of the rotation: %v", err)
	}
	if got, err := opened.Open("f", sealed); err != nil || string(got) != "value" {
		t.Errorf("opened %q, %v", got, err)
	}
	if before.KeyID() != after.KeyID() {
		t.Error("a running process goes on sealing with the older key")
	}
}

// waitForClock waits until a file written now has another modification time than path.
func waitForClock(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for !time.Now().After(info.ModTime().Add(20 * time.Millisecond)) {
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRotateRefusesMissingAndWideFiles(t *testing.T) {
	t.Parallel()
	wantType(t, Rotate(t.TempDir()), contract.ErrBadInput)
	_, dir := newKeys(t)
	if err := os.Chmod(filepath.Join(dir, fileAEAD), 0o644); err != nil {
		t.Fatal(err)
	}
	wantType(t, Rotate(dir), contract.ErrBadInput)
}

func TestBlindIndexAndKeyedHash(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	other, _ := newKeys(t)
	seen := map[string]string{}
	for name, value := range map[string][]byte{
		"email":          keys.BlindIndex("email", "li@post.example"),
		"other value":    keys.BlindIndex("email", "li@post.exampl"),
		"other kind":     keys.BlindIndex("emaill", "i@post.example"),
		"other keys":     other.BlindIndex("email", "li@post.example"),
		"hash":           keys.KeyedHash("email", []byte("li@post.example")),
		"hash elsewhere": keys.KeyedHash("mobile", []byte("li@post.example")),
		"empty hash":     keys.KeyedHash("", nil),
	} {
		if len(value) != 32 {
			t.Errorf("%s has %d bytes, want 32", name, len(value))
		}
		if twin, ok := seen[string(value)]; ok {
			t.Errorf("%s and %s are the same", name, twin)
		}
		seen[string(value)] = name
	}
	if !bytes.Equal(keys.BlindIndex("email", "x"), keys.BlindIndex("email", "x")) {
		t.Error("the same value gives two indexes")
	}
}
