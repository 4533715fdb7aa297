package casefile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

func TestCaseFromOpenToClosed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	got, err := f.Case(t.Context(), ref)
	ok(t, err)
	now := f.time.Now()
	want := Case{Ref: ref, ID: ref.ID(), Kind: dsr.Access, Laws: []string{"cn-pipl"}, Lang: "zh", Channel: "phone", Requester: "self",
		OpenedBy: "sue", MapHash: "0badcafe", ReceivedAt: now.Add(-time.Hour), OpenedAt: now, DueAt: now.Add(15 * 24 * time.Hour),
		State: dsr.StateReceived, OpenSystems: []string{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("case (-want +got):\n%s", diff)
	}
	request, err := f.Request(t.Context(), ref)
	if ok(t, err); cmp.Diff(person, request) != "" {
		t.Errorf("request: %s", cmp.Diff(person, request))
	}

	f.time.forward(2 * time.Minute)
	refs, err := f.Unstarted(t.Context(), time.Minute, 10)
	if ok(t, err); !cmp.Equal(refs, []Unstarted{{Ref: ref, Kind: "access"}}) {
		t.Errorf("unstarted: %v", refs)
	}
	ok(t, f.MarkStarted(t.Context(), ref))
	ok(t, f.MarkStarted(t.Context(), ref))
	if refs, err = f.Unstarted(t.Context(), 0, 10); err != nil || len(refs) != 0 {
		t.Errorf("unstarted after start: %v, %v", refs, err)
	}
	for range 2 {
		ok(t, f.SetProgress(t.Context(), ref, dsr.StateVerifying, "the person", nil))
	}
	ok(t, f.SetProgress(t.Context(), ref, dsr.StateVerifying, "system accounts", []string{"accounts"}))
	task := f.newTask(t, ref, dsr.TaskReview, `{}`)
	wantType(t, f.SetProgress(t.Context(), ref, dsr.StateClosed, "", nil), contract.ErrBadInput)
	ok(t, f.CloseCase(t.Context(), ref, dsr.Fulfilled))
	ok(t, f.CloseCase(t.Context(), ref, dsr.Fulfilled))
	wantType(t, f.CloseCase(t.Context(), ref, dsr.Refused), contract.ErrConflict)
	ok(t, f.SetProgress(t.Context(), ref, dsr.StateReady, "nobody", nil)) // a late repeat
	got, err = f.Case(t.Context(), ref)
	if ok(t, err); got.State != dsr.StateClosed || got.Outcome != dsr.Fulfilled || got.ClosedAt == nil || got.WaitingOn != "" {
		t.Errorf("closed: %+v", got)
	}
	if task, err = f.Task(t.Context(), task.ID); err != nil || task.State != TaskVoid {
		t.Errorf("the open task of a closed case: %v, %v; want it void", task.State, err)
	}
	events := []string{"case.opened", "case.started", "case.state", "task.opened", "case.closed"}
	if diff := cmp.Diff(events, f.events(t, ref)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if report := f.verify(t); !report.OK() || report.Chains != 1 || report.Lines != 5 {
		t.Errorf("ledger verify: %+v", report)
	}
}

func TestCaseRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, change := range map[string]func(*NewCase){
		"received in the future":  func(n *NewCase) { n.ReceivedAt = f.time.Now().Add(time.Second) },
		"due before received":     func(n *NewCase) { n.DueAt = n.ReceivedAt },
		"by an unknown channel":   func(n *NewCase) { n.Channel = "pigeon" },
		"by an unknown requester": func(n *NewCase) { n.Requester = "mei.lin@persons.example" },
	} {
		n := f.caseOf(person)
		change(&n)
		_, err := f.CreateCase(t.Context(), n)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantType(t, err, contract.ErrBadInput)
	}
	nobody := contract.Ref("case/00000-00000")
	_, err := f.Case(t.Context(), nobody)
	wantType(t, err, contract.ErrNotFound)
	_, err = f.Request(t.Context(), nobody)
	wantType(t, err, contract.ErrNotFound)
	_, err = f.Key(t.Context(), nobody)
	wantType(t, err, contract.ErrNotFound)
	wantType(t, f.SetProgress(t.Context(), nobody, dsr.StateReview, "", nil), contract.ErrNotFound)
	_, err = f.OpenTask(t.Context(), NewTask{Ref: nobody, Kind: dsr.TaskReview, Occasion: "1"})
	wantType(t, err, contract.ErrNotFound)
	_, err = f.OpenTask(t.Context(), NewTask{Ref: f.newCase(t), Kind: "lottery", Occasion: "1"})
	wantType(t, err, contract.ErrBadInput)
}

