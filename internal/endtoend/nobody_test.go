package endtoend

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

// Nobody is found under what a request for deletion names: the address that it names gets one letter, which
// says so.
func TestDeletionOfNobody(t *testing.T) {
	c := common(t)
	stranger := example.Person{Email: "nobody@strangers.example", Mobile: "10000000002", Language: "en"}
	s := newStubborn(t, c, stranger, 4*time.Minute)
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundConsent, Lang: "en", OpenedBy: "an",
		Identities: []dsr.Identity{{Kind: "email", Value: stranger.Email}}})
	if err != nil {
		t.Fatal(err)
	}
	s.sign(ref, dsr.TaskNoAccount, "bo", dsr.Complete, "asked again on the phone: no other address")
	s.state(ref, dsr.StateClosed)
	s.until("the letter", func(ctx context.Context) (bool, error) {
		list, err := s.p.Letters(ctx)
		return len(list) == 1 && strings.Contains(list[0].Subject, ref.ID()) && len(list[0].Problems) == 0, err
	})
	if k, err := s.d.Store.Case(s.ctx, ref); err != nil || k.Outcome != dsr.NoData {
		t.Errorf("outcome %q, %v", k.Outcome, err)
	}
}
