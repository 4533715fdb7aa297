package endtoend

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/certificate"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// visitors is a system in which people look by hand when somebody asks what is held.
const visitors = `version: 1
system: visitors
title: {zh: 访客登记簿, en: Visitors' book}
driver: manual
region: cn
owner: reception@yunzhan.example
rights: [access]
tells: [account]
instructions: {zh: 查找此人的访客登记页并扫描, en: Find and scan this person's pages}
`

func fileOf(name, text string) desk.File {
	return desk.File{Name: name, Read: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// byHandNeedsItsProof looks at the task on paper, gives answers that lack something, and finds that
// none was taken.
func (s *stubborn) byHandNeedsItsProof(ref contract.Ref) {
	s.t.Helper()
	task, err := s.d.Task(s.ctx, s.task(ref, dsr.TaskByHand).ID)
	if err != nil {
		s.t.Fatal(err)
	}
	shown := task.Shown.ByHand
	if task.System != "paper" || task.Due == nil || shown == nil || shown.Right != "deletion" ||
		!slices.Contains(shown.Person, dsr.Identity{Kind: "account", Value: s.p.Login}) {
		s.t.Fatal("the task does not say what is to be done, until when, and about whom")
	}
	if slices.ContainsFunc(shown.Person, func(id dsr.Identity) bool { return id.Value == s.p.Mobile }) {
		s.t.Error("a mobile that somebody else has too names the person")
	}
	large := strings.Repeat("x", dsr.MaxEvidence+1)
	for name, done := range map[string]desk.ByHand{
		"no proof":         {Outcome: dsr.DoneDeleted, Rows: 1, Reason: "done"},
		"nothing done":     {Reason: "done"},
		"too large a file": {Outcome: dsr.DoneDeleted, Rows: 1, Reason: "done", Files: []desk.File{fileOf("log.txt", large)}},
		"an empty file":    {Outcome: dsr.DoneDeleted, Rows: 1, Reason: "done", Files: []desk.File{fileOf("log.txt", "")}},
	} {
		if _, err := s.d.CompleteByHand(s.ctx, task.ID, done, s.c.Staff["an"]); !fault.Is(err, contract.ErrBadInput) {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	// Signed past the command line all the same, the worker says no.
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Complete, "done", s.c.Staff["an"]); !fault.Is(err, contract.ErrBadInput) {
		s.t.Errorf("an answer without outcome: %v", err)
	}
	files, err := s.d.Store.Evidence(s.ctx, task.ID)
	if err != nil || len(files) != 0 {
		s.t.Errorf("%d files were kept of refused answers, %v", len(files), err)
	}
}

// provenByHand holds the certificate against the file that was attached, which outlives the case's end.
func (s *stubborn) provenByHand(ref contract.Ref) {
	s.t.Helper()
	got := s.certified(ref)
	i := slices.IndexFunc(got.Systems, func(c certificate.System) bool { return c.Name.EN == "Contracts on paper" })
	if i < 0 || got.Systems[i].Proof == nil || got.Systems[i].State != certificate.Done {
		s.t.Fatalf("the certificate does not name the paper: %+v", got.Systems)
	}
	proof := got.Systems[i].Proof
	files, err := s.d.Store.Evidence(s.ctx, proof.Task)
	if err != nil || len(files) != 1 || len(proof.Evidence) != 1 || proof.Evidence[0] != hex.EncodeToString(files[0].SHA256) || proof.Outcome != dsr.DoneDeleted {
		s.t.Fatalf("the proof: %+v, %d files, %v", proof, len(files), err)
	}
	var file bytes.Buffer
	name, err := s.d.Attachment(s.ctx, proof.Task, 1, &file)
	if err != nil || name != "shredding-log.txt" || !strings.Contains(file.String(), "shredded") {
		s.t.Errorf("the file that was attached: %q, %d bytes, %v", name, file.Len(), err)
	}
	sealed, err := s.d.Blobs.Open(s.ctx, files[0].Blob)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = sealed.Close() }()
	if raw, err := io.ReadAll(sealed); err != nil || bytes.Contains(raw, []byte("shredded")) {
		s.t.Errorf("the file lies open in the blob store: %v", err)
	}
}

// accessByHand puts what somebody found by hand into the package.
func accessByHand(s *stubborn) {
	ref := s.open()
	s.verify(ref)
	task := s.task(ref, dsr.TaskByHand)
	if tasks, err := s.d.Store.ListTasks(s.ctx, casefile.TaskFilter{Ref: ref, Kind: string(dsr.TaskReview)}); err != nil || len(tasks) != 0 {
		s.t.Errorf("it is reviewed before everything is there: %d, %v", len(tasks), err)
	}
	const page = "visitor 7, 24 November, to see the sales team\n"
	_, err := s.d.CompleteByHand(s.ctx, task.ID, desk.ByHand{Outcome: dsr.DoneProvided, Rows: 1, Reason: "one page", Files: []desk.File{fileOf("page of somebody.TXT", page)}}, s.c.Staff["an"])
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.c.Review(s.ctx, s.d, ref, dsr.ChoiceDrop); err != nil {
		s.t.Fatal(err)
	}
	s.sign(ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	s.state(ref, dsr.StateReady)
	raw := s.download(ref)
	s.state(ref, dsr.StateClosed)
	pack, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		s.t.Fatal(err)
	}
	file, err := pack.Open("data/visitors/file-1.txt")
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := io.ReadAll(file)
	if err != nil || string(got) != page {
		s.t.Errorf("the file in the package has %d bytes, %v", len(got), err)
	}
	if index, err := pack.Open("index.html"); err != nil {
		s.t.Error(err)
	} else if text, err := io.ReadAll(index); err != nil || !bytes.Contains(text, []byte("data/visitors/file-1.txt")) {
		s.t.Errorf("the page does not name the file: %v", err)
	}
}
