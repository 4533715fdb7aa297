package desk

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/export"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Package is an open package on its way to the person: the ZIP, unsealed as it is read.
type Package struct {
	Name string
	Size int64 // of the ZIP, in bytes
	Body io.ReadCloser
	// Done writes down that the person has it whole, and tells the case.
	Done func(ctx context.Context) error
}

// OpenPackage opens a released package. The release and the signatures behind it are checked
// again here: whatever Temporal was told lets nothing out.
func (d *Desk) OpenPackage(ctx context.Context, id string) (*Package, error) {
	ref := contract.NewRef(contract.KindCase, id)
	p, err := d.Store.CheckReleased(ctx, ref, d.Pins)
	if err != nil {
		return nil, err
	}
	plain, closer, err := d.unseal(ctx, ref, p.Blob)
	if err != nil {
		return nil, err
	}
	return &Package{
		Name: "habeas-" + id + ".zip", Size: p.Size,
		Body: struct {
			io.Reader
			io.Closer
		}{plain, closer},
		Done: func(ctx context.Context) error {
			if err := d.Store.MarkFetched(ctx, ref); err != nil {
				return err
			}
			err := d.Temporal.SignalWorkflow(ctx, string(ref), "", contract.Fetched.Name, contract.FetchedInput{})
			return d.temporalError(err)
		},
	}, nil
}

func (d *Desk) unseal(ctx context.Context, ref contract.Ref, blob string) (io.Reader, io.Closer, error) {
	key, err := d.Store.Key(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	identity, err := key.Age()
	if err != nil {
		return nil, nil, err
	}
	sealed, err := d.Blobs.Open(ctx, blob)
	if err != nil {
		return nil, nil, err
	}
	plain, err := age.Decrypt(bufio.NewReaderSize(sealed, 256<<10), identity)
	if err != nil {
		_ = sealed.Close()
		return nil, nil, fault.New(contract.ErrTampered, "the package does not open with the case's key", err)
	}
	return plain, sealed, nil
}

// Rows are the first rows of a part, one JSON object a line, for the reviewer's eyes.
type Rows struct {
	System     string   `json:"system"`
	Collection string   `json:"collection"`
	Rows       int64    `json:"rows"`
	First      []string `json:"first"`
}

// TaskRows opens the first rows of every collection of the case that a task belongs to.
func (d *Desk) TaskRows(ctx context.Context, task Task, limit int) ([]Rows, error) {
	parts, err := d.Store.Parts(ctx, task.Ref)
	if err != nil {
		return nil, err
	}
	var out []Rows
	for _, p := range parts {
		if p.Format != "json" {
			continue
		}
		rows, err := d.firstRows(ctx, task.Ref, p, limit)
		if err != nil {
			return nil, err
		}
		out = append(out, Rows{System: p.System, Collection: p.Collection, Rows: p.Rows, First: rows})
	}
	return out, nil
}

func (d *Desk) firstRows(ctx context.Context, ref contract.Ref, p casefile.Part, limit int) ([]string, error) {
	key, err := d.Store.Key(ctx, ref)
	if err != nil {
		return nil, err
	}
	identity, err := key.Age()
	if err != nil {
		return nil, err
	}
	sealed, err := d.Blobs.Open(ctx, p.Blob)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sealed.Close() }()
	plain, err := export.ReadPart(sealed, identity)
	if err != nil {
		return nil, err
	}
	var rows []string
	lines := bufio.NewReaderSize(plain, 64<<10)
	for len(rows) < limit {
		line, err := lines.ReadString('\n')
		if row := strings.TrimRight(strings.TrimSpace(line), ","); row != "" && row != "[" && row != "]" {
			rows = append(rows, row)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading a part: %w", err)
		}
	}
	return rows, nil
}
