package endtoend

import (
	"context"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// A new e-mail address gets a code, and only there: whoever reads it confirms it.
func TestANewAddressIsConfirmedByMail(t *testing.T) {
	c := common(t)
	s := newStubborn(t, c, example.Cast().CaseTwinB, 4*time.Minute)
	fresh := c.Person(example.Person{Email: "anna.new@inbox.example", Mobile: "10000000003", Language: "en"})
	ref := s.askCorrection(dsr.Wish{Field: "contact.email", Value: fresh.Email})
	s.state(ref, dsr.StateConfirming)
	s.until("confirming the new address", func(ctx context.Context) (bool, error) {
		code, err := fresh.Code(ctx)
		if err != nil {
			return false, err
		}
		met, _, err := s.d.VerifyCode(ctx, ref.ID(), code)
		return met, err
	})
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Reject, "asked for by mistake")
	s.state(ref, dsr.StateClosed)
}
