package endtoend

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// brought is a case that somebody brings for another.
type brought struct {
	*stubborn
	who *demo.Person // who brings it
	ref contract.Ref
}

func bring(t *testing.T, c *demo.Company, p example.Person, as, name, mail string, account string) *brought {
	t.Helper()
	b := &brought{stubborn: newStubborn(t, c, p, 5*time.Minute), who: c.Person(example.Person{Name: name, Email: mail, Mobile: "10000000001", Language: "en"})}
	if err := b.p.ForgetUnread(b.ctx); err != nil { // of other tests' cases
		t.Fatal(err)
	}
	o := desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: account}}, Lang: "en", Requester: as, Channel: "letter",
		Representative: &dsr.Representative{Name: name, Email: mail}}
	if as == dsr.RequesterRelative {
		o.Representative.Purpose = "to settle the estate"
	}
	ref, err := c.Open(b.ctx, b.d, o)
	if err != nil {
		t.Fatal(err)
	}
	b.ref = ref
	return b
}

// documents attaches what came, as an, and gives the task in which it is decided on.
func (b *brought) documents(kind dsr.TaskKind) casefile.Task {
	b.t.Helper()
	task := b.task(b.ref, dsr.TaskAuthority)
	b.until("attaching the documents", func(ctx context.Context) (bool, error) {
		_, err := b.d.CompleteByHand(ctx, task.ID, desk.ByHand{Outcome: dsr.ProofProvided, Reason: "came by post",
			Files: []desk.File{fileOf("permission.txt", "I, the person, let them ask for a copy of my data.")}}, b.c.Staff["an"])
		return err == nil, err
	})
	return b.task(b.ref, kind)
}

// told waits for a letter to whoever brings the case and gives its text.
func (b *brought) told(subject string) string {
	b.t.Helper()
	var text string
	b.until("the letter "+subject, func(ctx context.Context) (bool, error) {
		list, err := b.who.Letters(ctx)
		for _, l := range list {
			if strings.HasPrefix(l.Subject, subject) && strings.Contains(l.Subject, b.ref.ID()) {
				text = l.Text
				for _, problem := range l.Problems {
					b.t.Errorf("%s: %s", l.Subject, problem)
				}
			}
		}
		return text != "", err
	})
	return text
}

// closed waits for the end and gives the outcome.
func (b *brought) closed() dsr.Outcome {
	b.t.Helper()
	b.state(b.ref, dsr.StateClosed)
	k, err := b.d.Store.Case(b.ctx, b.ref)
	if err != nil {
		b.t.Fatal(err)
	}
	return k.Outcome
}

// Whoever asks for somebody else shows that they may before anybody is looked up; a reviewer who is not
// the one that took the documents in decides, and the person confirms what an agent asks for.
func TestRepresentatives(t *testing.T) {
	c := common(t)
	cast := example.Cast()

	t.Run("agent", func(t *testing.T) {
		b := bring(t, c, cast.English, dsr.RequesterAgent, "Ada Agent", "ada@agents.example", cast.English.Login)
		b.nothingWithoutDecision()
		task := b.documents(dsr.TaskMayAct)
		for _, who := range []string{"an", "dai"} { // took the documents in; has no such role
			if _, err := b.d.Decide(b.ctx, task.ID, dsr.Approve, "", c.Staff[who]); !fault.Is(err, contract.ErrBadSignature) {
				t.Errorf("%s decided: %v", who, err)
			}
		}
		if n := len(b.letters()); n != 0 {
			t.Errorf("%d letters went out before it was decided", n)
		}
		b.sign(b.ref, dsr.TaskMayAct, "bo", dsr.Approve, "")
		b.told("We have looked at your documents")
		b.verifyAsked("Ada Agent")
		b.sign(b.ref, dsr.TaskReview, "bo", dsr.Approve, "")
		b.sign(b.ref, dsr.TaskRelease, "cao", dsr.Approve, "")
		b.state(b.ref, dsr.StateReady)
		b.download(b.ref) // by the person, with a code to the person
		if got := b.closed(); got != dsr.Fulfilled {
			t.Errorf("outcome %q", got)
		}
		if text := b.told("The case that you brought is closed"); strings.Contains(text, cast.English.Email) || strings.Contains(text, cast.English.Name) {
			t.Errorf("the agent's letter speaks of the person:\n%s", text)
		}
	})

	t.Run("declined alike", func(t *testing.T) {
		var texts []string
		for _, account := range []string{cast.NoData.Login, "nobody-at-all"} {
			b := bring(t, c, cast.NoData, dsr.RequesterAgent, "Ada Agent", "ada@agents.example", account)
			task := b.task(b.ref, dsr.TaskAuthority)
			b.until("saying that nothing came", func(ctx context.Context) (bool, error) {
				_, err := b.d.CompleteByHand(ctx, task.ID, desk.ByHand{Outcome: dsr.ProofMissing, Reason: "nothing came"}, c.Staff["an"])
				return err == nil, err
			})
			decide := b.task(b.ref, dsr.TaskMayAct)
			if _, err := b.d.Decide(b.ctx, decide.ID, dsr.Approve, "", c.Staff["bo"]); !fault.Is(err, contract.ErrBadInput) {
				t.Errorf("approved without a document: %v", err)
			}
			b.sign(b.ref, dsr.TaskMayAct, "bo", dsr.Reject, "no permission")
			texts = append(texts, strings.ReplaceAll(b.told("We cannot accept a request"), b.ref.ID(), "CASE"))
			if got := b.closed(); got != dsr.Unverified {
				t.Errorf("outcome %q", got)
			}
			if list := b.letters(); len(list) != 1 {
				t.Errorf("letters: %v", list)
			}
		}
		if texts[0] != texts[1] {
			t.Error("the letter tells whether we know the person")
		}
	})

	t.Run("guardian", func(t *testing.T) {
		b := bring(t, c, cast.NoData, dsr.RequesterGuardian, "Gail Guardian", "gail@family.example", cast.NoData.Login)
		b.documents(dsr.TaskMayAct)
		b.sign(b.ref, dsr.TaskMayAct, "bo", dsr.Retry, "the birth certificate is missing")
		b.documents(dsr.TaskMayAct)
		b.readsInTheirPlace(dsr.TaskMayAct, "bo")
	})

	t.Run("relative", func(t *testing.T) {
		b := bring(t, c, cast.NoData, dsr.RequesterRelative, "Rita Relative", "rita@family.example", cast.NoData.Login)
		b.documents(dsr.TaskRelative)
		b.readsInTheirPlace(dsr.TaskRelative, "cao")
		ctx, d := deskOf(t, c)
		_, err := c.Open(ctx, d, desk.Opening{Identities: []dsr.Identity{{Kind: "account", Value: cast.NoData.Login}}, Laws: []string{"eu-gdpr"},
			Requester: dsr.RequesterRelative, Representative: &dsr.Representative{Name: "R", Email: "r@family.example", Purpose: "the estate"}})
		if !fault.Is(err, contract.ErrBadInput) {
			t.Errorf("a relative under a law without such a right: %v", err)
		}
	})
}

