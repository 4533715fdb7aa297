package export

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/klauspost/compress/flate"
)

// OpenPart decrypts a part to its deflated bytes. A part that was changed is contract.ErrTampered,
// here or while reading.
func OpenPart(r io.Reader, id age.Identity) (deflated io.Reader, err error) {
	plain, err := age.Decrypt(&source{r: r}, id)
	if err != nil {
		return nil, openError(err)
	}
	return &authentic{plain}, nil
}

// ReadPart decrypts and inflates a part to the bytes that were written into it.
func ReadPart(r io.Reader, id age.Identity) (plain io.Reader, err error) {
	deflated, err := OpenPart(r, id)
	if err != nil {
		return nil, err
	}
	return newInflating(deflated), nil
}

// OpenPackage decrypts a package to the ZIP.
func OpenPackage(r io.Reader, id age.Identity) (zip io.Reader, err error) { return OpenPart(r, id) }

// sourceError is an error of what the part is read from: nothing is wrong with the part.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "reading a part: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// source marks the errors of the reader below, to keep them apart from those of age.
type source struct{ r io.Reader }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

// openError classifies what age says: a broken source is the source's error, everything else
// means that these are not the bytes that were sealed to this key.
func openError(err error) error {
	var from *sourceError
	if errors.As(err, &from) {
		return from
	}
	return fault.New(contract.ErrTampered, "a part or package does not open with the key of its case", err)
}

// authentic classifies the errors of decryption.
type authentic struct{ r io.Reader }

func (a *authentic) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = openError(err)
	}
	return n, err
}

// inflating inflates and makes sure that nothing follows the end of the deflated bytes, for only
// reading to the end lets age notice a cut.
type inflating struct {
	r    io.Reader
	rest io.Reader
}

func newInflating(deflated io.Reader) *inflating {
	// A reader of bytes keeps flate from reading beyond its end.
	rest := bufio.NewReaderSize(deflated, 64<<10)
	return &inflating{r: flate.NewReader(rest), rest: rest}
}

func (i *inflating) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		return n, inflateError(err)
	}
	more, err := io.Copy(io.Discard, i.rest)
	if err != nil {
		return n, err
	}
	if more > 0 {
		return n, fault.New(contract.ErrTampered, "something follows the end of a part", nil)
	}
	return n, io.EOF
}

func inflateError(err error) error {
	var known *fault.Error
	var from *sourceError
	if errors.As(err, &known) || errors.As(err, &from) {
		return err
	}
	return fault.New(contract.ErrTampered, "a part cannot be inflated", err)
}

// checked passes plain bytes on and knows at their end whether they are those of info.
type checked struct {
	r    io.Reader
	sum  hash.Hash
	size int64
	info PartInfo
}

func newChecked(r io.Reader, info PartInfo) *checked {
	return &checked{r: r, sum: sha256.New(), info: info}
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	_, _ = c.sum.Write(p[:n])
	c.size += int64(n)
	if err == io.EOF {
		if c.size != c.info.Size || !bytes.Equal(c.sum.Sum(nil), c.info.SHA256) {
			return n, fault.New(contract.ErrTampered, "a part is not the one that was collected", nil)
		}
	}
	return n, err
}

// drain reads to the end, where checked speaks.
func drain(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("reading a part to its end: %w", err)
	}
	return nil
}
