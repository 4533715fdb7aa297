package subject

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/stack/mytest"
)

// slowLog hears what MariaDB ran in one database, and by which plans: its slow log takes every
// statement, with the plan by which it was really run.
type slowLog struct {
	t    *testing.T
	db   *sql.DB
	file string
	name string // of the database
	from int
}

func newSlowLog(t *testing.T, d mytest.Database) *slowLog {
	t.Helper()
	l := &slowLog{t: t, name: d.Name}
	var err error
	if l.db, err = sql.Open("mysql", d.DSN); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.db.Close() })
	var dir string
	if err := l.db.QueryRow("SELECT @@datadir").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	l.file = filepath.Join(dir, d.Name+".slow")
	set := func(statements ...string) {
		for _, statement := range statements {
			if _, err := l.db.Exec("SET GLOBAL " + statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	set("slow_query_log_file = '"+l.file+"'", "log_slow_verbosity = 'query_plan,explain'", "log_slow_filter = ''", "long_query_time = 0", "slow_query_log = ON")
	t.Cleanup(func() { set("slow_query_log = OFF", "long_query_time = 10") })
	return l
}

// heard gives the number of statements since the last time, and those that have a plan.
func (l *slowLog) heard() (int, []string) {
	l.t.Helper()
	if _, err := l.db.Exec("FLUSH SLOW LOGS"); err != nil {
		l.t.Fatal(err)
	}
	raw, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	entries := strings.Split(string(raw), "# User@Host: ")[1:]
	var plans []string
	statements := 0
	for _, entry := range entries[min(l.from, len(entries)):] {
		if !strings.Contains(entry, "Schema: "+l.name+" ") || !strings.Contains(entry, "/* habeas") {
			continue
		}
		statements++
		if strings.Contains(entry, "# explain: ") {
			plans = append(plans, entry)
		}
	}
	l.from = len(entries)
	return statements, plans
}

// whole names the table that the statement reads from end to end, "" when there is none among the
// large ones. The table of a collection is t in every statement of the driver.
func whole(plan string, large []string) string {
	for _, name := range large {
		if !strings.Contains(plan, "`"+name+"` AS t") {
			continue
		}
		for line := range strings.Lines(plan) {
			cells := strings.Split(strings.TrimPrefix(line, "# explain: "), "\t")
			if len(cells) > 3 && cells[2] == "t" && slices.Contains([]string{"ALL", "index"}, cells[3]) {
				return name
			}
		}
	}
	return ""
}

func largeInMariaDB(t *testing.T, d mytest.Database) []string {
	t.Helper()
	db, err := sql.Open("mysql", d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND DATA_LENGTH > 2 << 20 ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