// nothingWithoutDecision has every step run that could look the person up or tell somebody something.
func (b *brought) nothingWithoutDecision() {
	b.t.Helper()
	b.task(b.ref, dsr.TaskAuthority)
	err := privateAs(b.t, b.stubborn, b.d.Temporal, string(b.ref)+"-rogue", func(ctx workflow.Context) error {
		all := &attempts{ctx: ctx}
		defer all.refused(b.t)
		all.try(contract.QueueSystem("accounts"), contract.FindAccount.Name, contract.RefInput{Ref: b.ref})
		all.try(contract.QueueCore, contract.PlanSearch.Name, contract.RefInput{Ref: b.ref})
		all.try(contract.QueueLetters, contract.IssueCode.Name, contract.IssueCodeInput{Ref: b.ref, Purpose: dsr.CodeVerify, Occasion: "1"})
		for _, template := range []string{"ack", "verify_agent", "representative_accepted", "representative_declined", "representative_closed"} {
			all.try(contract.QueueLetters, contract.SendLetter.Name, contract.LetterInput{Ref: b.ref, Template: template, Occasion: "1", Outcome: string(dsr.Unverified)})
		}
		all.try(contract.QueueCore, contract.OpenTask.Name, contract.OpenTaskInput{Ref: b.ref, Kind: string(dsr.TaskMayAct), Occasion: "round-1"})
		all.try(contract.QueueCore, contract.CloseCase.Name, contract.CloseInput{Ref: b.ref, Outcome: string(dsr.Unverified)})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// verifyAsked has the person read who asks for them, and type the code of that letter.
func (b *brought) verifyAsked(agent string) {
	b.t.Helper()
	b.until("the letter to the person", func(ctx context.Context) (bool, error) {
		list, err := b.p.Letters(ctx)
		for _, l := range list {
			if strings.HasPrefix(l.Subject, "Does somebody ask for you?") && strings.Contains(l.Subject, b.ref.ID()) {
				if !strings.Contains(l.Text, agent) {
					b.t.Error("the person does not read who asks for them")
				}
				return true, nil
			}
		}
		return false, err
	})
	b.verify(b.ref)
}

// readsInTheirPlace goes on to the end with whoever reads in the person's place: codes, letters and the
// package go to them, and the person's own addresses get nothing.
func (b *brought) readsInTheirPlace(kind dsr.TaskKind, signer string) {
	b.t.Helper()
	b.sign(b.ref, kind, signer, dsr.Approve, "")
	b.told("We have looked at your documents")
	person := b.p
	b.p = b.who
	b.verify(b.ref)
	b.sign(b.ref, dsr.TaskReview, "bo", dsr.Approve, "")
	b.sign(b.ref, dsr.TaskRelease, "cao", dsr.Approve, "")
	b.state(b.ref, dsr.StateReady)
	if zip := b.download(b.ref); !bytes.HasPrefix(zip, []byte("PK")) {
		b.t.Error("what was downloaded is no ZIP")
	}
	if got := b.closed(); got != dsr.Fulfilled {
		b.t.Errorf("outcome %q", got)
	}
	list, err := person.Letters(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, l := range list {
		if strings.Contains(l.Subject, b.ref.ID()) {
			b.t.Errorf("the person got %q", l.Subject)
		}
	}
}

// letters are the templates of what went out in this case.
func (b *brought) letters() []string {
	b.t.Helper()
	list, err := b.d.Store.Letters(b.ctx, b.ref)
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, l := range list {
		names = append(names, l.Template)
	}
	return names
}
