package endtoend

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

const hosted = `
  hosted_users:
    table: accounts.hosted_users
    title: {zh: 商城会员, en: Shop members}
    key: [id]
    purpose: {zh: 为客户托管其会员数据, en: "To host a customer's members"}
    legal_basis: contract
    retention: {zh: 由客户决定, en: As the customer decides}
    processed_for:
      name: {zh: 示例商城, en: Example Shop}
      contact: privacy@shop.example
    match:
      - {column: email, identity: email}
    columns:
      id: {category: user.unique_id, title: {zh: 编号, en: Number}, export: show}
      email: {category: user.contact.email, title: {zh: 电子邮箱, en: E-mail}, export: show}
      wish: {category: user.behavior, title: {zh: 愿望单, en: Wish list}, export: show}
`

// withHosted is the example's map of accounts with a table that is held for a customer.
func withHosted(t testing.TB) string {
	t.Helper()
	raw, err := cloud.Map.ReadFile("map/accounts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, tail, cut := strings.Cut(string(raw), "\nignore_tables:")
	if cut {
		tail = "\nignore_tables:" + tail
	}
	return strings.TrimRight(text, "\n") + "\n" + hosted + tail
}

const hostedTable = `CREATE TABLE IF NOT EXISTS accounts.hosted_users (id bigint PRIMARY KEY, email text NOT NULL, wish text NOT NULL)`

// forwarded is an access and then a deletion of somebody of whom a row is held for a customer: it is in no
// package, survives the deletion, and the customer and the person hear of it.
func forwarded(s *stubborn) contract.Ref {
	const wish = "a green kettle"
	s.onSystem("accounts", `INSERT INTO accounts.hosted_users VALUES (1, $1, $2)`, s.p.Email, wish)
	shop := s.c.Person(example.Person{Email: "privacy@shop.example"})
	ref, files := s.answered(desk.Opening{Kind: dsr.Access})
	for name, content := range files {
		if strings.Contains(name, "hosted_users") || bytes.Contains(content, []byte(wish)) {
			s.t.Errorf("%s holds what is a customer's", name)
		}
	}
	for _, page := range []string{"index.html", "context.json"} {
		if !strings.Contains(string(files[page]), "privacy@shop.example") {
			s.t.Errorf("%s does not say for whom it is held", page)
		}
	}
	deletion := s.askDeletion()
	plan := s.task(deletion, dsr.TaskPlan)
	shown, err := s.d.Task(s.ctx, plan.ID)
	if err != nil || !slices.ContainsFunc(shown.Shown.Entries, func(e dsr.ShownEntry) bool {
		return e.Collection == "hosted_users" && e.Rows == 1 && e.Action == "leave" && e.Reason == "for-customer"
	}) {
		s.t.Errorf("the plan does not say that it leaves a customer's row: %v", err)
	}
	s.agreeOn(deletion)
	s.ended(deletion, dsr.Fulfilled)
	db := s.database("accounts")
	defer func() { _ = db.Close() }()
	var left int
	if err := db.QueryRowContext(s.ctx, `SELECT count(*) FROM accounts.hosted_users WHERE email = $1 AND wish = $2`, s.p.Email, wish).Scan(&left); err != nil || left != 1 {
		s.t.Errorf("%d of the customer's rows are left, %v", left, err)
	}
	for _, one := range []contract.Ref{ref, deletion} {
		toShop, err := shop.Letters(s.ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		came := 0
		for _, m := range toShop {
			if !strings.Contains(m.Subject, one.ID()) {
				continue
			}
			came++
			if strings.Contains(m.Text, s.p.Email) || strings.Contains(m.Text, wish) || len(m.Problems) > 0 {
				s.t.Errorf("the customer's letter holds a value of the person, or is no letter: %v", m.Problems)
			}
		}
		mine, err := s.p.Letters(s.ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		told := slices.ContainsFunc(mine, func(m catcher.Letter) bool {
			return strings.Contains(m.Text, "privacy@shop.example") && strings.Contains(m.Text, one.ID())
		})
		if came != 1 || !told {
			s.t.Errorf("%s: %d letters came to the customer, the person was told: %v", one, came, told)
		}
	}
	return deletion
}
