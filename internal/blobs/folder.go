package blobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// folder is a Store in a folder: folders 0700, files 0600. An os.Root keeps every access inside,
// whatever links somebody may have put there.
type folder struct{ root *os.Root }

// unfinished begins the names of files that are being written; no blob's name starts with a dot.
const unfinished = ".put-"

func openFolder(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(contract.ErrBadInput, "cannot make the folder of the blob store: "+dir, err).
			WithHint("set HABEAS_BLOBS to a folder that this user may write")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "cannot open the folder of the blob store: "+dir, err)
	}
	return &folder{root: root}, nil
}

// Put writes beside the blob and renames over it.
func (f *folder) Put(ctx context.Context, name string, write func(io.Writer) error) (size int64, err error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("writing a blob: %w", err)
	}
	dir := path.Dir(name)
	if err := f.makeDirs(dir); err != nil {
		return 0, err
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	temp := path.Join(dir, unfinished+hex.EncodeToString(id[:]))
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, putError(err)
	}
	done := false
	defer func() {
		if !done { // also when write panics
			_ = file.Close()
			_ = f.root.Remove(temp)
		}
	}()
	out := &counter{ctx: ctx, w: file}
	if err := write(out); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("writing a blob: %w", err)
	}
	if err := file.Sync(); err != nil {
		return 0, putError(err)
	}
	if err := file.Close(); err != nil {
		return 0, putError(err)
	}
	if err := f.root.Rename(temp, name); err != nil {
		return 0, putError(err)
	}
	done = true
	if err := f.sync(dir); err != nil {
		return 0, err
	}
	return out.n, nil
}

// makeDirs makes dir and its parents, each of them lasting before anything is put into it.
func (f *folder) makeDirs(dir string) error {
	if dir == "." {
		return nil
	}
	made := "."
	for segment := range strings.SplitSeq(dir, "/") {
		parent := made
		made = path.Join(made, segment)
		err := f.root.Mkdir(made, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return putError(err)
		}
		if err := f.sync(parent); err != nil {
			return err
		}
	}
	return nil
}

// sync makes what happened in dir lasting.
func (f *folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return putError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return putError(err)
	}
	return nil
}

// Open opens the file; the reader stops when ctx ends.
func (f *folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading a blob: %w", err)
	}
	if _, err := f.Size(ctx, name); err != nil { // a folder is no blob
		return nil, err
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, storeError("reading", err)
	}
	return &fileReader{ctx: ctx, file: file}, nil
}

type fileReader struct {
	ctx  context.Context
	file *os.File
}

func (r *fileReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("reading a blob: %w", err)
	}
	return r.file.Read(p)
}

func (r *fileReader) Close() error { return r.file.Close() }

func (f *folder) Size(ctx context.Context, name string) (int64, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("looking for a blob: %w", err)
	}
	info, err := f.root.Lstat(name)
	if err != nil {
		return 0, storeError("looking for", err)
	}
	if !info.Mode().IsRegular() {
		return 0, notFound(nil)
	}
	return info.Size(), nil
}

func (f *folder) Delete(ctx context.Context, name string) error {
	_, err := f.Size(ctx, name)
	if fault.Is(err, contract.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := f.root.Remove(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return storeError("deleting", err)
	}
	return f.sync(path.Dir(name))
}

func (f *folder) DeleteAll(ctx context.Context, prefix string) error {
	if err := checkName(prefix); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("deleting blobs: %w", err)
	}
	if _, err := f.root.Lstat(prefix); missing(err) {
		return nil
	}
	if err := f.root.RemoveAll(prefix); err != nil {
		return storeError("deleting", err)
	}
	if err := f.sync(path.Dir(prefix)); err != nil {
		return err
	}
	return nil
}

// putError classifies what went wrong while writing. A folder that went away meanwhile is worth
// another try; a name that is both a blob and a folder is not.
func putError(err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, fs.ErrExist) {
		return fault.New(contract.ErrConflict, "a blob's name is the beginning of another's", err)
	}
	return fault.New(contract.ErrUnavailable, "writing a blob failed in the folder of the blob store", err)
}

// missing: nothing of that name, also where a file stands in place of a folder on the way.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// storeError classifies what the file system said. The path stays in the private cause.
func storeError(doing string, err error) error {
	if missing(err) {
		return notFound(err)
	}
	return fault.New(contract.ErrUnavailable, doing+" a blob failed in the folder of the blob store", err)
}
