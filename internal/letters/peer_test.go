package letters

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// TestPostfix sends letters to a real mail server over STARTTLS, logged in, and holds what lies in
// the mailbox after: the letter as it was, under a signature that still verifies.
//
// Postfix starts as root alone. Anybody else needs a sudo that asks for no password.
func TestPostfix(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		throughSudo(t)
		return
	}
	p := startPostfix(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign, err := LoadDKIM(writeKey(t, "PRIVATE KEY", pkcs8(t, key)), "cloud.example", "h2026")
	if err != nil {
		t.Fatal(err)
	}
	m := p.mailer(t, peerPassword)
	sent := map[string][]byte{} // by Message-ID
	var group errgroup.Group
	for i := range 6 {
		e := envelope()
		e.To, e.Lang = peerReader, Languages()[i%len(Languages())]
		e.MessageID = MessageID(fmt.Sprintf("peer/%d", i), e.From)
		raw, err := Compose(e, letter(t, e.Lang), sign)
		if err != nil {
			t.Fatal(err)
		}
		sent[e.MessageID] = raw
		back := VERP("ABCDE-FGHJK", int64(i), bytes.Repeat([]byte{7}, 10), "cloud.example")
		group.Go(func() error {
			reply, err := m.Send(t.Context(), back, peerReader, raw)
			if err == nil && (reply.Code != 250 || reply.Enhanced != "2.0.0") {
				err = fmt.Errorf("Postfix answered %v", reply)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.log())
	}
	for _, raw := range p.inbox(t, len(sent)) {
		checkArrived(t, raw, sent, sign)
	}
	if len(sent) != 0 {
		t.Errorf("%d letters did not arrive", len(sent))
	}
	if log := p.log(); strings.Count(log, "sasl_method=PLAIN, sasl_username="+peerUser) < 6 {
		t.Errorf("Postfix did not see a login with every letter:\n%s", log)
	}
	p.refuses(t)
}

// checkArrived holds one file of the mailbox against what was sent, and takes it off the list.
func checkArrived(t *testing.T, raw []byte, sent map[string][]byte, sign *DKIM) {
	t.Helper()
	// A mailbox has the lines of its machine; on the wire they ended with CRLF.
	raw = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
	if err := verify(raw, sign); err != nil {
		t.Errorf("the signature of what arrived: %v", err)
	}
	broken := append(bytes.Clone(raw), "one line more\r\n"...)
	if verify(broken, sign) == nil {
		t.Error("the signature holds for a letter with one line more")
	}
	if !bytes.Contains(raw, []byte("\r\nReturn-Path: <bounce+")) && !bytes.HasPrefix(raw, []byte("Return-Path: <bounce+")) {
		t.Error("what arrived has not our return path")
	}
	if !bytes.Contains(raw, []byte("using TLSv1.3")) && !bytes.Contains(raw, []byte("using TLSv1.2")) {
		t.Error("Postfix did not write down that TLS was on")
	}
	for id, was := range sent {
		if bytes.Contains(raw, []byte(id)) {
			if !bytes.HasSuffix(raw, was) {
				t.Error("what arrived is not what was sent, below the fields that Postfix added")
			}
			delete(sent, id)
			return
		}
	}
	t.Error("a letter arrived that nobody sent, or one arrived twice")
}

// refuses: a wrong password, a reader who is unknown there, and one outside get a no that we read rightly.
func (p *postfix) refuses(t *testing.T) {
	t.Helper()
	_, err := p.mailer(t, "hunter22").Send(t.Context(), sender, peerReader, body)
	if !fault.Is(err, contract.ErrUnavailable) || ReplyOf(err).Code != 535 {
		t.Errorf("a wrong password: got %v with %v", err, ReplyOf(err))
	}
	checkSafe(t, err)
	m := p.mailer(t, peerPassword)
	_, err = m.Send(t.Context(), sender, "nobody@reader.example", body)
	if !fault.Is(err, contract.ErrUndeliverable) || ReplyOf(err).Code != 550 {
		t.Errorf("an unknown reader: got %v with %v", err, ReplyOf(err))
	}
	checkSafe(t, err)
	if _, err = m.Send(t.Context(), sender, peerReader, body); err != nil {
		t.Errorf("after a no the connection takes no more: %v", err)
	}
}

// throughSudo runs this test again as root.
func throughSudo(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if exec.CommandContext(t.Context(), "sudo", "-n", "true").Run() != nil {
		t.Fatal("Postfix starts only as root: run this test as root, or allow this user a sudo without a password")
	}
	out, err := exec.CommandContext(t.Context(), "sudo", "-n", self, "-test.run=^TestPostfix$", "-test.v").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestPostfix")) {
		t.Errorf("as root: %v\n%s", err, out)
	}
}
