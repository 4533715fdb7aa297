package blobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func TestFolderConforms(t *testing.T) {
	t.Parallel()
	conform(t, func(t *testing.T) Store { return openTest(t, t.TempDir()) })
}

func TestBucketConforms(t *testing.T) {
	t.Parallel()
	for name, suffix := range map[string]string{"bucket": "", "prefix": "/some/where"} {
		newBucket(t, "conform-"+name)
		t.Run(name, func(t *testing.T) {
			n := 0
			conform(t, func(t *testing.T) Store {
				n++ // a place of its own for each
				return openTest(t, fmt.Sprintf("s3://%s:%s@%s/conform-%s%s/%d?insecure=true", testKey, testSecret, server, name, suffix, n))
			})
		})
	}
}

func openTest(t testing.TB, url string) Store {
	t.Helper()
	s, err := OpenStore(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// conform is what every store must do.
func conform(t *testing.T, open func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"bytes come back":       bytesComeBack,
		"failed writing":        failedWriting,
		"unfinished is unseen":  unfinishedIsUnseen,
		"cancelled":             cancelled,
		"missing":               missingBlobs,
		"delete all":            deleteAll,
		"names":                 names,
		"two writers":           twoWriters,
		"panic leaves nothing":  panicLeavesNothing,
		"reading stops with it": readingStops,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s Store, name string, content []byte) {
	t.Helper()
	size, err := s.Put(t.Context(), name, func(w io.Writer) error { _, err := w.Write(content); return err })
	if err != nil || size != int64(len(content)) {
		t.Fatalf("put %s: %d, %v; want %d bytes", name, size, err, len(content))
	}
}

func get(t *testing.T, s Store, name string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func wantMissing(t *testing.T, s Store, name string) {
	t.Helper()
	if _, err := s.Size(t.Context(), name); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("size of %s: %v, want not found", name, err)
	}
	if r, err := s.Open(t.Context(), name); !fault.Is(err, contract.ErrNotFound) {
		t.Errorf("open %s: %v, want not found", name, err)
		if err == nil {
			_ = r.Close()
		}
	}
}

func bytesComeBack(t *testing.T, s Store) {
	long := make([]byte, 2*partSize+12345) // three parts
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(long)
	for name, content := range map[string][]byte{
		"empty": nil, "case/7QK2M-9XH4T/parts/accounts.users.json": []byte("你好, [\n]\n"),
		"a_b.c-D/9": {0, 255}, "case/7QK2M-9XH4T/package": long, "exact": long[:partSize],
	} {
		put(t, s, name, content)
		if size, err := s.Size(t.Context(), name); err != nil || size != int64(len(content)) {
			t.Errorf("%s: size %d, %v; want %d", name, size, err, len(content))
		}
		if got := get(t, s, name); sha256.Sum256(got) != sha256.Sum256(content) {
			t.Errorf("%s: %d bytes came back, want the same %d", name, len(got), len(content))
		}
	}
	put(t, s, "empty", []byte("replaced"))
	if got := get(t, s, "empty"); string(got) != "replaced" {
		t.Errorf("after replacing: %q", got)
	}
}

func failedWriting(t *testing.T, s Store) {
	put(t, s, "there", []byte("before"))
	for name, wrong := range map[string]error{
		"own": errors.New("the source broke"), "eof": io.EOF, "cut": io.ErrUnexpectedEOF,
		"classified": fault.New(contract.ErrTampered, "a part was changed", nil),
	} {
		for _, length := range []int{0, 10, partSize + 10} {
			for _, blob := range []string{"there", "not-there"} {
				_, err := s.Put(t.Context(), blob, func(w io.Writer) error {
					_, _ = w.Write(make([]byte, length))
					return wrong
				})
				if !errors.Is(err, wrong) {
					t.Errorf("%s after %d bytes: %v, want %v", name, length, err, wrong)
				}
			}
		}
	}
	if got := get(t, s, "there"); string(got) != "before" {
		t.Errorf("the earlier blob holds %d bytes now", len(got))
	}
	wantMissing(t, s, "not-there")
}

func unfinishedIsUnseen(t *testing.T, s Store) {
	put(t, s, "d/there", []byte("before"))
	for _, name := range []string{"d/there", "d/new"} {
		_, err := s.Put(t.Context(), name, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, partSize+1)); err != nil {
				return err
			}
			if name == "d/new" {
				wantMissing(t, s, name)
			} else if got := get(t, s, name); string(got) != "before" {
				t.Errorf("seen while being written: %d bytes", len(got))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if size, err := s.Size(t.Context(), name); err != nil || size != partSize+1 {
			t.Errorf("%s afterwards: %d, %v", name, size, err)
		}
	}
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Put(ctx, "c/cut", func(w io.Writer) error {
		_, _ = w.Write(make([]byte, partSize+1))
		cancel()
		for range 100 { // a careless writer that never looks at errors
			_, _ = w.Write(make([]byte, 1<<20))
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want cancelled", err)
	}
	wantMissing(t, s, "c/cut")
	if _, err := s.Open(ctx, "c/cut"); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v, want cancelled", err)
	}
	if err := s.DeleteAll(ctx, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete all: %v, want cancelled", err)
	}
	if err := s.DeleteAll(t.Context(), "c"); err != nil {
		t.Errorf("delete all: %v", err)
	}
}

func readingStops(t *testing.T, s Store) {
	put(t, s, "long", make([]byte, 4<<20))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, "long")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
}

func missingBlobs(t *testing.T, s Store) {
	put(t, s, "case/a/x", []byte("x"))
	for _, name := range []string{"none", "case", "case/a", "case/b", "case/a/x/y", "Case/a/x"} {
		wantMissing(t, s, name)
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	for range 2 {
		if err := s.Delete(t.Context(), "case/a/x"); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, s, "case/a/x")
	}
	if err := s.DeleteAll(t.Context(), "none"); err != nil {
		t.Error(err)
	}
}

func deleteAll(t *testing.T, s Store) {
	gone := []string{"case/A/1", "case/A/2/3", "case/A/2/4"}
	kept := []string{"case/AB/1", "case/B", "cas", "case-A/1"}
	for _, name := range append(gone, kept...) {
		put(t, s, name, []byte(name))
	}
	put(t, s, "single", []byte("blob"))
	for range 2 {
		for _, prefix := range []string{"case/A", "single", "case/A/2", "case/B/none"} {
			if err := s.DeleteAll(t.Context(), prefix); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range append(gone, "single") {
		wantMissing(t, s, name)
	}
	for _, name := range kept {
		if got := get(t, s, name); string(got) != name {
			t.Errorf("%s holds %q", name, got)
		}
	}
}
