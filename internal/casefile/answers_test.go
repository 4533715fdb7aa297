package casefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/seal"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	claim := func(wantState string, wantAgain bool) Letter {
		t.Helper()
		l, again, err := f.ClaimLetter(t.Context(), ref, "ack", "1", "zh", "email", "cloud.example")
		if ok(t, err); l.State != wantState || again != wantAgain {
			t.Errorf("claimed as %s, again %v; want %s, %v", l.State, again, wantState, wantAgain)
		}
		return l
	}
	first := claim(LetterSending, false)
	ok(t, f.LetterDeferred(t.Context(), first.Key, "451 4.3.0 mei.lin@persons.example is over quota"))
	claim(LetterSending, false) // after a refusal for now: no repeat
	again := claim(LetterSending, true)
	if again.MessageID != first.MessageID || again.Repeated != 1 || again.Attempts != 3 {
		t.Errorf("repeat: %+v, first %+v", again, first)
	}
	for range 2 {
		ok(t, f.LetterSent(t.Context(), first.Key, "250 2.0.0 queued"))
	}
	wantType(t, f.LetterDeferred(t.Context(), first.Key, ""), contract.ErrConflict)
	claim(LetterSent, false)
	other, _, err := f.ClaimLetter(t.Context(), ref, "ack", "2", "zh", "email", "cloud.example")
	if ok(t, err); other.MessageID == first.MessageID {
		t.Error("two letters with one Message-ID")
	}
	ok(t, f.LetterRefused(t.Context(), other.Key, "user unknown: mei.lin@persons.example"))
	refused, _, err := f.ClaimLetter(t.Context(), ref, "ack", "2", "zh", "email", "cloud.example")
	if ok(t, err); refused.State != LetterRefused || refused.Reply != "other" {
		t.Errorf("refused: %+v", refused)
	}
	wantType(t, f.LetterSent(t.Context(), "nothing", ""), contract.ErrNotFound)
	list, err := f.Letters(t.Context(), ref)
	if ok(t, err); len(list) != 2 || list[0].Reply != "250 2.0.0" || list[0].SentAt == nil {
		t.Errorf("outbox: %+v", list)
	}
	if diff := cmp.Diff([]string{"case.opened", "letter.repeated", "letter.sent", "letter.refused"}, f.events(t, ref)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestReplyStatus(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "250": "250", "250 2.1.5": "250 2.1.5", "550-5.1.1 no mei.lin@persons.example": "550 5.1.1",
		"timeout": "timeout", "no-connection": "no-connection", "mei.lin@persons.example": "other", "13900001234": "other",
	} {
		if got := replyStatus(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestKeyStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	ks := f.KeyStore(ref)
	columns := []string{"tenant", "order_no"}
	put := func(chunk int, keys [][]string) {
		t.Helper()
		ok(t, ks.PutKeys(t.Context(), "billing.orders", columns, chunk, keys))
	}
	read := func() (got [][]string) {
		t.Helper()
		ok(t, ks.Keys(t.Context(), "billing.orders", columns, func(keys [][]string) error { got = append(got, keys...); return nil }))
		return got
	}
	if got := read(); got != nil {
		t.Errorf("before: %v", got)
	}
	put(1, [][]string{{"t", "3"}})
	put(0, [][]string{{"t", "1"}, {"t", "2"}})
	put(2, [][]string{{"t", "9"}})
	put(1, [][]string{{"t", "3"}, {"t", "4"}}) // a repeat replaces
	ok(t, ks.TrimKeys(t.Context(), "billing.orders", columns, 2))
	if diff := cmp.Diff([][]string{{"t", "1"}, {"t", "2"}, {"t", "3"}, {"t", "4"}}, read()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := ks.Keys(t.Context(), "billing.orders", columns, func([][]string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("yield's error: %v", err)
	}
	f.exec(t, `UPDATE habeas.found_keys SET keys = (SELECT keys FROM habeas.found_keys WHERE chunk = 0) WHERE chunk = 1`)
	wantType(t, ks.Keys(t.Context(), "billing.orders", columns, func([][]string) error { return nil }), contract.ErrTampered)

	for range 2 {
		ok(t, f.PutCounts(t.Context(), ref, map[string]int64{"billing.orders": 4, "accounts.users": 1}))
	}
	counts, err := f.Counts(t.Context(), ref)
	if ok(t, err); cmp.Diff(map[string]int64{"billing.orders": 4, "accounts.users": 1}, counts) != "" {
		t.Errorf("counts: %v", counts)
	}
	if diff := cmp.Diff([]string{"case.opened", "rows.found"}, f.events(t, ref)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestPartsFirstCommitWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	parts := func(blob string) []Part {
		sum := sha256.Sum256([]byte(blob))
		return []Part{
			{System: "billing", Collection: "orders", Format: "json", Blob: blob + ".json", Rows: 3, Size: 30, Deflated: 20, CRC32: 1<<32 - 1, SHA256: sum[:]},
			{System: "billing", Collection: "orders", Format: "csv", Blob: blob + ".csv", Rows: 3, Size: 20, Deflated: 10, CRC32: 7, SHA256: sum[:]}}
	}
	var wg sync.WaitGroup
	var first atomic.Int32
	for n := range 4 {
		wg.Go(func() {
			existing, err := f.CommitParts(t.Context(), ref, parts(fmt.Sprint("attempt", n)))
			if err != nil {
				t.Error(cause(err))
			}
			if !existing {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	got, err := f.Parts(t.Context(), ref)
	ok(t, err)
	if first.Load() != 1 || len(got) != 2 || got[0].Format != "csv" || got[1].CRC32 != 1<<32-1 || got[0].Blob[:8] != got[1].Blob[:8] {
		t.Errorf("%d first; parts %+v", first.Load(), got)
	}
	mixed := append(parts("x"), Part{System: "billing", Collection: "invoices", Format: "json"})
	_, err = f.CommitParts(t.Context(), ref, mixed)
	wantType(t, err, contract.ErrBadInput)
	_, err = f.CommitParts(t.Context(), ref, append(parts("x")[:1], Part{System: "billing", Collection: "orders", Format: "xml", SHA256: got[0].SHA256}))
	wantType(t, err, contract.ErrConflict)
}

func TestPackageIsReleasedBySignatureOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	manifest := sha256.Sum256([]byte("manifest"))
	other := sha256.Sum256([]byte("other"))
	_, err := f.PutPackage(t.Context(), Package{Ref: ref, Blob: "pkg/1", ManifestHash: other[:], Size: 1, Files: 1})
	ok(t, err)
	var p Package
	for range 2 { // assembled anew, and a repeat of that
		p, err = f.PutPackage(t.Context(), Package{Ref: ref, Blob: "pkg/2", ManifestHash: manifest[:], Size: 100, Files: 9})
		if ok(t, err); p.Blob != "pkg/2" || !bytes.Equal(p.ManifestHash, manifest[:]) {
			t.Errorf("an unreleased package was not replaced: %+v", p)
		}
	}
	if diff := cmp.Diff([]string{"case.opened", "package.assembled", "package.assembled"}, f.events(t, ref)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	shown := func(hash []byte) string { return `{"manifest_sha256":"` + hex.EncodeToString(hash) + `","files":9}` }
	_, err = f.CheckReleased(t.Context(), ref, f.pins)
	wantType(t, err, contract.ErrNotApproved)
	wantType(t, f.MarkFetched(t.Context(), ref), contract.ErrNotApproved)

	wrong, err := f.OpenTask(t.Context(), NewTask{Ref: ref, Kind: dsr.TaskRelease, Occasion: "other", Shown: []byte(shown(other[:]))})
	ok(t, err)
	f.decide(t, wrong, "ann", dsr.Approve)
	review := f.newTask(t, ref, dsr.TaskReview, shown(manifest[:]))
	f.decide(t, review, "ann", dsr.Approve)
	elsewhere := f.newTask(t, f.newCase(t), dsr.TaskRelease, shown(manifest[:]))
	f.decide(t, elsewhere, "ann", dsr.Approve)
	task := f.newTask(t, ref, dsr.TaskRelease, shown(manifest[:]))
	for _, bad := range []Task{wrong, review, elsewhere, task} {
		_, err = f.ReleasePackage(t.Context(), ref, bad.ID, time.Hour, f.pins)
		wantType(t, err, contract.ErrNotApproved)
	}
	f.decide(t, task, "ann", dsr.Approve)
	released, err := f.ReleasePackage(t.Context(), ref, task.ID, time.Hour, f.pins)
	ok(t, err)
	f.time.forward(time.Minute)
	repeat, err := f.ReleasePackage(t.Context(), ref, task.ID, time.Hour, f.pins)
	if ok(t, err); cmp.Diff(released, repeat) != "" {
		t.Errorf("released again: %s", cmp.Diff(released, repeat))
	}
	late, err := f.PutPackage(t.Context(), Package{Ref: ref, Blob: "pkg/3", ManifestHash: other[:], Size: 1, Files: 1})
	if ok(t, err); cmp.Diff(released, late) != "" {
		t.Errorf("a released package was replaced: %s", cmp.Diff(released, late))
	}
	got, err := f.as(t, RoleStaff).CheckReleased(t.Context(), ref, f.pins)
	if ok(t, err); cmp.Diff(released, got) != "" {
		t.Errorf("checked: %s", cmp.Diff(released, got))
	}
	for range 2 {
		ok(t, f.as(t, RoleStaff).MarkFetched(t.Context(), ref))
	}
	_, err = f.CheckReleased(t.Context(), ref, Pins{})
	wantType(t, err, contract.ErrNotApproved)
	f.time.forward(time.Hour)
	_, err = f.CheckReleased(t.Context(), ref, f.pins)
	wantType(t, err, contract.ErrNotOpen)
	for range 2 {
		ok(t, f.MarkWiped(t.Context(), ref))
	}
	_, err = f.CheckReleased(t.Context(), ref, f.pins)
	wantType(t, err, contract.ErrNotOpen)
	if report := f.verify(t); !report.OK() {
		t.Errorf("%+v", report)
	}
}

func TestRewrapKeysKeepsEverythingReadable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	f.newCase(t)
	var before, after []byte
	get := func(into *[]byte) {
		ok(t, f.super.GetContext(t.Context(), into, `SELECT wrapped FROM habeas.data_key WHERE ref = $1`, ref))
	}
	get(&before)
	if n, err := f.RewrapKeys(t.Context()); err != nil || n != 0 {
		t.Errorf("before a rotation %d were rewrapped, %v; want none", n, cause(err))
	}
	ok(t, seal.Rotate(f.dir))
	var err error
	f.sets, err = seal.Open(f.dir)
	ok(t, err)
	rotated := f.as(t, RoleApp)
	for _, want := range []int64{2, 0} {
		n, err := rotated.RewrapKeys(t.Context())
		if ok(t, err); n != want {
			t.Errorf("%d rewrapped, want %d", n, want)
		}
	}
	if get(&after); bytes.Equal(before, after) {
		t.Error("the wrapped key is the same")
	}
	fresh := f.as(t, RoleApp) // without what the first one keeps in memory
	if request, err := fresh.Request(t.Context(), ref); err != nil || cmp.Diff(person, request) != "" {
		t.Errorf("request after rewrapping: %v", cause(err))
	}
	wantType(t, func() error { _, err := f.as(t, RoleStaff).RewrapKeys(t.Context()); return err }(), contract.ErrRefused)
}

// TestListsStayFastAmongManyClosedCases wants the partial indexes used when nearly all is closed.
func TestListsStayFastAmongManyClosedCases(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	f.exec(t, `INSERT INTO habeas.data_key (ref, wrapped, created_at)
		SELECT 'case/' || lpad(n::text, 5, '0') || '-00000', '\x00', now() FROM generate_series(1, 20000) AS n`)
	f.exec(t, `INSERT INTO habeas.case_file (ref, kind, laws, lang, channel, requester, opened_by, map_hash, received_at, opened_at, due_at,
		request, state, outcome, started_at, closed_at)
		SELECT 'case/' || lpad(n::text, 5, '0') || '-00000', kind, laws, lang, channel, requester, opened_by, map_hash, received_at, opened_at,
			due_at - n * interval '1 minute' + interval '10 days', request, 'closed', 'no_data', opened_at, opened_at
		FROM habeas.case_file, generate_series(1, 20000) AS n WHERE ref = $1`, ref)
	f.exec(t, `INSERT INTO habeas.ledger_head (ref, seq, hash, mac, checkpointed)
		SELECT ref, 1, '\x00', '\x00', 1 FROM habeas.case_file WHERE state = 'closed'`)
	f.exec(t, `ANALYZE habeas.case_file, habeas.ledger_head`)
	for query, index := range map[string]string{
		`SELECT * FROM habeas.case_file WHERE closed_at IS NULL ORDER BY due_at, ref LIMIT 100`:                                     "case_file_open_by_due",
		`SELECT * FROM habeas.case_file WHERE closed_at IS NULL AND state = 'review' ORDER BY due_at, ref LIMIT 100`:                "case_file_open_by_due",
		`SELECT ref FROM habeas.ledger_head WHERE checkpointed < seq AND ref > '' ORDER BY ref LIMIT 5000`:                          "ledger_head_changed",
		`SELECT * FROM habeas.case_file ORDER BY due_at, ref LIMIT 100`:                                                             "case_file_by_due",
		`SELECT ref FROM habeas.case_file WHERE started_at IS NULL AND closed_at IS NULL AND opened_at <= now() ORDER BY opened_at`: "case_file_unstarted",
	} {
		var plan []string
		ok(t, f.super.SelectContext(t.Context(), &plan, `EXPLAIN `+query))
		if got := strings.Join(plan, "\n"); !strings.Contains(got, index) {
			t.Errorf("%s does not use %s:\n%s", query, index, got)
		}
	}
	cases, err := f.ListCases(t.Context(), Filter{Open: true})
	if ok(t, err); len(cases) != 1 || cases[0].Ref != ref {
		t.Errorf("open: %v", cases)
	}
}
