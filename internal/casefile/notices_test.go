package casefile

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

func (f *fixture) newNotice(t *testing.T, file string) contract.Ref {
	t.Helper()
	ref, err := f.CreateNotice(t.Context(), NewNotice{Kind: "breach", Laws: []string{"cn-pipl"}, OpenedBy: "sue",
		AwareAt: f.time.Now().Add(-time.Hour), DueAt: f.time.Now().Add(72 * time.Hour), MapHash: "0badcafe", File: []byte(file), Rate: 50, PerGroup: 20})
	ok(t, err)
	return ref
}

func addressee(i int) Addressee {
	return Addressee{Email: fmt.Sprintf("p%d@persons.example", i), Loosely: fmt.Sprintf("p%d@persons.example", i),
		Account: fmt.Sprintf("accounts.users/%d", i), Lang: "zh", Mobile: "+8619900000000"}
}

// fillNotice runs a notice through every table with one person's values.
func (f *fixture) fillNotice(t *testing.T, file string) {
	t.Helper()
	ctx := t.Context()
	ref := f.newNotice(t, file)
	mei := Addressee{Email: "mei.lin@persons.example", Loosely: "mei.lin@persons.example", Mobile: "+8613900001234", Who: "张奥蕾", Postal: "Aurelia Zhang", Account: "accounts.users/990101199001011234", Lang: "zh"}
	_, err := f.AddConcerned(ctx, ref, 0, 0, []Addressee{mei})
	ok(t, err)
	_, err = f.Freeze(ctx, ref, []int{100}, 0, zeroHash)
	ok(t, err)
	_, err = f.AddConcerned(ctx, ref, 0, 0, []Addressee{mei})
	ok(t, err)
	list, err := f.ClaimRecipients(ctx, ref, 1, 0, 10)
	ok(t, err)
	ok(t, f.Settle(ctx, ref, nil, []int64{list[0].N}))
	_, err = f.GroupBusy(ctx, ref, list[0].Domain, time.Minute)
	ok(t, err)
	ok(t, f.Settle(ctx, ref, []Settled{{N: list[0].N, State: MailDeferred, Reply: "450 4.2.2 <mei.lin@persons.example> over quota"}}, nil))
	ok(t, f.Settle(ctx, ref, nil, []int64{list[0].N}))
	ok(t, f.Settle(ctx, ref, []Settled{{N: list[0].N, State: MailSent, Reply: "250"}}, nil))
	ok(t, f.as(t, RoleStaff).PutConsents(ctx, ref, list[0].N, []Consent{{Change: zeroHash, Agreed: true}}))
	for i := range 2 { // a mailbox that is read twice
		changed, err := f.Bounce(ctx, ref, list[0].N, BounceAuto, "", time.Minute, time.Hour, []byte("To: mei.lin@persons.example"))
		if ok(t, err); changed != (i == 0) {
			t.Errorf("read %d times, the bounce counts: %t", i+1, changed)
		}
	}
	ok(t, f.PutCanary(ctx, ref, zeroHash, CanaryResult{N: 1, Lang: "zh", Reply: "550 5.1.1 no mei.lin@persons.example here"}))
	ok(t, f.PutClock(ctx, ref, NoticeClock{Authority: "cn-cac", Law: "cn-pipl", From: f.time.Now(), Due: f.time.Now().Add(time.Hour)}))
}

// The latest word of a reader holds; silence is no consent, nor is consent to another text.
func TestConsentsCountTheLatestWord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, ref := t.Context(), f.newNotice(t, `{}`)
	_, err := f.AddConcerned(ctx, ref, 0, 0, []Addressee{addressee(1), addressee(2), addressee(3)})
	ok(t, err)
	_, err = f.Freeze(ctx, ref, []int{100}, 0, zeroHash)
	ok(t, err)
	staff := f.as(t, RoleStaff)
	old, text := []byte("the old text"), []byte("the text")
	for _, said := range []struct {
		n      int64
		change []byte
		agreed bool
	}{{1, text, true}, {2, text, true}, {2, text, false}, {3, old, true}} {
		f.time.forward(time.Second)
		ok(t, staff.PutConsents(ctx, ref, said.n, []Consent{{said.change, said.agreed}}))
	}
	agreed, people, err := staff.CountConsents(ctx, ref, text)
	if ok(t, err); agreed != 1 || people != 3 {
		t.Errorf("%d of %d agreed", agreed, people)
	}
	list, err := staff.NotAgreed(ctx, ref, text, 0, 10)
	if ok(t, err); len(list) != 2 || list[0].N != 2 || list[1].N != 3 {
		t.Errorf("not agreed: %+v", list)
	}
	if said, err := staff.Consents(ctx, ref, 2); err != nil || len(said) != 1 || said[0].Agreed {
		t.Errorf("letter 2 says %+v %v", said, err)
	}
	if err := staff.PutConsents(ctx, ref, 4, []Consent{{text, true}}); err == nil {
		t.Error("somebody who is not on the list agreed")
	}
}

