package endtoend

import (
	"testing"

	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
)

func TestAccess(t *testing.T) {
	c := common(t)
	ctx, d := deskOf(t, c)
	p := example.Cast().Plain
	answer, err := c.Access(ctx, d, c.Person(p), desk.Opening{
		Identities: []dsr.Identity{{Kind: "account", Value: p.Login}}, Lang: p.Language})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Case.Outcome != dsr.Fulfilled {
		t.Errorf("outcome %q", answer.Case.Outcome)
	}
}
