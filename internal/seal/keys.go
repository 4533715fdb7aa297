package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/signature"
	tinked25519 "github.com/tink-crypto/tink-go/v2/signature/ed25519"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keys are the keys of one installation, read from its key folder. It is safe for concurrent use.
type Keys struct {
	dir       string
	wrap      atomic.Pointer[wrapping]
	reloading sync.Mutex
	prf       *prf.Set
	signer    tink.Signer
	public    ed25519.PublicKey
	refused   atomic.Pointer[func()]
}

// wrapping is one state of aead.json.
type wrapping struct {
	aead     tink.AEAD
	primary  string          // id of the key that seals now, eight hex digits
	known    map[string]bool // ids of the keys that open
	modified time.Time
}

// Init makes the keys of a new installation in dir (created with mode 0700): aead.json, prf.json
// and sign.json, each 0600. It refuses with contract.ErrConflict when any of them exists, for
// writing over a key is losing what it sealed.
func Init(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the key folder: %w", err)
	}
	for _, name := range []string{fileAEAD, filePRF, fileSign} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return fault.Newf(contract.ErrConflict, "%s already holds keys", dir).
				WithHint("leave them: without them nothing that was sealed can be read; give another folder for another installation")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking into the key folder: %w", err)
		}
	}
	// XAES-256-GCM has 192-bit random nonces: no bound on the number of messages that one
	// installation could come near to.
	wrap, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return fmt.Errorf("making %s: %w", fileAEAD, err)
	}
	index, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return fmt.Errorf("making %s: %w", filePRF, err)
	}
	// Without Tink's prefix a signature is a plain Ed25519 one, which anybody's tools verify.
	sign, err := keyset.NewHandle(signature.ED25519KeyWithoutPrefixTemplate())
	if err != nil {
		return fmt.Errorf("making %s: %w", fileSign, err)
	}
	// sign.json last: a folder without it is visibly half-made.
	if err := writeKeyset(dir, fileAEAD, wrap); err != nil {
		return err
	}
	if err := writeKeyset(dir, filePRF, index); err != nil {
		return err
	}
	return writeKeyset(dir, fileSign, sign)
}

// Open reads the keys in dir. A missing file, one that others may read and one that is no keyset
// are contract.ErrBadInput with a hint.
func Open(dir string) (*Keys, error) {
	k := &Keys{dir: dir}
	if err := k.loadWrapping(); err != nil {
		return nil, err
	}
	index, err := readKeyset(dir, filePRF)
	if err != nil {
		return nil, err
	}
	if k.prf, err = prf.NewPRFSet(index); err != nil {
		return nil, fault.New(contract.ErrBadInput, filePRF+" holds no PRF key", err)
	}
	if _, err := k.prf.ComputePrimaryPRF(nil, hashSize); err != nil {
		return nil, fault.New(contract.ErrBadInput, filePRF+" holds a key that gives fewer than 32 bytes", err)
	}
	sign, err := readKeyset(dir, fileSign)
	if err != nil {
		return nil, err
	}
	if k.signer, err = signature.NewSigner(sign); err != nil {
		return nil, fault.New(contract.ErrBadInput, fileSign+" holds no signing key", err)
	}
	if k.public, err = publicKey(sign); err != nil {
		return nil, err
	}
	return k, nil
}

// publicKey takes the raw public key out of the signing keyset.
func publicKey(handle *keyset.Handle) (ed25519.PublicKey, error) {
	public, err := handle.Public()
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, fileSign+" holds no signing key", err)
	}
	primary, err := public.Primary()
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, fileSign+" has no primary key", err)
	}
	key, ok := primary.Key().(*tinked25519.PublicKey)
	if !ok || len(key.OutputPrefix()) != 0 {
		return nil, fault.Newf(contract.ErrBadInput, "%s is not a plain Ed25519 key", fileSign)
	}
	return ed25519.PublicKey(key.KeyBytes()), nil
}

// Installation names this installation: hex of the first 16 bytes of SHA-256 of its public key.
func (k *Keys) Installation() string {
	sum := sha256.Sum256(k.public)
	return hex.EncodeToString(sum[:16])
}

// KeyID is the id of the wrapping key that seals now, eight hex digits.
func (k *Keys) KeyID() string { return k.wrap.Load().primary }

// Rotate adds a new wrapping key to aead.json in dir and makes it the primary one; the older keys
// stay, for opening. Running processes notice when they meet something that the new key sealed,
// or at their next start.
func Rotate(dir string) error {
	handle, err := readKeyset(dir, fileAEAD)
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return fmt.Errorf("adding a wrapping key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return fmt.Errorf("choosing the new wrapping key: %w", err)
	}
	rotated, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("rotating the wrapping key: %w", err)
	}
	return writeKeyset(dir, fileAEAD, rotated)
}

// loadWrapping reads aead.json.
func (k *Keys) loadWrapping() error {
	info, err := os.Stat(filepath.Join(k.dir, fileAEAD))
	var modified time.Time
	if err == nil { // a missing file gets its hint from readKeyset
		modified = info.ModTime()
	}
	handle, err := readKeyset(k.dir, fileAEAD)
	if err != nil {
		return err
	}
	w := &wrapping{known: map[string]bool{}, modified: modified}
	if w.aead, err = aead.New(handle); err != nil {
		return fault.New(contract.ErrBadInput, fileAEAD+" holds no AEAD key", err)
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return fmt.Errorf("reading %s: %w", fileAEAD, err)
		}
		id := fmt.Sprintf("%08x", entry.KeyID())
		w.known[id] = entry.KeyStatus() == keyset.Enabled
		if entry.IsPrimary() {
			w.primary = id
		}
	}
	k.wrap.Store(w)
	return nil
}

// sealWith seals plain with the primary wrapping key.
func (k *Keys) sealWith(plain, ad []byte) (sealed []byte, keyID string, err error) {
	w := k.wrap.Load()
	sealed, err = w.aead.Encrypt(plain, ad)
	return sealed, w.primary, err
}

// openWith opens what any wrapping key sealed. A key id that we do not know may come from a
// rotation since we started, so the file is read again, once per change of it.
func (k *Keys) openWith(sealed, ad []byte) ([]byte, error) {
	if id := sealedBy(sealed); id != "" && !k.wrap.Load().known[id] {
		k.reload()
	}
	return k.wrap.Load().aead.Decrypt(sealed, ad)
}

// reload reads aead.json again when it has changed. A failure leaves the keys as they are: what
// could not be opened stays closed, and says so.
func (k *Keys) reload() {
	k.reloading.Lock()
	defer k.reloading.Unlock()
	info, err := os.Stat(filepath.Join(k.dir, fileAEAD))
	if err != nil || info.ModTime().Equal(k.wrap.Load().modified) {
		return
	}
	_ = k.loadWrapping()
}

// sealedBy is the id of the key that sealed: Tink writes it behind a version byte. "" when there
// is none.
func sealedBy(sealed []byte) string {
	if len(sealed) < 5 || sealed[0] != 0x01 {
		return ""
	}
	return hex.EncodeToString(sealed[1:5])
}