// A person who stands in several scopes, systems and accounts is on the list once, with every scope.
func TestFreezeListsEverybodyOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, ref := t.Context(), f.newNotice(t, `{}`)
	both := addressee(1)
	other := both
	other.Account = "billing.payers/1"
	other.Email = "p1@PERSONS.example" // a domain has no case
	twin := addressee(2)
	twin.Email = "P2@persons.example" // but a local part may
	silent := Addressee{Account: "accounts.users/7", Mobile: "+8619900000007", Lang: "en"}
	alone := Addressee{Email: "p3@persons.example", Loosely: "p3@persons.example"}
	known := addressee(3)
	known.Email = "P3@persons.example"
	for range 2 { // a hop made again
		ok(t, f.ClearConcerned(ctx, ref, 0, 0))
		_, err := f.AddConcerned(ctx, ref, 0, 0, []Addressee{both, addressee(2), twin, silent})
		ok(t, err)
	}
	nobody, err := f.AddConcerned(ctx, ref, 1, 0, []Addressee{other, other, silent, {Mobile: "+8619900000009"}, alone, known})
	ok(t, err)
	got, err := f.Freeze(ctx, ref, []int{1, 50, 100}, 3, zeroHash)
	ok(t, err)
	if got.People != 5 || got.Mail != 4 || nobody != 1 {
		t.Errorf("%+v, %d nobody; want 5 people, 4 with mail", got, nobody)
	}
	again, err := f.Freeze(ctx, ref, []int{100}, 0, nil)
	if ok(t, err); again.People != got.People || again.Mail != got.Mail || !bytes.Equal(again.Hash, got.Hash) {
		t.Errorf("frozen again: %+v, was %+v", again, got)
	}
	sizes, err := f.WaveSizes(ctx, ref)
	if ok(t, err); sizes[1] != 1 || sizes[2] != 1 || sizes[3] != 2 {
		t.Errorf("waves: %v", sizes)
	}
	all := map[string][]int{}
	for wave := range 4 {
		some, err := f.SampleRecipients(ctx, ref, wave, 10)
		ok(t, err)
		for _, r := range some {
			all[r.Person.Email] = r.Scopes
		}
	}
	if !slices.Equal(all["p1@persons.example"], []int{0, 1}) || !slices.Equal(all[""], []int{0, 1}) || len(all) != 5 {
		t.Errorf("scopes: %v", all)
	}
	ok(t, f.CheckList(ctx, ref))
	f.exec(t, `UPDATE habeas.recipient SET lang = 'en' WHERE ref = $1 AND n = 1`, ref)
	wantType(t, f.CheckList(ctx, ref), contract.ErrTampered)
}

// What a dead worker left is sent again and counted; a server that hangs up behind DATA gets one
// more try; a busy domain holds up nobody else; a bounce within the time is tried again.
func TestSendingIsCountedOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, ref := t.Context(), f.newNotice(t, `{}`)
	people := []Addressee{addressee(1), addressee(2), addressee(3), addressee(4)}
	people[3].Email = "q@busy.example"
	_, err := f.AddConcerned(ctx, ref, 0, 0, people)
	ok(t, err)
	_, err = f.Freeze(ctx, ref, []int{100}, 0, zeroHash)
	ok(t, err)
	release, err := f.LockSending(ctx, ref)
	ok(t, err)
	_, err = f.LockSending(ctx, ref)
	wantType(t, err, contract.ErrBusy)
	claim := func() map[string]Recipient {
		t.Helper()
		list, err := f.ClaimRecipients(ctx, ref, 1, 0, 10)
		ok(t, err)
		got := map[string]Recipient{}
		for _, r := range list {
			got[r.Person.Email] = r
		}
		return got
	}
	first := claim()
	one, two, three, busy := first["p1@persons.example"], first["p2@persons.example"], first["p3@persons.example"], first["q@busy.example"]
	if len(first) != 4 {
		t.Fatalf("claimed %d", len(first))
	}
	ok(t, f.Settle(ctx, ref, nil, []int64{one.N, two.N}))
	ok(t, f.Settle(ctx, ref, []Settled{{N: one.N, State: MailSent, Reply: "250 2.0.0"}}, []int64{three.N}))
	_, err = f.GroupBusy(ctx, ref, busy.Domain, time.Minute)
	ok(t, err)
	release() // the worker dies here
	release, err = f.LockSending(ctx, ref)
	ok(t, err)
	defer release()
	second := claim()
	if len(second) != 2 || second["p2@persons.example"].Repeated != 1 || second["p3@persons.example"].Repeated != 1 {
		t.Fatalf("after a crash: %+v", second)
	}
	ok(t, f.Settle(ctx, ref, nil, []int64{two.N, three.N}))
	ok(t, f.Settle(ctx, ref, []Settled{{N: two.N, State: MailUnclear}, {N: three.N, State: MailRefused, Reply: "550 5.1.1"}}, nil))
	third := claim()
	if len(third) != 1 || third["p2@persons.example"].Unclear != 1 {
		t.Fatalf("after a hang-up: %+v", third)
	}
	ok(t, f.Settle(ctx, ref, nil, []int64{two.N}))
	ok(t, f.Settle(ctx, ref, []Settled{{N: two.N, State: MailUnclear}}, nil))
	open, next, err := f.Due(ctx, ref, 1)
	if ok(t, err); open != 1 || next.Sub(f.time.Now()) != time.Minute {
		t.Errorf("due: %d, %v", open, next)
	}
	f.time.forward(2 * time.Minute)
	if got := claim(); len(got) != 1 {
		t.Errorf("after the wait: %+v", got)
	}
	ok(t, f.Unclaim(ctx, ref, nil))
	for range 2 {
		_, err = f.Bounce(ctx, ref, one.N, BounceFull, "452 4.2.2", time.Minute, 72*time.Hour, nil)
		ok(t, err)
	}
	f.time.forward(time.Minute)
	if got := claim(); len(got) != 2 {
		t.Errorf("after a full mailbox: %+v", got)
	}
	ok(t, f.Settle(ctx, ref, nil, []int64{one.N}))
	ok(t, f.Settle(ctx, ref, []Settled{{N: one.N, State: MailSent, Reply: "250"}}, nil))
	_, err = f.Bounce(ctx, ref, one.N, BounceHard, "550 5.1.1", time.Minute, 72*time.Hour, nil)
	ok(t, err)
	tally, err := f.Tally(ctx, ref)
	if ok(t, err); tally.Open != 3 || tally.Repeated != 2 || tally.Unclear != 1 || tally.Mail[MailBounced] != 1 || tally.Mail[MailUnclear] != 1 {
		t.Errorf("%+v", tally)
	}
	list, err := f.Unreached(ctx, ref, 0, "sms", 10)
	if ok(t, err); len(list) != 3 {
		t.Errorf("unreached: %d", len(list))
	}
	ok(t, f.Stepped(ctx, ref, "sms", []int64{one.N}, []int64{two.N}))
	list, err = f.Unreached(ctx, ref, 0, "sms", 10)
	if ok(t, err); len(list) != 1 || list[0].N != three.N {
		t.Errorf("unreached by text message: %+v", list)
	}
}

