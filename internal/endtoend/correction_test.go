package endtoend

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// profiles is a collection that a company keeps beside its bills: copies of what stands in the account.
const profiles = `
  profiles:
    table: billing.profiles
    title: {zh: 开票资料, en: Billing profiles}
    key: [id]
    purpose: {zh: 开具发票, en: To issue invoices}
    legal_basis: contract
    retention: {zh: 账户存续期间, en: As long as the account}
    deletion: {action: delete}
    links:
      - {columns: [account_id], to: accounts.users, to_columns: [id], relation: belongs, deletion: deep}
    columns:
      id: {ignore: only a sequence number}
      account_id: {category: user.unique_id}
      mobile:
        category: user.contact.phone_number
        title: {zh: 手机号码, en: Mobile number}
        correct:
          copies: [{column: look, as: digits}, {column: doc, path: to.mobile}]
          disputed: {column: disputed, value: true}
      look: {ignore: what the search box looks into}
      doc: {ignore: what the invoice program reads}
      disputed: {ignore: a mark of the privacy team}
      payer: {category: user.name, title: {zh: 付款人, en: Payer}}
      printed:
        category: user.name
        title: {zh: 已开具的抬头, en: Printed title}
        correct: {never: {zh: 已开具的票据不得更改, en: what was printed is not changed afterwards}}
`

