package endtoend

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// correctionSeeds are three, twenty with HABEAS_SOAK=1.
func correctionSeeds() []uint64 {
	list := []uint64{1, 2, 3}
	if os.Getenv("HABEAS_SOAK") != "" {
		for len(list) < 20 {
			list = append(list, rand.Uint64N(1_000_000))
		}
	}
	return list
}

// correctKilled kills the worker at seeded moments. All the while each system holds the old value
// everywhere or the new one everywhere, and the case ends rightly. It gives the new number.
func correctKilled(s *stubborn, seed uint64, n int) string {
	random := rand.New(rand.NewPCG(seed, 13))
	at := int64(1000 + 10*n)
	for i := range int64(3) {
		s.profile(at+i, s.p.Mobile)
	}
	fresh := fmt.Sprintf("+861370021%04d", n)
	ref := s.askCorrection(dsr.Wish{Field: "contact.mobile", Value: fresh})
	lines, err := s.d.Store.Ledger(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	plan := disturbance{pause: time.Duration(random.IntN(40)) * time.Millisecond}
	for _, moment := range draw(random, 2, 16) {
		plan.moments = append(plan.moments, len(lines)+moment-1)
	}
	watched, stop := context.WithCancel(s.ctx)
	mixed := make(chan int, 1)
	go func() { mixed <- s.watchMixed(watched, at) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		plan.run(s, ref, func() { killWorker(s, time.Duration(random.IntN(1500))*time.Millisecond) })
	}()
	s.confirmMobile(ref, fresh)
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, "")
	s.ended(ref, dsr.Fulfilled)
	stop()
	if n := <-mixed; n != 0 {
		s.t.Errorf("a system held the old value and the new one side by side, %d times", n)
	}
	want := strings.TrimPrefix(fresh, "+86")
	if got := s.onBilling(`SELECT GROUP_CONCAT(DISTINCT CONCAT(mobile, look, JSON_VALUE(doc, '$.to.mobile'))) FROM profiles WHERE id BETWEEN ? AND ?`, at, at+2); strings.ReplaceAll(got, "+86", "") != want+want+want {
		s.t.Error("the rows in billing are not as they should be")
	}
	if got := s.valueOf("accounts", `SELECT mobile FROM accounts.users WHERE id = $1`, s.p.ID); strings.TrimPrefix(got, "+86") != want {
		s.t.Error("the account is not as it should be")
	}
	s.told(ref, "correction_done")
	s.ledgerHolds()
	struck(s.t, done)
	return want
}

// watchMixed counts how often the rows of one person were seen with the old value and the new one.
func (s *stubborn) watchMixed(ctx context.Context, at int64) (times int) {
	dsn, err := mariadb.FromURL(s.c.Stack.LoadDSNs()["billing"])
	if err != nil {
		return -1
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return -1
	}
	defer func() { _ = db.Close() }()
	for ctx.Err() == nil {
		var kinds int
		err := db.QueryRowContext(ctx, `SELECT COUNT(DISTINCT CONCAT(mobile, '/', look, '/', JSON_VALUE(doc, '$.to.mobile'))) FROM profiles WHERE id BETWEEN ? AND ?`, at, at+2).Scan(&kinds)
		if err == nil && kinds != 1 {
			times++
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return times
}
