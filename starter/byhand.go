package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// handFlags are what `task complete` takes for work that was done by hand.
type handFlags struct {
	outcome string
	rows    int64
	files   []string
	cmd     *cobra.Command
}

func (h *handFlags) add(cmd *cobra.Command) {
	h.cmd = cmd
	cmd.Long += "\nFor a task of the kind by-hand say what was done, to how many records, and attach the proof; all of it is signed.\n" +
		"For a task of the kind evidence say whether the proof came, and attach it."
	cmd.Example += "\n  habeas task complete 7QK2M-9XH4T --outcome deleted --rows 2 --evidence shredding-log.jpg --reason 'both folders shredded'"
	cmd.Flags().StringVar(&h.outcome, "outcome", "", "of work by hand: deleted, anonymised, nothing-held; of access provided, nothing-held; of a correction corrected, nothing-held; of a proof provided, missing")
	cmd.Flags().Int64Var(&h.rows, "rows", 0, "of work by hand: how many records, folders or files it was")
	cmd.Flags().StringArrayVar(&h.files, "evidence", nil, "file to attach, 25 MB at most; may be repeated")
}

// given reports whether any of them was.
func (h *handFlags) given() bool {
	return h.cmd != nil && slices.ContainsFunc([]string{"outcome", "rows", "evidence"}, h.cmd.Flags().Changed)
}

func (h *handFlags) work(reason string) desk.ByHand {
	done := desk.ByHand{Outcome: h.outcome, Rows: h.rows, Reason: reason}
	for _, path := range h.files {
		done.Files = append(done.Files, desk.File{Name: filepath.Base(path), Read: func() (io.ReadCloser, error) { return os.Open(path) }})
	}
	return done
}

// maskedByHand hides who is meant.
func maskedByHand(s *dsr.ShownByHand) *dsr.ShownByHand {
	masked := *s
	masked.Person = nil
	for _, id := range s.Person {
		masked.Person = append(masked.Person, dsr.Identity{Kind: id.Kind, Value: dsr.Mask(id.Kind, id.Value)})
	}
	masked.Changes = maskedFields(s.Changes)
	return &masked
}

// showByHand prints what is to be done by hand, and the answer to it.
func (a *app) showByHand(t desk.Task) {
	h := t.Shown.ByHand
	if h == nil {
		return
	}
	a.say("%s by hand in %s, until %s", h.Right, t.System, whenever(t.Due))
	for _, id := range h.Person {
		a.say("  %s: %s", id.Kind, id.Value)
	}
	for _, change := range h.Changes {
		a.say("  %s is to be: %s", change.Kind, change.Value)
	}
	for _, lang := range []string{"zh", "en"} {
		if text := h.Instructions[lang]; text != "" {
			a.say("  %s", text)
		}
		if text := h.Evidence[lang]; text != "" {
			a.say("  --evidence: %s", text)
		}
	}
	if answer, missing := h.Answer(t.Choices); missing == "" {
		a.say("answer: %s, %d", answer.Outcome, answer.Rows)
	}
	if t.State == casefile.TaskOpen {
		a.say("habeas task show %s --rows opens who is meant", t.ID)
	}
}

func (a *app) showFiles(files []casefile.Evidence) {
	for n, f := range files {
		a.say("file %d: %s, %d bytes, SHA-256 %x", n+1, f.Name, f.Size, f.SHA256)
	}
}

func (a *app) taskAttachment() *cobra.Command {
	var out string
	var n int
	cmd := &cobra.Command{
		Use: "attachment ID", Short: "write a file that came with a task", Args: needs(cobra.ExactArgs(1)),
		Long:    "Write one of the files that were attached to a task. It may be personal data.",
		Example: "  habeas task attachment 7QK2M-9XH4T --file 1 --out shredding-log.jpg",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return misuse("--out is needed: which file is it written to?")
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			var file bytes.Buffer
			name, err := d.Attachment(cmd.Context(), id, n, &file)
			if err != nil {
				return err
			}
			if err := writeNew(out, file.Bytes(), private); err != nil {
				return err
			}
			return a.print(map[string]any{"name": name, "size": file.Len(), "out": out}, func() { a.say("%s, %d bytes", out, file.Len()) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not exist yet")
	cmd.Flags().IntVar(&n, "file", 1, "which of the task's files, from 1")
	return cmd
}
