package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// StaffKey is the signing key of one member of staff. It never leaves its owner's machine.
type StaffKey struct {
	Name    string
	Private ed25519.PrivateKey
}

// staffFile is what a key file holds, as JSON, encrypted with age under the passphrase.
type staffFile struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Seed    []byte `json:"seed"` // 32 bytes, RFC 8032
}

const (
	staffVersion = 1
	// scryptWork makes one guess of a passphrase cost about 64 MiB and a quarter of a second.
	scryptWork = 16
	// scryptMost bounds what a key file can make us spend when reading it.
	scryptMost = 20
	// staffMost is far more than a key file has.
	staffMost = 64 << 10
)

// NewStaffKey makes a key from 32 bytes of random.
func NewStaffKey(name string, random io.Reader) (StaffKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return StaffKey{}, fmt.Errorf("drawing a key: %w", err)
	}
	return StaffKey{Name: name, Private: ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the key that verifies what this one signs.
func (k StaffKey) Public() ed25519.PublicKey {
	return append(ed25519.PublicKey(nil), k.Private.Public().(ed25519.PublicKey)...)
}

// Sign signs message as it stands: dsr.Decision.Bytes carries its own domain.
func (k StaffKey) Sign(message []byte) []byte { return ed25519.Sign(k.Private, message) }

// WriteStaffKey writes the key to a new file with mode 0600, encrypted with age under the
// passphrase. It refuses an empty passphrase (contract.ErrBadInput) and a path that exists
// (contract.ErrConflict).
func WriteStaffKey(path string, k StaffKey, passphrase string) (err error) {
	if len(k.Private) != ed25519.PrivateKeySize {
		return fault.New(contract.ErrBadInput, "there is no key to write", nil)
	}
	plain, err := json.Marshal(staffFile{Version: staffVersion, Name: k.Name, Seed: k.Private.Seed()})
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	content, err := lock(plain, passphrase)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(contract.ErrConflict, path+" exists already", err).
			WithHint("choose another file; a key that was written over is lost")
	} else if err != nil {
		return fault.New(contract.ErrBadInput, "cannot write "+path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(path)
		}
	}()
	if _, err = f.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// ReadStaffKey reads what WriteStaffKey wrote. A missing file, one that others may read, a wrong
// passphrase and a damaged file are contract.ErrBadInput.
func ReadStaffKey(path, passphrase string) (StaffKey, error) {
	if err := private(path); errors.Is(err, fs.ErrNotExist) {
		return StaffKey{}, fault.New(contract.ErrBadInput, "there is no key file "+path, err).
			WithHint("make one with `habeas keys new`, or name it with HABEAS_STAFF_KEY")
	} else if err != nil {
		return StaffKey{}, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return StaffKey{}, fmt.Errorf("reading %s: %w", path, err)
	}
	plain, err := unlock(content, passphrase)
	if err != nil {
		return StaffKey{}, fault.New(contract.ErrBadInput, path+" does not open: "+err.Error(), err).
			WithHint("try the passphrase again; if it is lost, make a new key and have it enrolled")
	}
	var file staffFile
	if err := json.Unmarshal(plain, &file); err != nil || file.Version != staffVersion || len(file.Seed) != ed25519.SeedSize {
		return StaffKey{}, fault.New(contract.ErrBadInput, path+" is not a staff key", nil)
	}
	return StaffKey{Name: file.Name, Private: ed25519.NewKeyFromSeed(file.Seed)}, nil
}

// lock encrypts plain under a passphrase, as armoured text.
func lock(plain []byte, passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the passphrase is empty", err)
	}
	recipient.SetWorkFactor(scryptWork)
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypting a key: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("encrypting a key: %w", err)
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, fmt.Errorf("encrypting a key: %w", err)
	}
	return out.Bytes(), nil
}

// The two ways in which a key file does not open; both texts are safe to show.
var (
	errWrongPassphrase = errors.New("wrong passphrase")
	errDamagedKey      = errors.New("not a key file, or damaged")
)

// unlock reverses lock.
func unlock(content []byte, passphrase string) ([]byte, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, errWrongPassphrase // an empty one
	}
	identity.SetMaxWorkFactor(scryptMost)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(content)), identity)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, errWrongPassphrase
	} else if err != nil {
		return nil, errDamagedKey
	}
	plain, err := io.ReadAll(io.LimitReader(r, staffMost))
	if err != nil {
		return nil, errDamagedKey
	}
	return plain, nil
}
