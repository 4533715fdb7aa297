package bounces

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// sent is a casefile with a notice whose letters to so many people were taken.
func sent(t *testing.T, people int) (Listener, *casefile.Store, contract.Ref) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	url := pgtest.URL(t)
	_, _, err := casefile.Migrate(ctx, url)
	must(err)
	dir := filepath.Join(t.TempDir(), "keys")
	must(seal.Init(dir))
	keys, err := seal.Open(dir)
	must(err)
	store, err := casefile.Open(ctx, url, keys, time.Now)
	must(err)
	t.Cleanup(func() { _ = store.Close() })
	ref, err := store.CreateNotice(ctx, casefile.NewNotice{Kind: "breach", Laws: []string{"cn-pipl"}, OpenedBy: "an", AwareAt: time.Now(), DueAt: time.Now(),
		MapHash: "0badcafe", File: []byte(`{"kind":"breach","pace":{"retry":1000000000,"give_up":86400000000000}}`)})
	must(err)
	var list []casefile.Addressee
	for i := range people {
		list = append(list, casefile.Addressee{Email: fmt.Sprintf("p%d@people.example", i), Lang: "en"})
	}
	_, err = store.AddConcerned(ctx, ref, 0, 0, list)
	must(err)
	_, err = store.Freeze(ctx, ref, []int{100}, 0, []byte{1})
	must(err)
	claimed, err := store.ClaimRecipients(ctx, ref, 1, 0, people)
	must(err)
	var ns []int64
	var done []casefile.Settled
	for _, r := range claimed {
		ns = append(ns, r.N)
		done = append(done, casefile.Settled{N: r.N, State: casefile.MailSent, Reply: "250"})
	}
	must(store.Settle(ctx, ref, nil, ns))
	must(store.Settle(ctx, ref, done, nil))
	l := Listener{Store: store, Log: slog.New(slog.DiscardHandler), MAC: func(notice string, n int64) []byte { return seal.BounceMAC(keys, notice, n) }}
	return l, store, ref
}

// dsn is a delivery status notification (RFC 3464) as a mail server leaves it in a mailbox.
func dsn(header, to, status string) string {
	return header + ": " + to + "\nFrom: MAILER-DAEMON@mx.example\nTo: somebody@yunzhan.example\nSubject: failed\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n>From the mail system: sorry\n--b\n" +
		"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; x@q.example\nAction: failed\nStatus: " + status + "\n\n--b--\n"
}

// A mailbox file and a Maildir are read like the listener: each message once, however often it is
// looked at, half a message not at all, and nobody else's.
func TestMailboxIsReadOnce(t *testing.T) {
	t.Parallel()
	l, store, ref := sent(t, 5)
	back := func(n int64) string { return letters.VERP(ref.ID(), n, l.MAC(ref.ID(), n), "yunzhan.example") }
	dir := t.TempDir()
	mbox, maildir := filepath.Join(dir, "mbox"), filepath.Join(dir, "Maildir")
	file := &Mailbox{Listener: l, Path: mbox}
	look := func(b *Mailbox, want int, bounced, deferred int64) {
		t.Helper()
		got, err := b.Look(t.Context())
		if err != nil || got != want {
			t.Fatalf("%d messages of ours, %v; want %d", got, err, want)
		}
		tally, err := store.Tally(t.Context(), ref)
		if err != nil || tally.Mail[casefile.MailBounced] != bounced || tally.Mail[casefile.MailDeferred] != deferred {
			t.Fatalf("%+v %v; want %d bounced, %d deferred", tally.Mail, err, bounced, deferred)
		}
	}
	look(file, 0, 0, 0) // nothing was delivered yet

	whole := "From MAILER-DAEMON Wed Nov 25 00:00:00 2026\n" + dsn("X-Original-To", back(1), "5.1.1") + "\n" +
		"From friend@q.example Wed Nov 25 00:00:00 2026\nTo: somebody@yunzhan.example\nSubject: hello\n\nNot yours.\n\n" +
		"From MAILER-DAEMON Wed Nov 25 00:00:00 2026\n" + dsn("Delivered-To", strings.Replace(back(2), ".2.", ".3.", 1), "5.1.1") + "\n" // forged: another's number
	half := "From MAILER-DAEMON Wed Nov 25 00:00:00 2026\n" + dsn("Delivered-To", "<"+back(2)+">", "4.2.2")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(mbox, whole+half[:len(half)-40])
	look(file, 1, 1, 0)
	look(file, 0, 1, 0)
	write(mbox, whole+half+"\n")
	look(file, 1, 1, 1)
	look(&Mailbox{Listener: l, Path: mbox}, 2, 1, 1) // another worker reads it all again: it counts once

	for _, folder := range []string{"cur", "tmp"} {
		write(filepath.Join(maildir, folder, ".keep"), "")
	}
	write(filepath.Join(maildir, "new", "1.host"), dsn("Delivered-To", back(4), "5.1.1"))
	box := &Mailbox{Listener: l, Path: maildir}
	look(box, 1, 2, 1)
	if err := os.Rename(filepath.Join(maildir, "new", "1.host"), filepath.Join(maildir, "cur", "1.host:2,S")); err != nil {
		t.Fatal(err)
	}
	look(box, 0, 2, 1) // somebody has seen it: it is the same message
	look(&Mailbox{Listener: l, Path: maildir}, 1, 2, 1)
	if _, err := (&Mailbox{Listener: l, Path: dir}).Look(t.Context()); err == nil {
		t.Error("a folder that is no Maildir was read")
	}
}