func TestListCases(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var refs []contract.Ref
	for day := range 5 {
		n := f.caseOf(person)
		n.DueAt = n.DueAt.Add(time.Duration(day) * 24 * time.Hour)
		ref, err := f.CreateCase(t.Context(), n)
		ok(t, err)
		refs = append(refs, ref)
	}
	ok(t, f.CloseCase(t.Context(), refs[1], dsr.NoData))
	ok(t, f.SetProgress(t.Context(), refs[2], dsr.StateReview, "", nil))
	before := f.time.Now().Add(17 * 24 * time.Hour)
	for name, test := range map[string]struct {
		filter Filter
		want   []contract.Ref
	}{
		"all":        {Filter{}, refs},
		"open":       {Filter{Open: true}, []contract.Ref{refs[0], refs[2], refs[3], refs[4]}},
		"in review":  {Filter{State: "review"}, refs[2:3]},
		"closed":     {Filter{State: "closed"}, refs[1:2]},
		"due soon":   {Filter{DueBefore: &before, Open: true}, refs[:1]},
		"other kind": {Filter{Kind: "deletion"}, nil},
		"page":       {Filter{Limit: 2}, refs[:2]},
		"next page":  {Filter{Limit: 2, After: refs[1].ID()}, refs[2:4]},
	} {
		cases, err := f.ListCases(t.Context(), test.filter)
		ok(t, err)
		var got []contract.Ref
		for _, c := range cases {
			got = append(got, c.Ref)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAccountsAndIndexes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	list := func(wantChosen int, want ...string) {
		t.Helper()
		got, chosen, err := f.Accounts(t.Context(), ref)
		ok(t, err)
		var texts []string
		for _, account := range got {
			texts = append(texts, string(account))
		}
		if diff := cmp.Diff(want, texts); diff != "" || chosen != wantChosen {
			t.Errorf("accounts, chosen %d, want %d (-want +got):\n%s", chosen, wantChosen, diff)
		}
	}
	list(-1)
	ok(t, f.PutAccounts(t.Context(), ref, [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}))
	ok(t, f.PutAccounts(t.Context(), ref, [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)})) // a repeat
	list(-1, `{"a":1}`, `{"b":2}`)
	ok(t, f.PutAccounts(t.Context(), ref, nil))
	ok(t, f.PutAccountsOf(t.Context(), ref, "support", [][]byte{[]byte(`{"s":1}`)}))
	ok(t, f.PutAccountsOf(t.Context(), ref, "accounts", [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}))
	list(-1, `{"a":1}`, `{"b":2}`, `{"s":1}`)
	wantType(t, f.ChooseAccount(t.Context(), ref, 3, "only-one"), contract.ErrBadInput)
	ok(t, f.ChooseAccount(t.Context(), ref, 1, "task 7QK2M-9XH4T"))
	ok(t, f.ChooseAccount(t.Context(), ref, 1, "task 7QK2M-9XH4T"))
	wantType(t, f.ChooseAccount(t.Context(), ref, 0, "only-one"), contract.ErrConflict)
	ok(t, f.PutAccountsOf(t.Context(), ref, "accounts", [][]byte{[]byte(`{"z":9}`)})) // too late
	list(1, `{"a":1}`, `{"b":2}`, `{"s":1}`)

	index := f.sets.BlindIndex("email", "mei.lin@persons.example")
	for range 2 {
		ok(t, f.PutIndexes(t.Context(), ref, map[string][][]byte{"email": {index}}))
	}
	found, err := f.FindByIndex(t.Context(), "email", index)
	if ok(t, err); !cmp.Equal(found, []contract.Ref{ref}) {
		t.Errorf("found %v, want %v", found, ref)
	}
	if found, err = f.FindByIndex(t.Context(), "mobile", index); err != nil || len(found) != 0 {
		t.Errorf("under another kind: %v, %v", found, err)
	}
	want := []string{"case.opened", "accounts.found", "accounts.found", "accounts.found", "accounts.found", "account.chosen", "case.indexed"}
	if diff := cmp.Diff(want, f.events(t, ref)); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}
