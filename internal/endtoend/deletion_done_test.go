package endtoend

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"go.temporal.io/api/enums/v1"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
)

// ordinary are account holders none of whose values is on another account or in anybody's message, and who
// have written to support: people whom a deletion leaves no question about.
func ordinary(t *testing.T, c *demo.Company, n int) []example.Person {
	t.Helper()
	return ordinaryOf(t, c, n, false)
}

// ordinaryOf is ordinary, also of people who share their name with others, as of many people many do.
func ordinaryOf(t *testing.T, c *demo.Company, n int, namesakes bool) []example.Person {
	t.Helper()
	db, err := sql.Open("postgres", c.Stack.LoadDSNs()["accounts"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	support, err := sql.Open("postgres", c.Stack.LoadDSNs()["support"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = support.Close() }()
	rows, err := texts(t.Context(), db, `SELECT id, login_name, real_name, mobile, email, id_number, language FROM accounts.users u
		WHERE email IS NOT NULL AND enterprise_code IS NULL AND NOT EXISTS (SELECT FROM accounts.users o WHERE o.id <> u.id
			AND (o.mobile = u.mobile OR lower(o.email) = lower(u.email) OR (NOT $1 AND o.real_name = u.real_name)))
		AND NOT EXISTS (SELECT FROM accounts.contacts o WHERE o.mobile = u.mobile OR lower(o.email) = lower(u.email)) ORDER BY id DESC`, namesakes)
	if err != nil {
		t.Fatal(err)
	}
	var list []example.Person
	for _, row := range rows {
		p := example.Person{Collection: "accounts.users", Login: row[1], Name: row[2], Mobile: row[3], Email: row[4], IDNumber: row[5], Language: row[6]}
		if p.ID, err = strconv.ParseInt(row[0], 10, 64); err != nil {
			t.Fatal(err)
		}
		values := []string{p.Login, p.Mobile, p.Mobile[len(p.Mobile)-11:], p.Email, p.IDNumber}
		if !namesakes {
			values = append(values, p.Name)
		}
		var written, told int
		err := support.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM support.messages m JOIN support.tickets k ON k.id = m.ticket_id WHERE k.account_id = $1),
			(SELECT count(*) FROM support.messages, unnest($2::text[]) v WHERE position(lower(v) IN lower(body)) > 0)`, p.ID,
			pq.Array(values)).Scan(&written, &told)
		if err != nil {
			t.Fatal(err)
		}
		if written > 0 && told == 0 {
			if list = append(list, p); len(list) == n {
				return list
			}
		}
	}
	t.Fatalf("only %d of %d ordinary people", len(list), n)
	return nil
}

// dumped is where a value stands in the dumps of all databases: tables as "schema.table".
func (s *stubborn) dumped(values ...string) map[string]int {
	s.t.Helper()
	dsns := s.c.Stack.LoadDSNs()
	dsns["casefile"] = s.c.Stack.DatabaseURL(stack.RoleOwner, stack.CasefileDatabase)
	found, lines := map[string]int{}, 0
	for system, dsn := range dsns {
		dump := s.dump(system, dsn)
		table := ""
		scan := bufio.NewScanner(bytes.NewReader(dump))
		scan.Buffer(nil, 64<<20)
		for scan.Scan() {
			line := scan.Text()
			if rest, ok := strings.CutPrefix(line, "COPY "); ok {
				table, _, _ = strings.Cut(rest, " ")
				continue
			}
			if rest, ok := strings.CutPrefix(line, "INSERT INTO `"); ok {
				table, _, _ = strings.Cut(rest, "`")
				table = system + "." + table
			}
			lines++
			for _, value := range values {
				if strings.Contains(line, value) {
					found[table]++
				}
			}
		}
		if err := scan.Err(); err != nil {
			s.t.Fatal(err)
		}
	}
	if lines < 5000 {
		s.t.Errorf("the dumps have only %d lines", lines)
	}
	return found
}

// dump is every row of a database as text: by pg_dump, and of MariaDB, whose server comes without its dump
// program, in the form of mariadb-dump by SELECT.
func (s *stubborn) dump(system, dsn string) []byte {
	s.t.Helper()
	if mariadb.IsURL(dsn) {
		return s.dumpMariaDB(dsn)
	}
	command := exec.CommandContext(s.ctx, pgDump(s.t), "--data-only", "--dbname", dsn)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	dump, err := command.Output()
	if err != nil {
		s.t.Fatalf("dumping %s: %v\n%s", system, err, complaint.String())
	}
	return dump
}

