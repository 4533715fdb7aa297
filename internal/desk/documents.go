package desk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Why a document is not taken, as causes of a contract.ErrBadInput or contract.ErrNotOpen.
var (
	ErrTooLarge  = errors.New("larger than a document may be")
	ErrWrongType = errors.New("of a type that is not taken")
	ErrTooMany   = errors.New("more than may be added")
	ErrEmpty     = errors.New("nothing in it")
	ErrNoCheck   = errors.New("no check waits for a document")
)

// AddDocument takes a document that proves who the person of a case is, for the check that waits for one: by names
// who adds it. It is streamed, sealed under the case's key, and never unpacked; what it is its first bytes say, not
// its name. Of one that is refused nothing is kept.
func (d *Desk) AddDocument(ctx context.Context, id, name string, r io.Reader, by string) error {
	ref := contract.NewRef(contract.KindCase, id)
	task, err := d.check(ctx, ref)
	if err != nil {
		return err
	}
	files, err := d.Store.Evidence(ctx, task.ID)
	if err != nil {
		return err
	}
	left := int64(dsr.MaxDocumentBytes)
	for _, f := range files {
		left -= f.Size
	}
	if len(files) >= dsr.MaxDocuments || left <= 0 {
		return fault.New(contract.ErrBadInput, "case "+id+" has as many documents as it takes", ErrTooMany)
	}
	in := bufio.NewReaderSize(r, sniffed)
	head, err := in.Peek(sniffed)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case len(head) == 0:
		return fault.New(contract.ErrBadInput, "the document is empty", ErrEmpty)
	case documentType(head) == "":
		return fault.New(contract.ErrBadInput, "the document is neither PDF, JPEG, PNG, HEIC nor an archive", ErrWrongType).
			WithHint("its first bytes say what it is, whatever its name; save it as PDF or take a picture")
	}
	_, err = d.attach(ctx, task, fileName(name), in, min(left, dsr.MaxEvidence), by)
	return err
}

// check is the open check of a document of a case.
func (d *Desk) check(ctx context.Context, ref contract.Ref) (casefile.Task, error) {
	if _, err := d.Store.Case(ctx, ref); err != nil {
		return casefile.Task{}, err
	}
	tasks, err := d.Store.ListTasks(ctx, casefile.TaskFilter{Ref: ref, State: casefile.TaskOpen, Kind: string(dsr.TaskIdentity)})
	if err == nil && len(tasks) == 0 {
		return casefile.Task{}, fault.New(contract.ErrNotOpen, "case "+ref.ID()+" waits for no document", ErrNoCheck).
			WithHint("habeas case show " + ref.ID() + " says what it needs")
	}
	if err != nil {
		return casefile.Task{}, err
	}
	return tasks[0], nil
}

// attach seals what r gives, at most that many bytes, into the blob store, and gives its SHA-256. It holds a few
// blocks of it at a time.
func (d *Desk) attach(ctx context.Context, t casefile.Task, name string, r io.Reader, most int64, by string) ([]byte, error) {
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
		n, err := io.Copy(part, io.LimitReader(r, most+1))
		if n > most {
			return fault.New(contract.ErrBadInput, fmt.Sprintf("a file to attach is larger than %d MB", most>>20), ErrTooLarge).
				WithHint("attach a smaller one, or split it into several")
		}
		if err != nil {
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

// sniffed is how much of a file is looked at.
const sniffed = 64 << 10

// documentType is what the first bytes of a file are: "pdf", "jpeg", "png", "heic", "archive", or empty for
// what is not taken. None of the marks may stand behind anything else, so that no web page or SVG, in whatever
// encoding and behind whatever mark of its own, passes for one of them.
func documentType(head []byte) string {
	starts := func(marks ...string) bool {
		for _, m := range marks {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
	switch {
	case starts("%PDF-"):
		return "pdf"
	case starts("\xff\xd8\xff"):
		return "jpeg"
	case starts("\x89PNG\r\n\x1a\n"):
		return "png"
	case starts("\x00\x00") && len(head) >= 12 && string(head[4:8]) == "ftyp" && heic[string(head[8:12])]: // its first box is short
		return "heic"
	case starts("PK\x03\x04", "PK\x05\x06", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "\x1f\x8b\x08", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"):
		return "archive"
	}
	return ""
}

var heic = map[string]bool{"heic": true, "heix": true, "heim": true, "heis": true, "hevc": true, "hevx": true, "mif1": true, "msf1": true}

// longestName is how many runes of a file's name are kept.
const longestName = 100

// fileName is the name of a file without its path and whatever could deceive a reader: control characters, signs
// that turn the direction of writing, dots and blanks at its ends.
func fileName(raw string) string {
	if i := strings.LastIndexAny(raw, `/\`); i >= 0 {
		raw = raw[i+1:]
	}
	name := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`:*?"<>|`, r) {
			return -1
		}
		return r
	}, raw)
	name = strings.Trim(name, " .")
	if all := []rune(name); len(all) > longestName {
		tail := ""
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 && utf8.RuneCountInString(name[dot:]) <= 10 {
			tail = name[dot:]
		}
		name = string(all[:longestName-utf8.RuneCountInString(tail)]) + tail
	}
	if name == "" {
		return "document"
	}
	return name
}
