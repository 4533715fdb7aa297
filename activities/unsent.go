package activities

import (
	"context"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// showUnsent writes the letter that could not be sent, to be printed or told on the phone: what would not be
// sent by itself is not told by hand either. A letter with a code is not written: the code goes to a
// registered channel or nowhere.
func (a *Activities) showUnsent(ctx context.Context, s *dsr.Shown, outcome string) error {
	name, occasion, _ := strings.Cut(s.Occasion, "/")
	for again := true; again; { // of a task that was asked before
		occasion, again = strings.CutSuffix(occasion, "/again")
	}
	s.Unsent = &dsr.ShownUnsent{Template: name}
	for _, code := range codeLetters {
		if name == string(code) {
			return a.scriptFor(ctx, s)
		}
	}
	account, fields, err := a.written(ctx, contract.LetterInput{Ref: s.Ref, Template: name, Occasion: occasion, Outcome: outcome})
	if err != nil {
		return err
	}
	m, err := letters.Render(letters.Template(name), account.Lang, fields)
	if err != nil {
		return err
	}
	s.Unsent.Lang, s.Unsent.Subject, s.Unsent.Text, s.Unsent.Page = m.Lang, m.Subject, m.Text, m.HTML
	s.Unsent.Script, err = letters.PhoneScript(account.Lang, fields, true)
	return err
}

// scriptFor adds what to say when a code reached nobody.
func (a *Activities) scriptFor(ctx context.Context, s *dsr.Shown) error {
	account, err := a.account(ctx, s.Ref)
	if fault.Is(err, contract.ErrNotFound) {
		account, err = a.stranger(ctx, s.Ref)
	}
	if err != nil {
		return err
	}
	fields, err := a.fields(ctx, s.Ref, account)
	if err != nil {
		return err
	}
	s.Unsent.Lang = account.Lang
	s.Unsent.Script, err = letters.PhoneScript(account.Lang, fields, false)
	return err
}
