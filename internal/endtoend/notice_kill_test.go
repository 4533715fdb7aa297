package endtoend

import (
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/demo"
)

// SIGKILL of the worker at seeded moments of a wave of 2,000 (20,000 at thirty in a soak): nobody is
// missed, and whoever got two letters stands in the casefile as undecided, with one Message-ID.
func survivesKills(t *testing.T, c *demo.Company) {
	people, kills, atMost := 2_000, 3, 9*time.Minute
	if os.Getenv("HABEAS_SOAK") != "" {
		people, kills, atMost = 20_000, 30, 90*time.Minute
	}
	s := newTeller(t, c, atMost)
	path := breach(t, `
concerned: [{csv: people.csv, categories: [{zh: 登录名, en: sign-in name}]}]
pace: {rate: 0, per_domain: 0, waves: [100], retry: 1s}
ladder: {steps: [], after: 1s}
`)
	var csv strings.Builder
	csv.WriteString("email,lang\n")
	for i := range people {
		fmt.Fprintf(&csv, "p%d@people.example,%s\n", i, []string{"zh", "en"}[i%2])
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "people.csv"), []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(path)
	seed := seeds(t)[0]
	random := mrand.New(mrand.NewPCG(seed, 8))
	moments := make([]int64, kills)
	for i := range moments {
		moments[i] = 1 + random.Int64N(int64(people)-1)
	}
	slices.Sort(moments)
	s.wave(1)
	for _, moment := range moments {
		s.until(fmt.Sprintf("letter %d", moment), func() bool { return s.notice().Sent >= moment })
		p, ok := c.Stack.Process("worker")
		if !ok {
			t.Fatal("no worker")
		}
		t.Logf("seed %d: killed at letter %d", seed, s.notice().Sent)
		if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for p.Alive() {
			time.Sleep(5 * time.Millisecond)
		}
		if err := c.StartWorker(s.ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.settled()
	copies := s.copies()
	undecided := map[string]bool{}
	if err := s.d.Store.Outcomes(s.ctx, s.ref, 0, func(p casefile.PersonOutcome) error {
		undecided[fmt.Sprint(p.N)] = p.Repeated > 0 || p.Unclear > 0
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for i := range people {
		list := copies[fmt.Sprintf("p%d@people.example", i)]
		if len(list) == 0 {
			t.Errorf("person %d got no letter", i)
			continue
		}
		if len(list) == 1 {
			continue
		}
		twice++
		n := strings.Split(list[0].From, ".")[1]
		for _, l := range list[1:] {
			if l.MessageID != list[0].MessageID || l.From != list[0].From {
				t.Errorf("a repeat with another Message-ID")
			}
		}
		if !undecided[n] {
			t.Errorf("letter %s went %d times, and the casefile does not say so", n, len(list))
		}
	}
	tally := s.tally()
	t.Logf("%d got it twice, %d were undecided at a kill", twice, tally.Repeated)
	if len(copies) != people || tally.Mail[casefile.MailSent] != int64(people) || tally.Repeated > int64(kills*32*2) {
		t.Errorf("%d people got a letter; %+v", len(copies), tally)
	}
	if report, err := s.d.Store.VerifyLedger(s.ctx, nil); err != nil || !report.OK() {
		t.Errorf("the ledger: %+v %v", report, err)
	}
}
