package casefile

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// TestTampering changes the ledger as a superuser who took the triggers off, and wants each change
// found and located.
func TestTampering(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query      string
		seq        int64
		text       string
		checkpoint bool // whether a checkpoint is signed before
	}{
		"a byte of a detail":        {`UPDATE habeas.ledger_line SET detail = replace(detail, 'received', 'receivee') WHERE ref = $1 AND seq = 3`, 3, "line 3 was changed", false},
		"a time":                    {`UPDATE habeas.ledger_line SET at = at + interval '1 microsecond' WHERE ref = $1 AND seq = 2`, 2, "line 2 was changed", false},
		"a byte of a hash":          {`UPDATE habeas.ledger_line SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE ref = $1 AND seq = 2`, 2, "line 2 was changed", false},
		"a line in the middle":      {`DELETE FROM habeas.ledger_line WHERE ref = $1 AND seq = 2`, 2, "line 2 is missing", false},
		"the first line":            {`DELETE FROM habeas.ledger_line WHERE ref = $1 AND seq = 1`, 1, "line 1 is missing", false},
		"the last line":             {`DELETE FROM habeas.ledger_line WHERE ref = $1 AND seq = 4`, 4, "tail is cut", false},
		"the last line, head moved": {`WITH cut AS (DELETE FROM habeas.ledger_line WHERE ref = $1 AND seq = 4) UPDATE habeas.ledger_head SET seq = 3, checkpointed = 0, hash = (SELECT hash FROM habeas.ledger_line WHERE ref = $1 AND seq = 3) WHERE ref = $1`, 3, "head of the chain was changed", false},
		"a whole chain":             {`DELETE FROM habeas.ledger_line WHERE ref = $1`, 1, "chain is missing", false},
		"a chain and its head":      {`WITH head AS (DELETE FROM habeas.ledger_head WHERE ref = $1) DELETE FROM habeas.ledger_line WHERE ref = $1`, 1, "chain is missing", false},
		"a head":                    {`DELETE FROM habeas.ledger_head WHERE ref = $1`, 4, "head of the chain is missing", false},
		"a whole case, after a checkpoint": {`WITH a AS (DELETE FROM habeas.ledger_head WHERE ref = $1), b AS (DELETE FROM habeas.case_file WHERE ref = $1),
			c AS (DELETE FROM habeas.data_key WHERE ref = $1) DELETE FROM habeas.ledger_line WHERE ref = $1`, 4, "checkpoint 1 covers it", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ref, other := f.newCase(t), f.newCase(t)
			for _, r := range []contract.Ref{ref, other} {
				ok(t, f.MarkStarted(t.Context(), r))
				ok(t, f.SetProgress(t.Context(), r, dsr.StateVerifying, "", nil))
				ok(t, f.CloseCase(t.Context(), r, dsr.NoData))
			}
			if test.checkpoint {
				_, err := f.Checkpoint(t.Context())
				ok(t, err)
			}
			if report := f.verify(t); !report.OK() || report.Lines != 8 || report.Chains != 2 {
				t.Fatalf("before: %+v", report)
			}
			f.exec(t, `ALTER TABLE habeas.case_file DISABLE TRIGGER ALL; ALTER TABLE habeas.data_key DISABLE TRIGGER ALL`)
			f.tamper(t, test.query, ref)
			report := f.verify(t)
			found := false
			for _, p := range report.Problems {
				if p.Ref != ref {
					t.Errorf("a problem elsewhere: %+v", p)
				}
				found = found || p.Seq == test.seq && strings.Contains(p.Text, test.text)
			}
			if !found {
				t.Errorf("found %+v, want line %d: %q", report.Problems, test.seq, test.text)
			}
		})
	}
}

// TestAppendingHidesNothing: a chain that was cut is not continued as if nothing were.
func TestAppendingHidesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	ok(t, f.MarkStarted(t.Context(), ref))
	f.tamper(t, `WITH cut AS (DELETE FROM habeas.ledger_line WHERE ref = $1 AND seq = 2) UPDATE habeas.ledger_head SET seq = 1,
		hash = (SELECT hash FROM habeas.ledger_line WHERE ref = $1 AND seq = 1) WHERE ref = $1`, ref)
	wantType(t, f.CloseCase(t.Context(), ref, dsr.NoData), contract.ErrTampered)
	c, err := f.Checkpoint(t.Context())
	if ok(t, err); c.Skipped != 1 || c.Heads != 0 {
		t.Errorf("a checkpoint over a forged head: %+v", c)
	}
	f.tamper(t, `DELETE FROM habeas.ledger_head WHERE ref = $1`, ref)
	wantType(t, f.CloseCase(t.Context(), ref, dsr.NoData), contract.ErrTampered)
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := f.newCase(t), f.newCase(t)
	for i, want := range []Checkpoint{{ID: 1, Heads: 2, Chains: 2}, {ID: 2, Heads: 1, Chains: 2}, {ID: 3, Heads: 0, Chains: 2}} {
		if i == 1 {
			ok(t, f.MarkStarted(t.Context(), b))
		}
		c, err := f.Checkpoint(t.Context())
		if ok(t, err); c.ID != want.ID || c.Heads != want.Heads || c.Chains != want.Chains {
			t.Errorf("checkpoint: %+v, want %+v", c, want)
		}
	}
	if report := f.verify(t); !report.OK() || report.Checkpoints != 3 {
		t.Fatalf("before: %+v", report)
	}
	_ = a
	for _, test := range []struct{ name, query, undo, text string }{
		{"forged", `UPDATE habeas.checkpoint SET signature = set_byte(signature, 5, get_byte(signature, 5) # 1) WHERE id = 2`, "", "checkpoint 2 is not signed"},
		{"changed head", `UPDATE habeas.checkpoint_head SET seq = 1 WHERE checkpoint = 2`, `UPDATE habeas.checkpoint_head SET seq = 2 WHERE checkpoint = 2`, "checkpoint 2 was changed"},
		{"latest cut", `DELETE FROM habeas.checkpoint WHERE id = 3`, "", "checkpoints 3 to 3 are missing"},
	} {
		f.tamper(t, test.query)
		report := f.verify(t)
		if !strings.Contains(texts(report), test.text) {
			t.Errorf("%s: found %+v, want %q", test.name, report.Problems, test.text)
		}
		if test.undo != "" {
			f.tamper(t, test.undo)
		} else if test.name == "forged" {
			f.tamper(t, `UPDATE habeas.checkpoint SET signature = set_byte(signature, 5, get_byte(signature, 5) # 1) WHERE id = 2`)
		}
	}
	_, err := f.Checkpoint(t.Context())
	wantType(t, err, contract.ErrTampered)
}

