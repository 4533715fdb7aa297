package export

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// writePart writes plain in pieces of that size.
func writePart(t testing.TB, id *age.X25519Identity, plain []byte, piece int) ([]byte, PartInfo) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewPartWriter(&out, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for rest := plain; len(rest) > 0; {
		n := min(piece, len(rest))
		if got, err := w.Write(rest[:n]); err != nil || got != n {
			t.Fatalf("wrote %d of %d, %v", got, n, err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	w.Abort() // does nothing any more
	return out.Bytes(), w.Info(7)
}

func TestPartComesBack(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	random := rand.NewChaCha8([32]byte{2})
	noise := make([]byte, 3*blockSize+17)
	_, _ = random.Read(noise)
	for name, plain := range map[string][]byte{
		"empty": nil, "one": {'x'}, "text": []byte(strings.Repeat("你好，世界\r\n", 50_000)),
		"a block": noise[:blockSize], "noise": noise,
	} {
		for _, piece := range []int{1 << 30, blockSize, 4093} {
			sealed, info := writePart(t, id, plain, piece)
			sum := sha256.Sum256(plain)
			if info.Rows != 7 || info.Size != int64(len(plain)) || info.CRC32 != crc32.ChecksumIEEE(plain) || !bytes.Equal(info.SHA256, sum[:]) {
				t.Errorf("%s: %+v", name, info)
			}
			r, err := ReadPart(bytes.NewReader(sealed), id)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
			d, err := OpenPart(bytes.NewReader(sealed), id)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, d); err != nil || n != info.Deflated {
				t.Errorf("%s: %d deflated bytes, %v; want %d", name, n, err, info.Deflated)
			}
		}
	}
}

func TestPartIsSealed(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	sealed, _ := writePart(t, id, []byte(strings.Repeat("王小明 wang@post.example\n", 100)), 1<<20)
	for i := 0; i < len(sealed); i += 1 + len(sealed)/50 {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if err := readAll(bad, id); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("byte %d of %d changed: %v", i, len(sealed), err)
		}
	}
	for name, bad := range map[string][]byte{
		"cut": sealed[:len(sealed)-1], "longer": append(bytes.Clone(sealed), 0), "empty": nil, "plain": []byte("[\n]\n"),
	} {
		if err := readAll(bad, id); !fault.Is(err, contract.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := readAll(sealed, newIdentity(t)); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("another key: %v", err)
	}
}

func readAll(sealed []byte, id age.Identity) error {
	r, err := ReadPart(bytes.NewReader(sealed), id)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

// A deflate stream that ends early and is followed by something else, rightly sealed.
func TestPartWithSomethingBehind(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	sealed, _ := writePart(t, id, []byte("[\n]\n"), 10)
	d, err := OpenPart(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	deflated, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(append(deflated, "and more"...))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := readAll(out.Bytes(), id); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("%v", err)
	}
}

// A broken source is not a tampered part: it is worth another try.
func TestPartFromBrokenSource(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	sealed, info := writePart(t, id, bytes.Repeat([]byte("row\n"), 1<<20), 1<<20)
	broken := fault.New(contract.ErrUnavailable, "the store is away", nil)
	for _, after := range []int{0, 10, 300, len(sealed) / 2} {
		source := io.MultiReader(bytes.NewReader(sealed[:after]), &failing{broken})
		r, err := ReadPart(source, id)
		if err == nil {
			_, err = io.Copy(io.Discard, newChecked(r, info))
		}
		if !fault.Is(err, contract.ErrUnavailable) {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error)  { return 0, f.err }
func (f *failing) Write([]byte) (int, error) { return 0, f.err }

func TestPartWriterFails(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	full := errors.New("the disk is full")
	header := &limited{left: 1000, err: full}
	w, err := NewPartWriter(header, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	noise := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(noise)
	for i := 0; err == nil; i++ {
		if i == 100 {
			t.Fatal("the writer goes on although nothing can be written")
		}
		_, err = w.Write(noise)
	}
	if !errors.Is(err, full) {
		t.Errorf("write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("close: %v", err)
	}
}

// limited fails after so many bytes.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, l.err
	}
	l.left -= len(p)
	return len(p), nil
}

func TestPartAborted(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	var out bytes.Buffer
	w, err := NewPartWriter(&out, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2*blockSize)); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	if _, err := w.Write([]byte("x")); !errors.Is(err, ErrAborted) {
		t.Errorf("write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrAborted) {
		t.Errorf("close: %v", err)
	}
	if err := readAll(out.Bytes(), id); !fault.Is(err, contract.ErrTampered) {
		t.Errorf("an aborted part reads to its end: %v", err)
	}
}

// TestMemoryOfParts writes, copies and rewrites 10,000 and 200,000 rows, 1,000,000 with HABEAS_SOAK=1.
// It runs alone: the heap is everybody's.
func TestMemoryOfParts(t *testing.T) {
	var few uint64
	many := 200_000
	if os.Getenv("HABEAS_SOAK") != "" {
		many = 1_000_000
	}
	for _, rows := range []int{10_000, many} {
		dir := t.TempDir()
		b := newBench(t, "zh")
		heap := newHeap()
		fillLog(t, b, dir, rows, heap)
		m := assembleOnDisk(t, b, dir, heap)
		t.Logf("%9d rows, ZIP of %5.1f MiB: heap in use %.1f MiB at most, allocated %.1f MiB at most",
			rows, float64(m.Size)/(1<<20), float64(heap.inUse)/(1<<20), float64(heap.alloc)/(1<<20))
		if heap.inUse > 64<<20 {
			t.Errorf("%d rows: the heap was %d bytes, wanted under 64 MiB", rows, heap.inUse)
		}
		if few == 0 {
			few = heap.alloc
		}
		// What lives is the same; how much waits for the collector is a matter of its moments.
		if slack := uint64(8 << 20); heap.alloc > few+few/10+slack {
			t.Errorf("%d rows: %d bytes were allocated at once, %d for the first size", rows, heap.alloc, few)
		}
	}
}

// heap remembers the highest it saw.
type heap struct{ inUse, alloc uint64 }

func newHeap() *heap { runtime.GC(); return &heap{} }

func (h *heap) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.inUse, h.alloc = max(h.inUse, m.HeapInuse), max(h.alloc, m.HeapAlloc)
}
