package export

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"time"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/klauspost/compress/flate"
)

// Assemble puts a package together on w: a ZIP, encrypted to a recipient. It reads the parts
// through open and decrypts them with id; sign signs manifest.json (seal.Keys.Sign in
// SignatureDomain). It stops when ctx ends. What w holds after an error is of no use.
//
// A part that is not the one that was collected is contract.ErrTampered, choices on columns that
// do not exist are contract.ErrBadInput, a package without entries contract.ErrNothingToShare.
func Assemble(
	ctx context.Context, p Package, open func(name string) (io.ReadCloser, error),
	id age.Identity, to age.Recipient, sign func([]byte) ([]byte, error), w io.Writer,
) (Manifest, error) {
	if err := p.check(); err != nil {
		return Manifest{}, err
	}
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return Manifest{}, fmt.Errorf("encrypting a package: %w", err)
	}
	plain := &counting{w: &stoppable{ctx: ctx, w: sealed}}
	a := &assembly{p: &p, open: open, id: id, zip: zip.NewWriter(plain), manifest: newManifest(&p)}
	a.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	if err := a.files(); err != nil {
		return Manifest{}, err
	}
	if err := a.vouch(sign); err != nil {
		return Manifest{}, err
	}
	if err := a.zip.Close(); err != nil {
		return Manifest{}, fmt.Errorf("closing a package: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return Manifest{}, fmt.Errorf("closing a package: %w", err)
	}
	a.manifest.Size = plain.n
	return a.manifest, nil
}

// stoppable ends writing when the context ends.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

func (s *stoppable) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// assembly is the package while it is being written.
type assembly struct {
	p        *Package
	open     func(name string) (io.ReadCloser, error)
	id       age.Identity
	zip      *zip.Writer
	manifest Manifest
}

// files writes everything but manifest and signature.
func (a *assembly) files() error {
	if a.p.NoData {
		if err := a.file("index.html", a.contextPage); err != nil {
			return err
		}
		return a.file("context.json", a.contextJSON)
	}
	if err := a.file("index.html", a.index); err != nil {
		return err
	}
	if err := a.file("context.html", a.contextPage); err != nil {
		return err
	}
	for i := range a.p.Entries {
		e := &a.p.Entries[i]
		if err := a.part(e.file("json"), e.JSON, e.edits(), rewriteJSON); err != nil {
			return fmt.Errorf("%s as JSON: %w", e.Collection.ID(), err)
		}
		if err := a.part(e.file("csv"), e.CSV, e.edits(), rewriteCSV); err != nil {
			return fmt.Errorf("%s as CSV: %w", e.Collection.ID(), err)
		}
		if a.p.Schemas {
			if err := a.file(e.schemaOf(), a.schema(e)); err != nil {
				return err
			}
		}
	}
	for i, f := range a.p.Files {
		if err := a.part(a.p.attachedName(i), f.Source, nil, nil); err != nil {
			return fmt.Errorf("a file of %s: %w", f.System.Name, err)
		}
	}
	return a.file("context.json", a.contextJSON)
}

// vouch writes the manifest and its signature.
func (a *assembly) vouch(sign func([]byte) ([]byte, error)) error {
	if err := a.manifest.finish(); err != nil {
		return err
	}
	sig, err := sign(a.manifest.raw)
	if err != nil {
		return fmt.Errorf("signing the manifest: %w", err)
	}
	if err := a.stored(manifestFile, a.manifest.raw); err != nil {
		return err
	}
	return a.stored(signatureFile, sig)
}

// header is that of a file in the ZIP.
func (a *assembly) header(name string) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.p.GeneratedAt.UTC()}
}

