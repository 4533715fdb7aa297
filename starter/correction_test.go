package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// A new value comes from a file or from standard input, and never from the command line itself.
func TestWishesNeverStandOnTheCommandLine(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new.txt")
	if err := os.WriteFile(file, []byte("new@persons.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{in: strings.NewReader("piped@persons.example\n")}
	var o desk.Opening
	if err := a.wishes(&o, []string{"contact.email=@" + file, "contact.mobile=-"}); err != nil {
		t.Fatal(err)
	}
	if len(o.Wishes) != 2 || o.Wishes[0] != (dsr.Wish{Field: "contact.email", Value: "new@persons.example"}) || o.Wishes[1].Value != "piped@persons.example" {
		t.Errorf("read %d wishes", len(o.Wishes))
	}
	for _, set := range []string{"contact.email=secret@persons.example", "=@" + file, "contact.email", "contact.email=@" + file + ".not"} {
		err := a.wishes(&desk.Opening{}, []string{set})
		if err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s was taken, or its value is in the error", strings.SplitN(set, "=", 2)[0])
		}
	}
}
