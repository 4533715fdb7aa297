package desk

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// ByHand is what somebody did in a system that no driver reaches.
type ByHand struct {
	Outcome string // one of dsr's
	Rows    int64
	Files   []File // the proof, or in an access case the data
	Reason  string
}

// File is a file to attach. Read gives its bytes and an error where it cannot be read.
type File struct {
	Name string
	Read func() (io.ReadCloser, error)
}

// CompleteByHand attaches the files, writes the answer on the task and signs it: the signature covers
// outcome, count and the hash of each file. What is missing is a contract.ErrBadInput before anything
// is kept.
func (d *Desk) CompleteByHand(ctx context.Context, id string, done ByHand, key seal.StaffKey) (contract.DecideResult, error) {
	t, err := d.Task(ctx, id)
	if err != nil {
		return contract.DecideResult{}, err
	}
	if t.Kind == dsr.TaskEvidence || t.Kind == dsr.TaskAuthority {
		if err := t.ripe(dsr.Complete); err != nil {
			return contract.DecideResult{}, err
		}
		return d.completeProof(ctx, t, done, key)
	}
	if t.Kind != dsr.TaskByHand || t.Shown.ByHand == nil {
		return contract.DecideResult{}, fault.Newf(contract.ErrBadInput, "task %s takes neither an outcome nor files", id)
	}
	if err := t.ripe(dsr.Complete); err != nil {
		return contract.DecideResult{}, err
	}
	choices := map[string]string{dsr.OutcomeChoice: done.Outcome, dsr.RowsChoice: strconv.FormatInt(done.Rows, 10)}
	for n := range done.Files {
		choices[dsr.EvidenceChoice+strconv.Itoa(n+1)] = "a hash"
	}
	if _, missing := t.Shown.ByHand.Answer(choices); missing != "" {
		return contract.DecideResult{}, fault.New(contract.ErrBadInput, missing, nil).WithHint("look at it with habeas task show " + id)
	}
	plain, err := readFiles(done.Files)
	if err != nil {
		return contract.DecideResult{}, err
	}
	for n, file := range done.Files {
		sum, err := d.attach(ctx, t, filepath.Base(file.Name), plain[n], key.Name)
		if err != nil {
			return contract.DecideResult{}, err
		}
		choices[dsr.EvidenceChoice+strconv.Itoa(n+1)] = hex.EncodeToString(sum)
	}
	if _, err := d.Store.SetChoices(ctx, id, choices, key.Name); err != nil {
		return contract.DecideResult{}, err
	}
	return d.Decide(ctx, id, dsr.Complete, done.Reason, key)
}

// readFiles reads all files before anything is kept.
func readFiles(files []File) ([][]byte, error) {
	if len(files) > dsr.MaxEvidenceFiles {
		return nil, fault.Newf(contract.ErrBadInput, "at most %d files can be attached", dsr.MaxEvidenceFiles)
	}
	plain := make([][]byte, len(files))
	for n, file := range files {
		var err error
		if plain[n], err = readEvidence(file); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

// readEvidence reads a file whole: at most dsr.MaxEvidence bytes.
func readEvidence(file File) ([]byte, error) {
	r, err := file.Read()
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "a file to attach cannot be read", err).WithHint("give the path of a readable file with --evidence")
	}
	defer func() { _ = r.Close() }()
	plain, err := io.ReadAll(io.LimitReader(r, dsr.MaxEvidence+1))
	switch {
	case err != nil:
		return nil, fault.New(contract.ErrBadInput, "a file to attach cannot be read", err)
	case len(plain) > dsr.MaxEvidence:
		return nil, fault.Newf(contract.ErrBadInput, "a file to attach is larger than %d MB", dsr.MaxEvidence>>20).
			WithHint("attach a smaller one, or split it into several")
	case len(plain) == 0:
		return nil, fault.New(contract.ErrBadInput, "a file to attach is empty", nil)
	}
	return plain, nil
}

// attach seals a file into the blob store and gives the SHA-256 of its bytes.
func (d *Desk) attach(ctx context.Context, t Task, name string, plain []byte, by string) ([]byte, error) {
	key, err := d.Store.Key(ctx, t.Ref)
	if err != nil {
		return nil, err
	}
	identity, err := key.Age()
	if err != nil {
		return nil, err
	}
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	blob := casefile.EvidenceFolder(t.Ref) + "/" + t.ID + "." + hex.EncodeToString(random)
	var part *export.PartWriter
	_, err = d.Blobs.Put(ctx, blob, func(w io.Writer) error {
		var err error
		if part, err = export.NewPartWriter(w, identity.Recipient()); err != nil {
			return err
		}
		defer part.Abort() // does nothing after Close
		if _, err := io.Copy(part, bytes.NewReader(plain)); err != nil {
			return err
		}
		return part.Close()
	})
	if err != nil {
		return nil, err
	}
	info := part.Info(1)
	taken, err := d.Store.AddEvidence(ctx, casefile.Evidence{Task: t.ID, Name: name, SHA256: info.SHA256, Blob: blob,
		Size: info.Size, Deflated: info.Deflated, CRC32: info.CRC32, AddedBy: by})
	if err != nil || !taken {
		err = errors.Join(err, d.Blobs.Delete(ctx, blob))
	}
	return info.SHA256, err
}

// Attachment writes one file that came with a task, counted from 1, and gives its name as it was
// attached. What does not open, or is not what its hash says, is a contract.ErrTampered.
func (d *Desk) Attachment(ctx context.Context, id string, n int, w io.Writer) (string, error) {
	task, err := d.Store.Task(ctx, id)
	if err != nil {
		return "", err
	}
	list, err := d.Store.Evidence(ctx, id)
	if err != nil {
		return "", err
	}
	if n < 1 || n > len(list) {
		return "", fault.Newf(contract.ErrNotFound, "task %s has %d files, and no number %d", id, len(list), n)
	}
	key, err := d.Store.Key(ctx, task.Ref)
	if err != nil {
		return "", err
	}
	identity, err := key.Age()
	if err != nil {
		return "", err
	}
	if list[n-1].WipedAt != nil {
		return "", fault.Newf(contract.ErrNotFound, "file %d of task %s was wiped, as its time after the decision is over", n, id)
	}
	sealed, err := d.Blobs.Open(ctx, list[n-1].Blob)
	if err != nil {
		return "", err
	}
	defer func() { _ = sealed.Close() }()
	plain, err := export.ReadPart(sealed, identity)
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(io.LimitReader(plain, dsr.MaxEvidence+1))
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], list[n-1].SHA256) {
		return "", fault.Newf(contract.ErrTampered, "file %d of task %s is not the one that was attached", n, id)
	}
	if _, err := w.Write(raw); err != nil {
		return "", fmt.Errorf("writing an attached file: %w", err)
	}
	return list[n-1].Name, nil
}
