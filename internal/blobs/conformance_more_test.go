package blobs

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func names(t *testing.T, s Store) {
	put(t, s, "inside", []byte("x"))
	for _, name := range []string{
		"", "/", ".", "..", "/etc/passwd", "../inside", "a/../inside", "a/../../b", "a//b", "a/", "./a", "a/./b",
		".hidden", "a/.put-1", "a b", "名字", "a\x00b", "a\\b", "a%2fb", "a*", "~", "a\n",
		strings.Repeat("a", maxName+1), strings.Repeat("a/", maxSegments) + "a",
	} {
		ctx := t.Context()
		_, putErr := s.Put(ctx, name, func(io.Writer) error { t.Errorf("%q was written", name); return nil })
		_, openErr := s.Open(ctx, name)
		_, sizeErr := s.Size(ctx, name)
		for what, err := range map[string]error{
			"put": putErr, "open": openErr, "size": sizeErr,
			"delete": s.Delete(ctx, name), "delete all": s.DeleteAll(ctx, name),
		} {
			if !fault.Is(err, contract.ErrBadInput) {
				t.Errorf("%s %q: %v, want bad input", what, name, err)
			}
		}
	}
	if got := get(t, s, "inside"); string(got) != "x" {
		t.Errorf("a bad name touched another blob: %q", got)
	}
}

func twoWriters(t *testing.T, s Store) {
	var all sync.WaitGroup
	for i := range byte(4) {
		all.Go(func() {
			_, err := s.Put(t.Context(), "both", func(w io.Writer) error {
				for range 64 {
					if _, err := w.Write(bytes.Repeat([]byte{'a' + i}, 1<<10)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := get(t, s, "both")
	if len(got) != 64<<10 || !bytes.Equal(got, bytes.Repeat(got[:1], len(got))) {
		t.Errorf("%d bytes, mixed from several writers", len(got))
	}
}

func panicLeavesNothing(t *testing.T, s Store) {
	func() {
		defer func() { _ = recover() }()
		_, _ = s.Put(t.Context(), "p", func(w io.Writer) error {
			_, _ = w.Write([]byte("half"))
			panic("a mistake")
		})
	}()
	wantMissing(t, s, "p")
}