// Controls are carried out once each; an aborted or closed notice takes none.
func TestControlsOfANotice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, ref := t.Context(), f.newNotice(t, `{"a":1}`)
	ok(t, f.AmendNotice(ctx, ref, []byte(`{"a":2}`), "sue"))
	file, err := f.NoticeFile(ctx, ref)
	if ok(t, err); string(file) != `{"a":2}` {
		t.Errorf("the file: %s", file)
	}
	ok(t, f.ControlNotice(ctx, ref, Control{Task: "A", Action: "set-rate", Rate: 7}))
	ok(t, f.StopNotice(ctx, ref, 10, 5))
	ok(t, f.ControlNotice(ctx, ref, Control{Task: "B", Action: "resume"}))
	ok(t, f.StopNotice(ctx, ref, 10, 5))
	ok(t, f.ControlNotice(ctx, ref, Control{Task: "B", Action: "resume"})) // the same decision again
	n, err := f.Notice(ctx, ref)
	if ok(t, err); n.Rate != 7 || n.Paused != "stopped" {
		t.Errorf("%+v", n)
	}
	ok(t, f.ControlNotice(ctx, ref, Control{Task: "C", Action: "abort"}))
	wantType(t, f.ControlNotice(ctx, ref, Control{Task: "D", Action: "resume"}), contract.ErrNotOpen)
	wantType(t, f.AmendNotice(ctx, ref, []byte(`{}`), "sue"), contract.ErrNotOpen)
	ok(t, f.CloseNotice(ctx, ref, "aborted"))
	ok(t, f.CloseNotice(ctx, ref, "aborted"))
	wantType(t, f.CloseNotice(ctx, ref, "told"), contract.ErrConflict)
	if report := f.verify(t); !report.OK() {
		t.Errorf("the ledger: %+v", report)
	}
}

// A clock's moments are written once, and a filed one is never missed.
func TestClocksAreMarkedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, ref := t.Context(), f.newNotice(t, `{}`)
	ok(t, f.PutClock(ctx, ref, NoticeClock{Authority: "eu-lead", Law: "eu-gdpr", From: f.time.Now(), Due: f.time.Now().Add(72 * time.Hour)}))
	for range 2 {
		ok(t, f.MarkClock(ctx, ref, "eu-lead", "drafted", 0, ""))
		ok(t, f.MarkClock(ctx, ref, "eu-lead", "warned", 75, ""))
		ok(t, f.MarkClock(ctx, ref, "eu-lead", "warned", 50, ""))
		ok(t, f.MarkClock(ctx, ref, "eu-lead", "filed", 0, "T"))
		ok(t, f.MarkClock(ctx, ref, "eu-lead", "missed", 0, ""))
	}
	want := []string{"notice.opened", "clock.started", "clock.drafted", "clock.warned", "clock.filed"}
	if got := f.events(t, ref); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