func (s *stubborn) dumpMariaDB(address string) []byte {
	s.t.Helper()
	dsn, err := mariadb.FromURL(address)
	if err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	err = mariadb.Do(s.ctx, dsn, func(db *sql.DB) error {
		names, err := texts(s.ctx, db, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'`)
		if err != nil {
			return err
		}
		for _, table := range names {
			rows, err := texts(s.ctx, db, "SELECT * FROM "+mariadb.Quote(table[0]))
			if err != nil {
				return err
			}
			for _, row := range rows {
				out.WriteString("INSERT INTO " + mariadb.Quote(table[0]) + " VALUES " + strings.ReplaceAll(strings.Join(row, "\t"), "\n", " ") + "\n")
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Bytes()
}

// texts are the rows of a query, every column as text.
func texts(ctx context.Context, db *sql.DB, query string, args ...any) (list [][]string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		raw, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range raw {
			into[i] = &raw[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(raw))
		for i := range raw {
			row[i] = string(raw[i])
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

func pgDump(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/postgresql/15/bin/pg_dump", "pg_dump"} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatal("there is no pg_dump; make tools installs it")
	return ""
}

// values are what tells who the person is.
func (s *stubborn) values() []string {
	list := []string{s.p.Login, s.p.Name, s.p.Mobile, s.p.Email, s.p.IDNumber}
	return slices.DeleteFunc(list, func(v string) bool { return v == "" })
}

// deleteFromDumps deletes somebody whose values are nobody else's: afterwards a dump of every database
// holds none of them but in the tables that the certificate lists as kept. Before, they stand in more.
func deleteFromDumps(s *stubborn) {
	before := s.dumped(s.values()...)
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	s.onlyKept(ref, before)
}

// onlyKept finds the person's values in the dumps, and where the certificate of the case lists nothing as
// kept by law, that is an error. before is what was found before the deletion: in more than what is kept.
func (s *stubborn) onlyKept(ref contract.Ref, before map[string]int) {
	s.t.Helper()
	kept := map[string]bool{}
	for _, system := range s.certified(ref).Systems {
		for _, class := range system.Classes {
			if class.Law == "" || class.Planned == 0 {
				continue
			}
			for _, sys := range s.d.Map.Systems {
				for _, c := range sys.Collections {
					if class.Name.EN == sys.Title.EN+" – "+c.Title.EN {
						kept[c.Schema+"."+c.Table] = true
					}
				}
			}
		}
	}
	if len(kept) == 0 {
		s.t.Error("the certificate lists nothing as kept")
	}
	more := false
	for table := range before {
		more = more || !kept[table]
	}
	if !more {
		s.t.Errorf("before, the values stood in nothing but what is kept: %v", before)
	}
	for table, n := range s.dumped(s.values()...) {
		if !kept[table] {
			s.t.Errorf("%d rows of %s still hold a value of the person, and the certificate does not list it as kept", n, table)
		}
	}
}

// deleteMadeUpToTheEnd has everything answered by somebody who reaches Temporal, with our own seal: the
// deletion, the read-back, the work by hand, the certificate, the letter and the end. The workflow says
// that it is fulfilled. Not a row has gone, no certificate was signed, nobody was told, and the case is
// open; started again, it is carried out.
func deleteMadeUpToTheEnd(s *stubborn) {
	before, mine := s.rows(), s.mine()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.state(ref, dsr.StateCooling)
	answered := map[string]int{}
	results := map[string]any{
		contract.CheckHolds.Name: contract.HoldsResult{}, contract.BeginErasing.Name: contract.Nothing{}, contract.Erase.Name: contract.EraseResult{Deleted: 7},
		contract.Rediscover.Name: contract.Nothing{}, contract.ReadBack.Name: contract.ReadBackResult{},
		contract.OpenTask.Name: contract.OpenTaskResult{Task: "7QK2M-9XH4T", Verdict: string(dsr.Complete)},
		contract.Certify.Name:  contract.CertifyResult{Hash: []byte{1}}, contract.Wipe.Name: contract.Nothing{},
		contract.SendLetter.Name: contract.LetterResult{State: contract.LetterSent}, contract.CloseCase.Name: contract.Nothing{},
	}
	hijack(s, func() {
		s.until("the made-up end", func(ctx context.Context) (bool, error) {
			d, err := s.d.Temporal.DescribeWorkflowExecution(ctx, string(ref), "")
			if err != nil {
				return false, err
			}
			for _, a := range d.GetPendingActivities() {
				name := a.GetActivityType().GetName()
				result, ok := results[name]
				if !ok {
					continue // of the law's clock: it may wait
				}
				if err := s.d.Temporal.CompleteActivityByID(ctx, "default", string(ref), "", a.GetActivityId(), result, nil); err == nil {
					answered[name]++
				}
			}
			return d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
		})
	})
	for name := range results {
		if answered[name] == 0 {
			s.t.Errorf("%s was never made up", name)
		}
	}
	if diff := changed(before, s.rows()); diff != "" {
		s.t.Errorf("%s was changed by made-up results", diff)
	}
	k, err := s.d.Store.Case(s.ctx, ref)
	if err != nil || k.State == dsr.StateClosed || k.Outcome != "" || k.EndingAt != nil {
		s.t.Errorf("the case was ended by made-up results: %+v %v", k, err)
	}
	if _, err := s.d.Store.Certificate(s.ctx, ref); !fault.Is(err, contract.ErrNotFound) {
		s.t.Errorf("there is a certificate: %v", err)
	}
	s.told(ref, "deletion_approved")
	s.restart(ref)
	s.ended(ref, dsr.Fulfilled)
	s.othersUntouched(before, mine)
	s.wantDeleted(before, mine, time.Now())
	if got := s.certified(ref); got.Outcome != string(dsr.Fulfilled) || len(got.Systems) < 3 {
		s.t.Errorf("the certificate: %s of %d systems", got.Outcome, len(got.Systems))
	}
	s.told(ref, "deletion_approved", "deletion_done")
	s.ledgerHolds()
}
