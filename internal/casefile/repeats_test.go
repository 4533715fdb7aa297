package casefile

import (
	"slices"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Cases of one directory row and kind find each other, and no others; a forgotten one is found no more.
func TestRelatedCases(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	app := f.as(t, RoleApp)
	mine, hers := f.sets.BlindIndex(IndexRow, "row 1"), f.sets.BlindIndex(IndexRow, "row 2")
	put := func(ref contract.Ref, index []byte) (refs []contract.Ref) {
		list, err := app.PutRow(t.Context(), ref, index)
		ok(t, err)
		for _, c := range list {
			refs = append(refs, c.Ref)
		}
		return refs
	}
	first, second, other := f.newCase(t), f.newCase(t), f.newCase(t)
	deletion, _ := f.newDeletion(t, false)
	if got := put(first, mine); len(got) != 0 {
		t.Errorf("the first has others: %v", got)
	}
	put(other, hers)
	put(deletion, mine)
	for range 2 { // a repeat says the same
		if got := put(second, mine); !slices.Equal(got, []contract.Ref{first}) {
			t.Errorf("found %v", got)
		}
	}
	if events := f.events(t, second); !slices.Contains(events, "case.related") || slices.Index(events, "case.related") != len(events)-1 {
		t.Errorf("ledger %v", events)
	}
	list, err := f.as(t, RoleStaff).Related(t.Context(), first)
	if ok(t, err); len(list) != 1 || list[0].Ref != second {
		t.Errorf("related to the first: %v", list)
	}
	ok(t, app.CloseCase(t.Context(), first, dsr.Fulfilled))
	ok(t, app.ForgetCase(t.Context(), first))
	if list, err := app.Related(t.Context(), second); err != nil || len(list) != 0 {
		t.Errorf("a forgotten case is found: %v, %v", list, err)
	}
}
