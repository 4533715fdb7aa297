package export

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

const (
	// ManifestSchema names the form of manifest.json.
	ManifestSchema = "habeas package v1"
	// SignatureDomain is the domain (seal.Keys.Sign) in which manifest.json is signed.
	SignatureDomain = "package manifest"

	manifestFile  = "manifest.json"
	signatureFile = "manifest.sig"
	manifestMost  = 16 << 20
)

// Manifest lists what a package holds. It has no value of a person in it.
type Manifest struct {
	Schema       string               `json:"schema"`
	Case         string               `json:"case"`
	Language     string               `json:"language"`
	GeneratedAt  time.Time            `json:"generated_at"`
	Installation string               `json:"installation,omitempty"`
	Signer       string               `json:"signer,omitempty"` // seal.EncodePublic
	Collections  []ManifestCollection `json:"collections"`
	Files        []ManifestFile       `json:"files"` // every file but manifest.json and manifest.sig

	// Size is the length of the ZIP in bytes, before encryption. Known after Assemble only.
	Size int64 `json:"-"`
	raw  []byte
}

// ManifestCollection says how much of a collection there is, and what of it is not.
type ManifestCollection struct {
	Name     string   `json:"name"` // system.collection
	Rows     int64    `json:"rows"`
	Masked   []string `json:"masked,omitempty"`   // partly hidden, by the map
	Held     []string `json:"held,omitempty"`     // only whether there is a value, by the map
	Redacted []string `json:"redacted,omitempty"` // hidden by the reviewer
	Dropped  []string `json:"dropped,omitempty"`  // left out by the reviewer
	Withheld []string `json:"withheld,omitempty"` // left out until a reviewer decides
}

// ManifestFile is one file of the package.
type ManifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
}

// Bytes are those of manifest.json.
func (m Manifest) Bytes() []byte {
	if m.raw != nil {
		return bytes.Clone(m.raw)
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("export: a manifest of plain fields cannot be written: " + err.Error())
	}
	return append(raw, '\n')
}

// Hash is the SHA-256 of manifest.json: what a release is signed over.
func (m Manifest) Hash() []byte {
	sum := sha256.Sum256(m.Bytes())
	return sum[:]
}

// ParseManifest reads manifest.json; it keeps the bytes, so Hash is that of what was read.
func ParseManifest(raw []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Schema != ManifestSchema {
		return Manifest{}, fault.New(contract.ErrBadInput, "this is not the manifest of a package", err)
	}
	m.raw = bytes.Clone(raw)
	return m, nil
}

// ReadManifest reads the manifest of a decrypted package; it verifies nothing.
func ReadManifest(r io.ReaderAt, size int64) (Manifest, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return Manifest{}, fault.New(contract.ErrBadInput, "this is not a package", err)
	}
	raw, err := readSmall(z, manifestFile)
	if err != nil {
		return Manifest{}, err
	}
	return ParseManifest(raw)
}

// VerifyPackage checks a decrypted package: the manifest is signed by pub, every file that it
// lists is there with that size and SHA-256, and there is no other. What does not hold is
// contract.ErrBadSignature or contract.ErrTampered.
func VerifyPackage(r io.ReaderAt, size int64, pub ed25519.PublicKey) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return fault.New(contract.ErrTampered, "this is not a package", err)
	}
	raw, err := readSmall(z, manifestFile)
	if err != nil {
		return err
	}
	sig, err := readSmall(z, signatureFile)
	if err != nil {
		return err
	}
	if err := seal.VerifySignature(pub, SignatureDomain, raw, sig); err != nil {
		return err
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return err
	}
	listed := map[string]ManifestFile{manifestFile: {}, signatureFile: {}}
	for _, f := range m.Files {
		listed[f.Name] = f
	}
	if len(listed) != len(m.Files)+2 || len(z.File) != len(listed) {
		return fault.New(contract.ErrTampered, "the package does not hold just the files of its manifest", nil)
	}
	for _, f := range z.File {
		file, ok := listed[f.Name]
		if !ok {
			return fault.New(contract.ErrTampered, "the package does not hold just the files of its manifest", nil)
		}
		delete(listed, f.Name)
		if f.Name != manifestFile && f.Name != signatureFile {
			if err := verifyFile(f, file); err != nil {
				return err
			}
		}
	}
	return nil
}

func verifyFile(f *zip.File, want ManifestFile) error {
	changed := fault.New(contract.ErrTampered, f.Name+" is not the file that was signed", nil)
	r, err := f.Open()
	if err != nil {
		return changed
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, want.Size+1))
	if err != nil || n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return changed
	}
	return nil
}

// readSmall reads one of the files that vouch for the others.
func readSmall(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "the package has no "+name, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, manifestMost+1))
	if err != nil || len(raw) > manifestMost {
		return nil, fault.New(contract.ErrTampered, name+" cannot be read", err)
	}
	return raw, nil
}

// newManifest is the manifest before any file was written.
func newManifest(p *Package) Manifest {
	m := Manifest{
		Schema: ManifestSchema, Case: p.CaseID, Language: p.Lang,
		GeneratedAt: p.GeneratedAt.UTC(), Installation: p.Facts.Installation,
	}
	if p.Facts.Signer != nil {
		m.Signer = seal.EncodePublic(p.Facts.Signer)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		m.Collections = append(m.Collections, ManifestCollection{
			Name: e.Collection.ID(), Rows: e.JSON.Info.Rows,
			Masked: e.columns(Masked), Held: e.columns(Held), Redacted: e.columns(Redacted),
			Dropped: e.columns(Dropped), Withheld: e.columns(Withheld),
		})
	}
	return m
}

// finish fixes the bytes of the manifest.
func (m *Manifest) finish() error {
	m.raw = nil
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	m.raw = append(raw, '\n')
	return nil
}
