package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/minio/minio-go/v7"
)

func TestFolderModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "blobs")
	s := openTest(t, "file://"+dir)
	put(t, s, "case/A/1", []byte("x"))
	_, err := s.Put(t.Context(), "case/A/2", func(io.Writer) error { return errors.New("broken") })
	if err == nil {
		t.Fatal("no error")
	}
	var seen []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		if !d.IsDir() {
			seen = append(seen, d.Name())
		}
		return nil
	})
	if err != nil || len(seen) != 1 || seen[0] != "1" {
		t.Errorf("files %v, %v; want only the blob", seen, err)
	}
}

func TestFolderSweepsWhatAKillLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openTest(t, dir)
	put(t, s, "case/A/1", []byte("x"))
	if err := os.WriteFile(filepath.Join(dir, "case", "A", ".put-0123456789abcdef"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteAll(t.Context(), "case/A"); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "case")); len(left) != 0 {
		t.Errorf("%d things are left", len(left))
	}
}

func TestFolderFollowsNoLinkOutside(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"dir": outside, "file": secret} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := openTest(t, dir)
	for _, name := range []string{"dir/secret", "file"} {
		if r, err := s.Open(t.Context(), name); err == nil {
			_ = r.Close()
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := s.Put(t.Context(), "dir/new", func(io.Writer) error { return nil }); err == nil {
		t.Error("written outside")
	}
	if err := s.DeleteAll(t.Context(), "dir"); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "theirs" {
		t.Errorf("the file outside: %q, %v", got, err)
	}
}

func TestFolderNameIsBlobOrFolder(t *testing.T) {
	t.Parallel()
	s := openTest(t, t.TempDir())
	put(t, s, "a/b", []byte("x"))
	for _, name := range []string{"a", "a/b/c", "a/b/c/d"} {
		_, err := s.Put(t.Context(), name, func(io.Writer) error { return nil })
		if !fault.Is(err, contract.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	if got := get(t, s, "a/b"); string(got) != "x" {
		t.Errorf("%q", got)
	}
}

func TestOpenStoreRefuses(t *testing.T) {
	t.Parallel()
	newBucket(t, "refuses")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := free.Addr().String()
	_ = free.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	us := testKey + ":" + testSecret
	for url, typ := range map[string]string{
		"":                                      contract.ErrBadInput,
		"ftp://x/y":                             contract.ErrBadInput,
		"file://host/dir":                       contract.ErrBadInput,
		"file://" + file:                        contract.ErrBadInput,
		"s3://" + us + "@" + server:             contract.ErrBadInput,
		"s3://" + us + "@" + server + "/%zz":    contract.ErrBadInput,
		"s3://" + testKey + "@" + server + "/b": contract.ErrBadInput,
		"s3://" + us + "@/refuses":              contract.ErrBadInput,
		"s3://" + us + "@" + server + "/refuses/../x?insecure=true":           contract.ErrBadInput,
		"s3://" + us + "@" + server + "/refuses?insecure=perhaps":             contract.ErrBadInput,
		"s3://" + us + "@" + server + "/refuses?insecure=true&acl=all":        contract.ErrBadInput,
		"s3://" + us + "@" + server + "/not-there?insecure=true":              contract.ErrBadInput,
		"s3://" + us + "x@" + server + "/refuses?insecure=true":               contract.ErrBadInput,
		"s3://nobody:" + testSecret + "@" + server + "/refuses?insecure=true": contract.ErrBadInput,
		"s3://" + us + "@" + silent + "/refuses?insecure=true":                contract.ErrUnavailable,
	} {
		t.Run(strings.ReplaceAll(url, "/", "|"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := OpenStore(ctx, url)
			if !fault.Is(err, typ) {
				t.Fatalf("%v, want type %s", err, typ)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), testSecret) {
					t.Errorf("the secret stands in %q", e)
				}
			}
		})
	}
}

func TestBucketKeysFromEnvironment(t *testing.T) {
	newBucket(t, "environment")
	t.Setenv("AWS_ACCESS_KEY_ID", testKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", testSecret)
	s := openTest(t, fmt.Sprintf("s3://%s/environment?insecure=true", server))
	put(t, s, "a", []byte("x"))
	if got := get(t, s, "a"); string(got) != "x" {
		t.Errorf("%q", got)
	}
}

// What is cut off must not lie in the bucket for ever.
func TestBucketSweepsUnfinishedUploads(t *testing.T) {
	t.Parallel()
	client := newBucket(t, "unfinished")
	s := openTest(t, fmt.Sprintf("s3://%s:%s@%s/unfinished?insecure=true", testKey, testSecret, server))
	uploads := func() (n int) {
		for u := range client.ListIncompleteUploads(t.Context(), "unfinished", "", true) {
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			n++
		}
		return n
	}
	if _, err := s.Put(t.Context(), "case/A/failed", func(w io.Writer) error {
		_, _ = w.Write(make([]byte, partSize+1))
		if n := uploads(); n != 1 {
			t.Errorf("%d uploads while one is running", n)
		}
		return errors.New("broken")
	}); err == nil {
		t.Fatal("no error")
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d uploads are left after a failed one", n)
	}
	// As a killed process leaves it.
	core := newCore(t)
	if _, err := core.NewMultipartUpload(t.Context(), "unfinished", "case/A/killed", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 1 {
		t.Fatalf("%d uploads, want the killed one", n)
	}
	if err := s.DeleteAll(t.Context(), "case/A"); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d uploads are left after deleting all", n)
	}
}

// TestMemory streams 256 MiB through each store. It runs alone: the heap is everybody's.
func TestMemory(t *testing.T) {
	const size = 256 << 20
	newBucket(t, "memory")
	for name, url := range map[string]string{
		"folder": t.TempDir(),
		"bucket": fmt.Sprintf("s3://%s:%s@%s/memory?insecure=true", testKey, testSecret, server),
	} {
		s := openTest(t, url)
		var peak uint64
		look := func() {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
		runtime.GC()
		block := make([]byte, 1<<20)
		if _, err := s.Put(t.Context(), "big", func(w io.Writer) error {
			for i := 0; i < size; i += len(block) {
				if _, err := w.Write(block); err != nil {
					return err
				}
				look()
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(t.Context(), "big")
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for {
			n, err := r.Read(block)
			got += n
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if got%(16<<20) < n {
				look()
			}
		}
		_ = r.Close()
		t.Logf("%s: %d MiB through a heap of %.1f MiB at most", name, got>>20, float64(peak)/(1<<20))
		if got != size || peak > 64<<20 {
			t.Errorf("%s: %d bytes came back; the heap was %d bytes at most, wanted under 64 MiB", name, got, peak)
		}
		if err := s.Delete(t.Context(), "big"); err != nil {
			t.Error(err)
		}
	}
}