func (a *assembly) stored(name string, content []byte) error {
	w, err := a.zip.CreateHeader(a.header(name))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// file writes a file of ours and lists it.
func (a *assembly) file(name string, write func(io.Writer) error) error {
	w, err := a.zip.CreateHeader(a.header(name))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	sum := sha256.New()
	out := &counting{w: io.MultiWriter(w, sum)}
	if err := write(out); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	a.list(name, out.n, sum.Sum(nil))
	return nil
}

func (a *assembly) list(name string, size int64, sum []byte) {
	a.manifest.Files = append(a.manifest.Files, ManifestFile{Name: name, Size: size, SHA256: hex.EncodeToString(sum)})
}

// part brings a part into the ZIP: as it lies, or written anew where a column changes.
func (a *assembly) part(
	name string, from PartSource, edits map[string]edit,
	rewrite func(io.Reader, io.Writer, map[string]edit) (int64, error),
) error {
	blob, err := a.open(from.Name)
	if err != nil {
		return err
	}
	defer blob.Close()
	deflated, err := OpenPart(blob, a.id)
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		return a.copyPart(name, from.Info, deflated)
	}
	return a.file(name, func(w io.Writer) error {
		plain := newChecked(newInflating(deflated), from.Info)
		rows, err := rewrite(plain, w, edits)
		if err != nil {
			return err
		}
		if err := drain(plain); err != nil {
			return err
		}
		if rows != from.Info.Rows {
			return fault.New(contract.ErrTampered, "a part does not hold as many rows as were collected", nil)
		}
		return nil
	})
}

// copyPart copies deflated bytes, and inflates them beside it to hold them against the SHA-256 of
// what was collected.
func (a *assembly) copyPart(name string, info PartInfo, deflated io.Reader) error {
	w, err := a.zip.CreateRaw(a.rawHeader(name, info))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	r, tee := io.Pipe()
	verdict := make(chan error, 1)
	go func() {
		err := drain(newChecked(newInflating(r), info))
		_ = r.CloseWithError(err) // a writer must not wait for a reader that gave up
		verdict <- err
	}()
	out := &counting{w: io.MultiWriter(w, tee)}
	_, err = io.CopyBuffer(out, deflated, make([]byte, blockSize))
	if err != nil {
		_ = tee.CloseWithError(&sourceError{err}) // not the part's fault
	} else {
		_ = tee.Close()
	}
	if checked := <-verdict; err == nil || fault.Is(checked, contract.ErrTampered) {
		err = checked
	}
	if err == nil && out.n != info.Deflated {
		err = fault.New(contract.ErrTampered, "a part is not the one that was collected", nil)
	}
	if err != nil {
		return err
	}
	a.list(name, info.Size, info.SHA256)
	return nil
}

// rawHeader is header for CreateRaw, which writes what it is given and nothing else.
func (a *assembly) rawHeader(name string, info PartInfo) *zip.FileHeader {
	h := a.header(name)
	h.CRC32 = info.CRC32
	h.CompressedSize64, h.UncompressedSize64 = uint64(info.Deflated), uint64(info.Size)
	h.CreatorVersion, h.ReaderVersion = 20, 20
	if h.CompressedSize64 >= math.MaxUint32 || h.UncompressedSize64 >= math.MaxUint32 {
		h.Flags |= 1 << 3 // sizes behind the data, where there is room for eight bytes
		h.ReaderVersion = 45
	}
	h.ModifiedDate, h.ModifiedTime = dosTime(h.Modified) //nolint:staticcheck // CreateRaw does not look at Modified
	// Info-ZIP's extended timestamp: seconds since 1970, so that no time zone is guessed.
	h.Extra = binary.LittleEndian.AppendUint16(nil, 0x5455)
	h.Extra = binary.LittleEndian.AppendUint16(h.Extra, 5)
	h.Extra = append(h.Extra, 1)
	h.Extra = binary.LittleEndian.AppendUint32(h.Extra, uint32(h.Modified.Unix()))
	return h
}

// dosTime is the time of a file as ZIP has had it since 1989: two seconds fine, from 1980.
func dosTime(t time.Time) (date, clock uint16) {
	if t.Year() < 1980 {
		return 1<<5 | 1, 0
	}
	date = uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9)
	clock = uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
	return date, clock
}
