package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// BenchmarkPart is what one part costs: hash, CRC, deflate and age.
func BenchmarkPart(b *testing.B) {
	id := newIdentity(b)
	plain := sampleRows(64 << 10)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := NewPartWriter(io.Discard, id.Recipient())
		if err != nil {
			b.Fatal(err)
		}
		for rest := plain; len(rest) > 0; { // as rows come from a database
			n := min(512, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// sampleRows is JSON as a log table gives it.
func sampleRows(rows int) []byte {
	var out bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	out.WriteString("[\n")
	for i := range rows {
		if i > 0 {
			out.WriteString(",\n")
		}
		fmt.Fprintf(&out, `{"id":%d,"user_id":10245,"at":"2025-11-%02dT%02d:%02d:%02d.%06d+00:00","ip":"192.0.2.%d","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/%d.0","action":"登录","ok":%t}`,
			880000+i, 1+random.IntN(30), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(1_000_000), random.IntN(255), 100+random.IntN(30), i%9 != 4)
	}
	out.WriteString("\n]\n")
	return out.Bytes()
}

// BenchmarkRewrite is what a part costs that a reviewer had changed.
func BenchmarkRewrite(b *testing.B) {
	plain := sampleRows(16 << 10)
	for name, edits := range map[string]map[string]edit{
		"drop": {"user_agent": {drop: true}}, "mask": {"user_agent": {mask: maskRuns}},
	} {
		b.Run("json/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if _, err := rewriteJSON(bytes.NewReader(plain), io.Discard, edits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	table := sampleTable(16 << 10)
	b.Run("csv", func(b *testing.B) {
		b.SetBytes(int64(len(table)))
		for b.Loop() {
			if _, err := rewriteCSV(bytes.NewReader(table), io.Discard, map[string]edit{"b": {mask: maskRuns}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func sampleTable(rows int) []byte {
	var out bytes.Buffer
	out.WriteString(byteOrderMark + "\"a\",\"b\"\r\n")
	for i := range rows {
		fmt.Fprintf(&out, "\"%d\",\"请联系 1390000%04d 或 user%d@post.example，谢谢，一定要快\"\r\n", i, i%10000, i)
	}
	return out.Bytes()
}

// BenchmarkCopy is what a part costs on its way into the package when nothing in it changes:
// decrypting, copying, and inflating beside it to check the hash.
func BenchmarkCopy(b *testing.B) {
	w := newBench(b, "zh")
	plain := sampleRows(64 << 10)
	from := w.part("p", 64<<10, func(out io.Writer) { _, _ = out.Write(plain) })
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		a := &assembly{p: &w.pkg, open: w.blobs.open, id: w.id, zip: zip.NewWriter(io.Discard)}
		if err := a.part("p.json", from, nil, rewriteJSON); err != nil {
			b.Fatal(err)
		}
	}
}
