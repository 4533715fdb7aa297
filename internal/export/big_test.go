package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// logOf is a long collection; with others, one of its columns waits for the reviewer's word.
func logOf(name string, others bool) *datamap.Collection {
	return &datamap.Collection{
		System: &datamap.System{Name: "accounts", Title: tx("账号系统", "Accounts"), Region: "cn"},
		Name:   name, Title: tx("请求日志", "Request log"),
		Columns: []*datamap.Column{
			{Name: "id", Category: "system.operations"},
			{Name: "at", Category: "user.behavior"},
			{Name: "note", Category: "user.content", ThirdParty: others},
		},
	}
}

// fillLog writes two collections of so many rows as parts in dir.
func fillLog(t *testing.T, b *bench, dir string, rows int, h *heap) {
	t.Helper()
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"requests", "notes"} {
		e := Entry{Collection: logOf(name, name == "notes")}
		if name == "notes" {
			e.Choices = map[string]string{"note": "mask"}
		}
		e.JSON = partOnDisk(t, b, dir, name+".json", rows, func(w io.Writer) {
			_, _ = io.WriteString(w, "[\n")
			for i := range rows {
				if i > 0 {
					_, _ = io.WriteString(w, ",\n")
				}
				_, _ = fmt.Fprintf(w, `{"id":%d,"at":%q,"note":"请联系 1390000%04d 或 user%d@post.example"}`, i, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i%10000, i)
				if i%10_000 == 0 {
					h.look()
				}
			}
			_, _ = io.WriteString(w, "\n]\n")
		})
		e.CSV = partOnDisk(t, b, dir, name+".csv", rows, func(w io.Writer) {
			_, _ = io.WriteString(w, byteOrderMark+"\"id\",\"at\",\"note\"\r\n")
			for i := range rows {
				_, _ = fmt.Fprintf(w, "\"%d\",%q,\"请联系 1390000%04d\n或 user%d@post.example\"\r\n", i, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i%10000, i)
			}
		})
		b.pkg.Entries = append(b.pkg.Entries, e)
	}
}

func partOnDisk(t *testing.T, b *bench, dir, name string, rows int, write func(io.Writer)) PartSource {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	part, err := NewPartWriter(f, b.id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	defer part.Abort()
	w := bufio.NewWriterSize(part, 4096)
	write(w)
	if err := errors.Join(w.Flush(), part.Close()); err != nil {
		t.Fatal(err)
	}
	return PartSource{Name: name, Info: part.Info(int64(rows))}
}

// assembleOnDisk assembles into a file, looks at the heap while it does, and verifies the result.
func assembleOnDisk(t *testing.T, b *bench, dir string, h *heap) Manifest {
	t.Helper()
	open := func(name string) (io.ReadCloser, error) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	sealed, err := os.Create(filepath.Join(dir, "package"))
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	start := time.Now()
	m, err := Assemble(t.Context(), b.pkg, open, b.id, b.id.Recipient(), b.sign, &watching{w: sealed, h: h})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	total := int64(0)
	for _, f := range m.Files {
		total += f.Size
	}
	t.Logf("%d MiB of plain text assembled in %v", total>>20, took.Round(time.Millisecond))
	if _, err := sealed.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	plain, err := OpenPackage(sealed, b.id)
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := os.Create(filepath.Join(dir, "package.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer zipped.Close()
	size, err := io.Copy(zipped, plain)
	if err != nil || size != m.Size {
		t.Fatalf("%d bytes, %v; want %d", size, err, m.Size)
	}
	if err := VerifyPackage(zipped, size, b.keys.PublicKey()); err != nil {
		t.Error(err)
	}
	h.look()
	return m
}

type watching struct {
	w io.Writer
	h *heap
}

func (w *watching) Write(p []byte) (int, error) {
	w.h.look()
	return w.w.Write(p)
}

func TestAssembleStops(t *testing.T) {
	t.Parallel()
	b := newBench(t, "zh")
	dir := t.TempDir()
	fillLog(t, b, dir, 50_000, newHeap())
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	open := func(name string) (io.ReadCloser, error) {
		if n++; n == 4 {
			cancel()
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	if _, err := Assemble(ctx, b.pkg, open, b.id, b.id.Recipient(), b.sign, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
}

func TestAssembleGivesErrorsOfItsParts(t *testing.T) {
	t.Parallel()
	b := example(t, "zh")
	away := errors.New("the store is away")
	open := func(name string) (io.ReadCloser, error) {
		if name == "billing.invoices.csv" {
			return nil, away
		}
		return b.blobs.open(name)
	}
	if _, err := Assemble(t.Context(), b.pkg, open, b.id, b.id.Recipient(), b.sign, io.Discard); !errors.Is(err, away) {
		t.Errorf("opening: %v", err)
	}
	sign := func([]byte) ([]byte, error) { return nil, away }
	if _, err := Assemble(t.Context(), b.pkg, b.blobs.open, b.id, b.id.Recipient(), sign, io.Discard); !errors.Is(err, away) {
		t.Errorf("signing: %v", err)
	}
	if _, err := Assemble(t.Context(), b.pkg, b.blobs.open, b.id, b.id.Recipient(), b.sign, &failing{away}); !errors.Is(err, away) {
		t.Errorf("writing: %v", err)
	}
}