func texts(r Report) string {
	var all []string
	for _, p := range r.Problems {
		all = append(all, p.Text)
	}
	return strings.Join(all, "\n")
}

// TestExport finds by an export what the database alone can no longer show.
func TestExport(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ref := f.newCase(t)
	f.newCase(t)
	var export bytes.Buffer
	ok(t, f.ExportLedger(t.Context(), &export))
	against := func(text string) string {
		t.Helper()
		report, err := f.VerifyLedger(t.Context(), strings.NewReader(text))
		ok(t, err)
		return texts(report)
	}
	ok(t, f.MarkStarted(t.Context(), ref)) // what came later is no problem
	whole := export.String()
	if got := against(whole); got != "" {
		t.Fatalf("an untouched ledger: %s", got)
	}
	if got := against(strings.Replace(whole, "phone", "email", 1)); !strings.Contains(got, "export itself was changed") {
		t.Errorf("a changed export: %q", got)
	}
	lines := strings.SplitAfter(strings.TrimSpace(whole), "\n")
	if got := against(strings.Join(lines[:len(lines)-1], "")); !strings.Contains(got, "export is cut") {
		t.Errorf("a cut export: %q", got)
	}
	_, err := f.VerifyLedger(t.Context(), strings.NewReader("{}\n"))
	wantType(t, err, contract.ErrBadInput)
	_, err = f.VerifyLedger(t.Context(), strings.NewReader("hello\n"))
	wantType(t, err, contract.ErrBadInput)

	// Everything about one case goes, checkpoints too: the database alone looks whole.
	f.exec(t, `ALTER TABLE habeas.case_file DISABLE TRIGGER ALL; ALTER TABLE habeas.data_key DISABLE TRIGGER ALL`)
	for _, query := range []string{`DELETE FROM habeas.ledger_line WHERE ref = '` + ref.String() + `'`,
		`DELETE FROM habeas.ledger_head WHERE ref = '` + ref.String() + `'`, `DELETE FROM habeas.case_file WHERE ref = '` + ref.String() + `'`,
		`DELETE FROM habeas.data_key WHERE ref = '` + ref.String() + `'`, `DELETE FROM habeas.checkpoint_head`, `DELETE FROM habeas.checkpoint`,
		`DELETE FROM habeas.checkpoint_tip`, `UPDATE habeas.ledger_head SET checkpointed = 0`} {
		f.tamper(t, query)
	}
	if report := f.verify(t); !report.OK() {
		t.Fatalf("the database alone: %+v", report)
	}
	got := against(whole)
	if !strings.Contains(got, "line 1 is missing: the export holds it") || !strings.Contains(got, "checkpoint 1 is missing") {
		t.Errorf("against the export: %q", got)
	}
}

// TestAppendTogether appends to one chain and to many from 50 goroutines.
func TestAppendTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one := f.newCase(t)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			mine, err := f.CreateCase(t.Context(), f.caseOf(person))
			if err != nil {
				t.Error(cause(err))
				return
			}
			for _, ref := range []contract.Ref{mine, one} {
				if err := f.PutCounts(t.Context(), ref, map[string]int64{"accounts.users": int64(n) + 1}); err != nil {
					t.Error(cause(err))
				}
			}
			if n%10 == 0 {
				if _, err := f.Checkpoint(t.Context()); err != nil {
					t.Error(cause(err))
				}
			}
		})
	}
	wg.Wait()
	if n := len(f.events(t, one)); n < 2 || n > 51 {
		t.Errorf("the shared chain has %d lines, want 2 to 51", n)
	}
	if report := f.verify(t); !report.OK() || report.Chains != 51 || report.Checkpoints != 5 {
		t.Errorf("%+v", report)
	}
}

func TestLedgerRefusesWhatLooksPersonal(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"mei.lin@persons.example", "张奥蕾", "<b>", strings.Repeat("x", 161), "a\nb"} {
		if _, err := canonical(map[string]any{"x": value}); err == nil {
			t.Errorf("%q went through", value)
		}
	}
	got, err := canonical(map[string]any{"b": 1, "a": "x"})
	if ok(t, err); cmp.Diff(`{"a":"x","b":1}`, got) != "" {
		t.Errorf("canonical: %s", got)
	}
}