// withProfiles is the example's billing with that collection.
func withProfiles(t testing.TB) string {
	t.Helper()
	raw, err := cloud.Map.ReadFile("map/billing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(raw), "\n") + "\n" + profiles
}

const profilesTable = `CREATE TABLE IF NOT EXISTS profiles (id bigint PRIMARY KEY, account_id bigint NOT NULL, mobile varchar(20), look varchar(40), doc json,
	disputed boolean, payer varchar(60), printed varchar(60), INDEX (account_id)) ENGINE = InnoDB`

// onBilling runs a statement in the system on MariaDB, and reads its one value where it gives one.
func (s *stubborn) onBilling(statement string, args ...any) string {
	s.t.Helper()
	dsn, err := mariadb.FromURL(s.c.Stack.LoadDSNs()["billing"])
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if !strings.HasPrefix(statement, "SELECT") {
		if _, err := db.ExecContext(s.ctx, statement, args...); err != nil {
			s.t.Fatal(err)
		}
		return ""
	}
	var value sql.NullString
	if err := db.QueryRowContext(s.ctx, statement, args...).Scan(&value); err != nil {
		s.t.Fatal(err)
	}
	return value.String
}

// valueOf reads one value of a PostgreSQL system.
func (s *stubborn) valueOf(system, statement string, args ...any) string {
	s.t.Helper()
	db, err := sql.Open("postgres", s.c.Stack.LoadDSNs()[system])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var value sql.NullString
	if err := db.QueryRowContext(s.ctx, statement, args...).Scan(&value); err != nil {
		s.t.Fatal(err)
	}
	return value.String
}

// profile gives the person a row in billing.profiles.
func (s *stubborn) profile(id int64, mobile string) {
	s.t.Helper()
	s.onBilling(profilesTable)
	mobile = strings.TrimPrefix(mobile, "+86")
	s.onBilling(`INSERT INTO profiles VALUES (?, ?, ?, ?, ?, NULL, ?, ?)`, id, s.p.ID, mobile, mobile, `{"to": {"mobile": "`+mobile+`"}, "n": 1.50}`, s.p.Name, s.p.Name)
}

// ask opens a correction for the person and has them prove who they are.
func (s *stubborn) askCorrection(wishes ...dsr.Wish) contract.Ref {
	s.t.Helper()
	ref, err := s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Correction, OpenedBy: "an", Lang: s.p.Language, Wishes: wishes,
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.verify(ref)
	return ref
}

// confirmMobile reads the code out of the text message to the new number.
func (s *stubborn) confirmMobile(ref contract.Ref, mobile string) {
	s.t.Helper()
	var code string
	s.until("the code to the new number", func(ctx context.Context) (bool, error) {
		messages, err := s.c.Stack.Catcher().SMS(ctx, mobile)
		for _, m := range messages {
			if found := demo.CodeIn(m.Text); found != "" {
				code = found
			}
		}
		return code != "", err
	})
	s.until("confirming the new number", func(ctx context.Context) (bool, error) {
		met, _, err := s.d.VerifyCode(ctx, ref.ID(), code)
		if _, known := s.d.Store.MetChallenge(ctx, ref, dsr.CodeNewMobile); known == nil {
			return true, nil
		}
		return met, err
	})
}

// shownCorrection is what the open task of that kind shows.
func (s *stubborn) shownCorrection(ref contract.Ref, kind dsr.TaskKind) (casefile.Task, dsr.ShownCorrection) {
	s.t.Helper()
	task := s.task(ref, kind)
	shown, err := s.d.Task(s.ctx, task.ID)
	if err != nil || shown.Shown.Correction == nil || len(shown.Shown.PlanHash) != 64 {
		s.t.Fatalf("the correction is not shown: %v", err)
	}
	return task, *shown.Shown.Correction
}

// rowsAt counts the rows of a place for which an action is shown.
func rowsAt(c dsr.ShownCorrection, place, action string) (n int64) {
	for _, p := range c.Places {
		if p.Place == place && p.Action == action {
			n += p.Rows
		}
	}
	return n
}

// hasNone fails where one of the values stands in a text; values are not printed.
func hasNone(t *testing.T, where, text string, values ...string) {
	t.Helper()
	for i, value := range values {
		if value != "" && strings.Contains(text, value) {
			t.Errorf("%s holds value %d", where, i)
		}
	}
}

const newMobile = "+8613700190001"

// correctMobile is the whole way: a wrong mobile in three systems on two engines, in one of them with its
// copies, and at a processor, which is a Habeas of its own; a fourth copy holds another value; a row is
// changed between plan and execution.
func correctMobile(us, them *stubborn) contract.Ref {
	s, old := us, us.p.Mobile
	for _, one := range []*stubborn{us, them} {
		one.profile(1, old)
		one.profile(2, "13999999999")
		one.profile(3, old)
	}
	s.onSystem("support", `INSERT INTO support.tickets (id, account_id, contact_mobile, subject, status, created_at) VALUES (9100001, $1, $2, 'x', 'open', now())`, s.p.ID, "+86 "+old)
	before, mine := s.rows(), s.mine()
	ref := s.askCorrection(dsr.Wish{Field: "contact.mobile", Value: strings.TrimPrefix(newMobile, "+86")})
	s.confirmMobile(ref, newMobile)

	task, shown := s.shownCorrection(ref, dsr.TaskCorrect)
	if rowsAt(shown, "accounts.users.mobile", "correct") != 1 || rowsAt(shown, "billing.profiles.mobile", "correct") != 2 || rowsAt(shown, "billing.profiles.mobile", "other") != 1 ||
		rowsAt(shown, "support.tickets.contact_mobile", "correct") < 1 || !slices.Equal(shown.Asked, []string{"mailing"}) {
		s.t.Errorf("what is shown: %+v", shown)
	}
	raw, _ := json.Marshal(shown)
	hasNone(s.t, "what the reviewer sees", string(raw), old, newMobile, "13999999999", strings.TrimPrefix(newMobile, "+86"))
	// Somebody changes one of the planned rows just before it is approved.
	s.onBilling(`UPDATE profiles SET mobile = '13888888888' WHERE id = 3`)
	s.signTask(task.ID, "bo", dsr.Approve, "")

	// It is not overwritten, but shown again.
	_, again := s.shownCorrection(ref, dsr.TaskCorrect)
	if got := s.onBilling(`SELECT mobile FROM profiles WHERE id = 3`); got != "13888888888" {
		s.t.Error("a concurrent change was lost")
	}
	if !slices.ContainsFunc(again.Places, func(p dsr.ShownFix) bool { return p.Place == "billing.profiles.mobile" && p.Reason == "changed" }) {
		s.t.Errorf("the second plan does not show what was changed meanwhile: %+v", again.Places)
	}
	s.sign(ref, dsr.TaskCorrect, "bo", dsr.Approve, "")

	asked := them.askedBy(controllerDomain, dsr.Correction)
	them.sign(asked, dsr.TaskCorrect, "bo", dsr.Approve, "")
	them.ended(asked, dsr.Fulfilled)
	s.ended(ref, dsr.PartlyDone) // a row that was to be corrected holds what somebody else wrote
	for _, one := range []*stubborn{us, them} {
		if got := one.valueOf("accounts", `SELECT mobile FROM accounts.users WHERE id = $1`, one.p.ID); got != strings.TrimPrefix(newMobile, "+86") {
			one.t.Error("the account's mobile was not corrected")
		}
		if got := one.onBilling(`SELECT CONCAT(mobile, ' ', look, ' ', JSON_VALUE(doc, '$.to.mobile'), ' ', JSON_EXTRACT(doc, '$.n')) FROM profiles WHERE id = 1`); got != "13700190001 13700190001 13700190001 1.50" {
			one.t.Error("the copy in billing, or what is made from it, was not corrected")
		}
		if got := one.onBilling(`SELECT mobile FROM profiles WHERE id = 2`); got != "13999999999" {
			one.t.Error("a third value was overwritten")
		}
	}
	if got := s.valueOf("support", `SELECT contact_mobile FROM support.tickets WHERE id = 9100001`); got != newMobile {
		s.t.Error("the ticket's mobile was not corrected in its own style")
	}
	s.othersUntouched(before, mine)
	s.letterWithout(ref, "correction_done", old, newMobile, strings.TrimPrefix(newMobile, "+86"), "13888888888", "13999999999")
	s.told(ref, "correction_ack", "correction_done")
	s.ledgerHolds()
	return ref
}

// letterWithout looks whether a letter says where something was changed, and holds none of the values.
func (s *stubborn) letterWithout(ref contract.Ref, template string, values ...string) {
	s.t.Helper()
	subject := map[string]string{"zh": "更正", "en": "corrected"}[s.p.Language]
	found := false
	s.until("the letter "+template, func(ctx context.Context) (bool, error) {
		letters, err := s.p.Letters(ctx)
		for _, l := range letters {
			if strings.Contains(l.Subject, subject) && strings.Contains(l.Subject, ref.ID()) && !strings.Contains(l.Subject, "已收到") && !strings.Contains(l.Subject, "received") {
				found = true
				hasNone(s.t, "the letter", l.Text+l.Subject, values...)
				place := map[string]string{"zh": "开票资料", "en": "Billing profiles"}[s.p.Language]
				if !strings.Contains(l.Text, place) {
					s.t.Error("the letter does not say where something was corrected")
				}
			}
		}
		return found, err
	})
}

// signTask signs one task, however often that takes.
func (s *stubborn) signTask(id, who string, verdict dsr.Verdict, reason string) {
	s.t.Helper()
	s.until("signing "+id, func(ctx context.Context) (bool, error) {
		_, err := s.d.Decide(ctx, id, verdict, reason, s.c.Staff[who])
		if now, readErr := s.d.Store.Task(ctx, id); readErr == nil && now.State == casefile.TaskDone {
			return true, nil
		}
		return false, err
	})
}
