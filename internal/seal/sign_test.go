package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
)

func TestSignature(t *testing.T) {
	t.Parallel()
	keys, dir := newKeys(t)
	stranger, _ := newKeys(t)
	message := []byte("head of every chain")
	sig, err := keys.Sign("checkpoint", message)
	if err != nil {
		t.Fatal(err)
	}
	if len(sig) != ed25519.SignatureSize {
		t.Errorf("%d bytes, want a plain Ed25519 signature", len(sig))
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifySignature(again.PublicKey(), "checkpoint", message, sig); err != nil {
		t.Errorf("the right signature: %v", err)
	}
	for name, err := range map[string]error{
		"other domain":       VerifySignature(keys.PublicKey(), "manifest", message, sig),
		"shifted domain":     VerifySignature(keys.PublicKey(), "checkpointh", message[1:], sig),
		"other message":      VerifySignature(keys.PublicKey(), "checkpoint", message[1:], sig),
		"other key":          VerifySignature(stranger.PublicKey(), "checkpoint", message, sig),
		"cut signature":      VerifySignature(keys.PublicKey(), "checkpoint", message, sig[:63]),
		"no signature":       VerifySignature(keys.PublicKey(), "checkpoint", message, nil),
		"no key":             VerifySignature(nil, "checkpoint", message, sig),
		"signed without one": VerifySignature(keys.PublicKey(), "", message, sig),
	} {
		t.Run(name, func(t *testing.T) { wantType(t, err, contract.ErrBadSignature) })
	}
	if ed25519.Verify(keys.PublicKey(), message, sig) {
		t.Error("the bare message verifies: there is no domain in it")
	}
}

func TestPublicKeyText(t *testing.T) {
	t.Parallel()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := EncodePublic(pub)
	got, err := DecodePublic(" " + text + "\n")
	if err != nil || !bytes.Equal(got, pub) {
		t.Fatalf("decoded %x, %v", got, err)
	}
	for _, bad := range []string{"", "hk1:", text[4:], "hk2:" + text[4:], text + "AAAA", text[:len(text)-1], text + "="} {
		if _, err := DecodePublic(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
