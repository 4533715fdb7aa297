// Package cloud holds the files of the example company: 云栈示例云 (Yunzhan Example Cloud), an
// invented cloud provider with three systems on two kinds of database. schema/ is what its databases look like, map/ is
// the data map that tells Habeas where people are in them. The company, its domain and its
// numbers do not exist. Rows are made by internal/example; nothing of that belongs here.
package cloud

import (
	"embed"
	"fmt"
)

// Systems are the company's systems, in the order in which they refer to one another.
var Systems = []string{"accounts", "billing", "support"}

// MariaDB are those of Systems whose database is in MariaDB; the others are on PostgreSQL.
var MariaDB = []string{"billing"}

// Map holds the data map: map/company.yaml and one file a system; map/paper.yaml is a cabinet that no
// database knows.
//
//go:embed map/*.yaml
var Map embed.FS

//go:embed schema/*.sql
var schemas embed.FS

// Schema is the SQL that makes the tables of one of Systems. A line that reads AfterLoad parts
// the tables from the keys and indexes that are cheaper to make once the rows are in.
func Schema(system string) (string, error) {
	text, err := schemas.ReadFile("schema/" + system + ".sql")
	if err != nil {
		return "", fmt.Errorf("reading the example schema of %q: %w", system, err)
	}
	return string(text), nil
}

// AfterLoad is the line in a schema file that separates tables from keys and indexes.
const AfterLoad = "-- after load\n"
