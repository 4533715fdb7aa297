package endtoend

import (
	"bytes"
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/blobs"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// changeMail writes that somebody's e-mail address was changed today, and with address empty forgets where they live.
func (s *stubborn) changeMail(address bool) (street string) {
	s.t.Helper()
	db, err := sql.Open("postgres", s.c.Stack.LoadDSNs()["accounts"])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	query := `UPDATE accounts.users SET email_since = now() WHERE login_name = $1 RETURNING contact_address`
	if !address {
		query = `UPDATE accounts.users SET email_since = now(), contact_address = NULL WHERE login_name = $1 RETURNING ''`
	}
	if err := db.QueryRowContext(s.ctx, query, s.p.Login).Scan(&street); err != nil {
		s.t.Fatal(err)
	}
	return street
}

// threePoints gives the two facts that California asks for beside a code.
func (s *stubborn) threePoints(ref contract.Ref) {
	s.t.Helper()
	db, err := sql.Open("postgres", s.c.Stack.LoadDSNs()["accounts"])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var street string
	if err := db.QueryRowContext(s.ctx, `SELECT contact_address FROM accounts.users WHERE login_name = $1`, s.p.Login).Scan(&street); err != nil {
		s.t.Fatal(err)
	}
	s.until("giving two facts", func(ctx context.Context) (bool, error) {
		_, err := s.p.Form(ctx, "/case/proof/facts", url.Values{"fact1": {s.p.IDNumber}, "fact2": {street}})
		return err == nil, err
	})
}

// firstCode types the first code, which came to the number that did not change, and gives the page that follows.
func (s *stubborn) firstCode(ref contract.Ref) string {
	s.t.Helper()
	code := s.code(ref, dsr.CodeVerify, false)
	var page string
	s.until("typing the first code", func(ctx context.Context) (bool, error) {
		var err error
		page, err = s.p.Form(ctx, "/case/verify", url.Values{"id": {ref.ID()}, "code": {code}})
		return err == nil, err
	})
	c, err := s.d.Store.MetChallenge(s.ctx, ref, dsr.CodeVerify)
	if err != nil || c.Channel != "mobile" {
		s.t.Errorf("the first code went to a channel that changed today: %q, %v", c.Channel, err)
	}
	return page
}

// warned waits until the address that changed heard that somebody asks.
func (s *stubborn) warned(ref contract.Ref) {
	s.t.Helper()
	s.until("the warning", func(ctx context.Context) (bool, error) {
		sent, err := s.d.Store.Letters(ctx, ref)
		for _, l := range sent {
			if l.Template == "not_you_alert" && l.State == casefile.LetterSent && l.Channel == "email" {
				return true, nil
			}
		}
		return false, err
	})
}

// climbByFacts is a person whose e-mail address changed today: the code goes to the number that did not, the
// address is warned, and a code alone lets nothing be searched. Two facts do.
func climbByFacts(s *stubborn) contract.Ref {
	s.t.Helper()
	street := s.changeMail(true)
	ref := s.open()
	if page := s.firstCode(ref); !strings.Contains(page, "/case/proof/facts") {
		s.t.Fatalf("no questions are asked")
	}
	s.warned(ref)
	s.until("waiting for more", func(ctx context.Context) (bool, error) {
		c, err := s.d.Store.Case(ctx, ref)
		return err == nil && c.WaitingOn == "person:proof", err
	})
	if _, err := s.p.Form(s.ctx, "/case/proof/facts", url.Values{"fact1": {"990101199001011234"}, "fact2": {street}}); err == nil {
		s.t.Error("a wrong answer was taken")
	}
	if c, err := s.d.Store.Case(s.ctx, ref); err != nil || c.State != dsr.StateVerifying {
		s.t.Errorf("after a wrong answer the case is %s, %v", c.State, err)
	}
	if _, err := s.p.Form(s.ctx, "/case/proof/facts", url.Values{"fact1": {" " + strings.ToLower(s.p.IDNumber)}, "fact2": {street}}); err != nil {
		s.t.Error(err)
	}
	s.sign(ref, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
	s.state(ref, dsr.StateClosed)
	return ref
}

// climbByDocument is a person of whom we hold one fact only: a document is looked at. One that proves nothing ends
// the case; it is taken up again, and one that does lets it go on. The files are gone at the end.
func climbByDocument(s *stubborn) (refused, again contract.Ref) {
	s.t.Helper()
	s.changeMail(false)
	refused = s.open()
	s.showDocument(refused, "selfie.jpg", []byte("\xff\xd8\xff\xe0 not a paper at all"))
	s.sign(refused, dsr.TaskIdentity, "bo", dsr.Reject, "this is no document")
	s.state(refused, dsr.StateClosed)
	if c, err := s.d.Store.Case(s.ctx, refused); err != nil || c.Outcome != dsr.Unverified {
		s.t.Fatalf("ended as %q, %v", c.Outcome, err)
	}
	s.documentsGone(refused)
	if err := s.p.ForgetUnread(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	again, err := s.d.ReopenCase(s.ctx, refused.ID(), "an")
	if err != nil {
		s.t.Fatal(err)
	}
	if twice, err := s.d.ReopenCase(s.ctx, refused.ID(), "an"); !fault.Is(err, contract.ErrConflict) || twice != again {
		s.t.Errorf("taken up a second time: %s, %v", twice, err)
	}
	s.showDocument(again, "id-card.pdf", []byte("%PDF-1.7 an identity card"))
	s.sign(again, dsr.TaskIdentity, "bo", dsr.Approve, "")
	s.sign(again, dsr.TaskReview, "bo", dsr.Reject, "asked for by mistake")
	s.state(again, dsr.StateClosed)
	s.documentsGone(again)
	if _, err := s.d.ReopenCase(s.ctx, again.ID(), "an"); !fault.Is(err, contract.ErrNotOpen) {
		s.t.Errorf("a refused case was taken up again: %v", err)
	}
	return refused, again
}

// showDocument types the first code and adds a document on the page that follows, once the check waits for it.
func (s *stubborn) showDocument(ref contract.Ref, name string, content []byte) {
	s.t.Helper()
	s.firstCode(ref)
	task := s.task(ref, dsr.TaskIdentity)
	if _, err := s.d.Decide(s.ctx, task.ID, dsr.Approve, "", s.c.Staff["bo"]); !fault.Is(err, contract.ErrBadInput) {
		s.t.Errorf("approved without a document: %v", err)
	}
	s.until("adding a document", func(ctx context.Context) (bool, error) {
		err := s.p.Upload(ctx, name, content)
		return err == nil, err
	})
	var back bytes.Buffer
	if got, err := s.d.Attachment(s.ctx, task.ID, 1, &back); err != nil || got != name || !bytes.Equal(back.Bytes(), content) {
		s.t.Errorf("the reviewer reads %q, %d bytes, %v", got, back.Len(), err)
	}
}

// documentsGone says that the files are wiped with the end of the case: marked, and not in the blob store.
func (s *stubborn) documentsGone(ref contract.Ref) {
	s.t.Helper()
	files, err := s.d.Store.Proofs(s.ctx, ref, dsr.TaskIdentity)
	if err != nil || len(files) != 1 {
		s.t.Fatalf("%d files, %v", len(files), err)
	}
	store, err := blobs.OpenStore(s.ctx, s.c.Env["HABEAS_BLOBS"])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		if file.WipedAt == nil {
			s.t.Error("a document is not wiped at the end of its case")
		}
		if r, err := store.Open(s.ctx, file.Blob); !fault.Is(err, contract.ErrNotFound) {
			s.t.Errorf("its blob is still there: %v", err)
			if err == nil {
				_ = r.Close()
			}
		}
	}
}

// twoWithFacts are two ordinary people who climb the ladder.
func twoWithFacts(t *testing.T, c *demo.Company) []example.Person { return ordinary(t, c, 3)[1:] }

// climbNot is a person who never proves who they are: two reminders, and the end, in seconds for days.
func climbNot(s *stubborn) contract.Ref {
	s.t.Helper()
	if _, err := s.c.Stack.StopProcess("worker"); err != nil {
		s.t.Fatal(err)
	}
	s.c.Env["HABEAS_VERIFY_WITHIN"] = "14s"
	if err := s.c.StartWorker(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	ref := s.open()
	s.state(ref, dsr.StateClosed)
	sent, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string]int{}
	for _, l := range sent {
		if l.State == casefile.LetterSent {
			got[l.Template]++
		}
	}
	if c, err := s.d.Store.Case(s.ctx, ref); err != nil || c.Outcome != dsr.Unverified || got["verify_remind"] != 2 || got["case_unverified"] != 1 {
		s.t.Errorf("outcome %q, letters %v, %v", c.Outcome, got, err)
	}
	return ref
}
