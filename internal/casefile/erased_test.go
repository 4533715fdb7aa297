package casefile

import (
	"bytes"
	"testing"
	"time"
)

// Who was erased is known by keyed hashes, since then and until the last backup is gone, and no longer.
func TestErased(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app, staff := f.as(t, RoleApp), f.as(t, RoleStaff)
	mail, key := f.ErasedHash("email", "mei.lin@persons.example"), f.ErasedHash(ErasedKey("accounts", "users"), "7")
	if bytes.Equal(mail, f.ErasedHash("account", "mei.lin@persons.example")) {
		t.Error("the kind does not count")
	}
	at := f.time.Now()
	ref := f.newCase(t)
	for range 2 {
		ok(t, app.PutErasedPerson(t.Context(), ref, [][]byte{mail, key}, at, at.Add(35*24*time.Hour)))
	}
	other := f.newCase(t)
	ok(t, app.PutErasedPerson(t.Context(), other, [][]byte{f.ErasedHash("email", "other@persons.example")}, at, at.Add(time.Hour)))
	look := func(since time.Time) int {
		hits, err := staff.Erased(t.Context(), [][]byte{mail, key, f.ErasedHash("email", "nobody@persons.example")}, since)
		ok(t, err)
		for _, hit := range hits {
			if hit.Person != hits[0].Person || !hit.ErasedAt.Equal(at.UTC().Truncate(time.Microsecond)) {
				t.Errorf("hit %+v", hit)
			}
		}
		return len(hits)
	}
	if n := look(at.Add(-time.Hour)); n != 2 {
		t.Errorf("%d hits, want two", n)
	}
	if n := look(at.Add(time.Hour)); n != 0 {
		t.Errorf("%d hits of a backup from after the deletion", n)
	}
	f.time.forward(36 * 24 * time.Hour)
	if n := look(at.Add(-time.Hour)); n != 0 {
		t.Errorf("%d hits when the last backup is gone", n)
	}
	ok(t, app.DropErased(t.Context()))
	var left int
	ok(t, f.super.GetContext(t.Context(), &left, `SELECT count(*) FROM habeas.erased`))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
}
