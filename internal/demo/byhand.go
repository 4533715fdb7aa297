package demo

import (
	"bytes"
	"context"
	"io"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// shreddingLog is what the archive attaches: an invented page of its log.
const shreddingLog = "shredding log of the archive\nfolder shredded, page signed by an\n"

// ByHand answers a task of work by hand as the archive does: an shreds the folder and attaches a page
// of the log, or corrects what it says.
func (c *Company) ByHand(ctx context.Context, d *desk.Desk, task casefile.Task) error {
	shown, err := d.Task(ctx, task.ID)
	if err != nil {
		return err
	}
	if shown.Shown.ByHand != nil && shown.Shown.ByHand.Right == string(dsr.Correction) {
		_, err := d.CompleteByHand(ctx, task.ID, desk.ByHand{Outcome: dsr.DoneCorrected, Rows: 1, Reason: "written anew on the folder"}, c.Staff["an"])
		return err
	}
	file := desk.File{Name: "shredding-log.txt", Read: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte(shreddingLog))), nil
	}}
	_, err = d.CompleteByHand(ctx, task.ID, desk.ByHand{Outcome: dsr.DoneDeleted, Rows: 1, Files: []desk.File{file}, Reason: "the folder is shredded"}, c.Staff["an"])
	return err
}
