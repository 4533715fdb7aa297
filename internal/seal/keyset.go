package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// The files of a key folder.
const (
	fileAEAD = "aead.json"
	filePRF  = "prf.json"
	fileSign = "sign.json"
)

// private refuses a file that others on the machine may read: a key that was open to them has to
// be taken as known to them.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fault.Newf(contract.ErrBadInput, "%s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fault.Newf(contract.ErrBadInput, "%s may be read by others (mode %04o, wanted 0600)", path, mode).
			WithHint("chmod 600 " + path + "; if others could log in here meanwhile, make new keys")
	}
	return nil
}

// readKeyset reads one keyset file, after a look at who else may read it.
func readKeyset(dir, name string) (*keyset.Handle, error) {
	path := filepath.Join(dir, name)
	if err := private(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(contract.ErrBadInput, "there is no key file "+path, err).
			WithHint("make the keys of this installation with `habeas keys init`, or point HABEAS_KEYS at them")
	} else if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		// Tink's message may quote what it read; it stays the private cause.
		return nil, fault.New(contract.ErrBadInput, path+" is not a keyset", err).
			WithHint("put the file back from your backup of the keys")
	}
	return handle, nil
}

// writeKeyset writes a keyset file so that it is there whole or not at all, also after a power cut.
func writeKeyset(dir, name string, handle *keyset.Handle) error {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return writePrivate(filepath.Join(dir, name), append(out.Bytes(), '\n'))
}

// writePrivate replaces path by content with mode 0600: a temporary file beside it, fsync, rename,
// fsync of the folder.
func writePrivate(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err = tmp.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err = tmp.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening the folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing the folder: %w", err)
	}
	return nil
}
