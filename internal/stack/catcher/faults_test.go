package catcher

import (
	"errors"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	c := run(t, Options{Dir: t.TempDir()})
	ctx := t.Context()
	cases := []struct {
		name    string
		fault   Fault
		code    int // of the SMTP answer; 0: the connection is lost
		kept    bool
		minimum time.Duration
	}{
		{"rcpt", Fault{Rcpt: "550 5.1.1", Match: "bad@", Count: 1}, 550, false, 0},
		{"mail", Fault{Mail: "421 4.7.0", Count: 1}, 421, false, 0},
		{"data", Fault{Data: "451 4.3.0", Match: "bad@", Count: 1}, 451, false, 0},
		{"drop", Fault{DropAfterData: true, Count: 1}, 0, true, 0},
		{"delay", Fault{DelayMS: 150, Data: "452", Count: 1}, 452, false, 150 * time.Millisecond},
	}
	for _, tc := range cases {
		if err := c.Clear(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.Arm(ctx, tc.fault); err != nil {
			t.Fatal(err)
		}
		if tc.fault.Match != "" {
			if err := send(t, c.smtp, "good@mail.example", "g"); err != nil {
				t.Errorf("%s: it hit an address that does not match: %v", tc.name, err)
			}
			_ = c.Clear(ctx)
		}
		start := time.Now()
		err := send(t, c.smtp, "bad@mail.example", "b")
		var answer *smtp.SMTPError
		switch {
		case err == nil:
			t.Errorf("%s: no error", tc.name)
		case errors.As(err, &answer) != (tc.code != 0) || tc.code != 0 && answer.Code != tc.code:
			t.Errorf("%s: want code %d, got %v", tc.name, tc.code, err)
		}
		if took := time.Since(start); took < tc.minimum {
			t.Errorf("%s: answered after %v", tc.name, took)
		}
		list, err := c.List(ctx, "")
		if err != nil || (len(list) == 1) != tc.kept {
			t.Errorf("%s: %d letters kept, %v", tc.name, len(list), err)
		}
		if err := send(t, c.smtp, "bad@mail.example", "again"); err != nil {
			t.Errorf("%s: a fault for one time hit twice: %v", tc.name, err)
		}
	}
	for _, f := range []Fault{{}, {Rcpt: "250 2.0.0"}, {Rcpt: "550 4.1.1"}, {SMS: 200}, {DelayMS: -1}, {Match: "x"}} {
		if err := c.Arm(ctx, f); err == nil {
			t.Errorf("the fault %+v was taken", f)
		}
	}
	if err := c.Arm(ctx, Fault{Rcpt: "550 5.1.1"}); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c.smtp, "a@a.example", "x"); err == nil {
		t.Error("a fault without a count did not hit")
	}
	if err := c.Disarm(ctx); err != nil {
		t.Fatal(err)
	}
	if err := send(t, c.smtp, "a@a.example", "x"); err != nil {
		t.Errorf("after disarming: %v", err)
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	c := run(t, Options{Dir: t.TempDir(), Username: "habeas", Password: "right"})
	for password, want := range map[string]int{"right": 0, "wrong": 535} {
		client, err := smtp.Dial(c.smtp)
		if err != nil {
			t.Fatal(err)
		}
		err = client.Auth(sasl.NewPlainClient("", "habeas", password))
		var answer *smtp.SMTPError
		if (want == 0) != (err == nil) || want != 0 && (!errors.As(err, &answer) || answer.Code != want) {
			t.Errorf("password %q: %v", password, err)
		}
		_ = client.Close()
	}
	if err := send(t, c.smtp, "a@a.example", "x"); err == nil {
		t.Error("mail was taken without a login")
	}
}
