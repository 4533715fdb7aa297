package casefile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// released has a package of the case assembled and released.
func (f *fixture) released(t *testing.T, ref contract.Ref) {
	t.Helper()
	manifest := sha256.Sum256([]byte(ref))
	_, err := f.PutPackage(t.Context(), Package{Ref: ref, Blob: "pkg/" + ref.ID(), ManifestHash: manifest[:], Size: 1, Files: 1})
	ok(t, err)
	task := f.newTask(t, ref, dsr.TaskRelease, `{"manifest_sha256":"`+hex.EncodeToString(manifest[:])+`","files":1}`)
	f.decide(t, task, "ann", dsr.Approve)
	_, err = f.ReleasePackage(t.Context(), ref, task.ID, time.Hour, f.pins)
	ok(t, err)
}

// A copy that is out ends what can be withdrawn, but not where the deletion is still to come. The copy is
// wiped before the case ends, once.
func TestCopyBeforeADeletion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	access, both := f.newCase(t), f.newCase(t)
	f.exec(t, `UPDATE habeas.case_file SET kind = $2 WHERE ref = $1`, both, dsr.EraseAfterAccess)
	ok(t, f.MarkCopyWiped(t.Context(), both)) // nothing is out yet
	for _, ref := range []contract.Ref{access, both} {
		f.released(t, ref)
	}
	wantType(t, f.Withdraw(t.Context(), access, "sue", "called"), contract.ErrNotOpen)
	for range 2 {
		ok(t, f.MarkCopyWiped(t.Context(), both))
	}
	if p, err := f.Package(t.Context(), both); err != nil || p.WipedAt == nil || p.ReleasedAt == nil {
		t.Errorf("the copy: %+v, %v", p, err)
	}
	ok(t, f.Withdraw(t.Context(), both, "sue", "called"))
	wiped := slices.DeleteFunc(f.events(t, both), func(event string) bool { return event != "package.wiped" })
	if len(wiped) != 1 {
		t.Errorf("%d lines say that the copy was wiped", len(wiped))
	}
}

// Whoever has an open deletion is not deleted twice, whichever of the two kinds comes first.
func TestDeletionsOfEveryKindAreLinked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	index := f.sets.BlindIndex("row", "one")
	first, second := f.newCase(t), f.newCase(t)
	f.exec(t, `UPDATE habeas.case_file SET kind = $2 WHERE ref = $1`, first, dsr.EraseAfterAccess)
	f.exec(t, `UPDATE habeas.case_file SET kind = $2 WHERE ref = $1`, second, dsr.Deletion)
	for ref, want := range map[contract.Ref]contract.Ref{first: "", second: first} {
		if ref == second {
			_, err := f.LinkCase(t.Context(), first, "row", index)
			ok(t, err)
		}
		to, err := f.LinkCase(t.Context(), ref, "row", index)
		if ok(t, err); to != want {
			t.Errorf("%s is linked to %q, want %q", ref, to, want)
		}
	}
}
