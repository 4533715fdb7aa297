package mysql

import (
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// column is one live column.
type column struct {
	Name      string  `db:"name"`
	Type      string  `db:"type"` // such as "varchar"
	Full      string  `db:"full"` // such as "bigint(20) unsigned zerofill"
	Charset   *string `db:"charset"`
	Collation *string `db:"collation"`
	Scale     *int    `db:"scale"`
	Nullable  string  `db:"nullable"`
	Rights    string  `db:"rights"`
	Extra     string  `db:"extra"`
	Length    *int64  `db:"length"` // characters of a text, bytes of binary
	JSON      bool    // a JSON column; MariaDB's is a text with a check
}

// class is what may be done with a column's values.
type class int

const (
	otherClass  class = iota
	numberClass       // exact numbers, years among them
	floatClass        // numbers that are not exact
	bitClass
	dateClass // a day
	momentClass
	stampClass // a moment that the server keeps in UTC
	timeClass  // a time of day, or a span
	textClass
	binaryClass
	jsonClass
	wordClass // uuid, inet4, inet6: a text of one form
)

var classes = map[string]class{
	"tinyint": numberClass, "smallint": numberClass, "mediumint": numberClass, "int": numberClass, "bigint": numberClass,
	"decimal": numberClass, "year": numberClass, "float": floatClass, "double": floatClass, "bit": bitClass,
	"date": dateClass, "datetime": momentClass, "timestamp": stampClass, "time": timeClass,
	"char": textClass, "varchar": textClass, "tinytext": textClass, "text": textClass, "mediumtext": textClass, "longtext": textClass,
	"enum": textClass, "set": textClass,
	"binary": binaryClass, "varbinary": binaryClass, "tinyblob": binaryClass, "blob": binaryClass, "mediumblob": binaryClass, "longblob": binaryClass,
	"json": jsonClass, "uuid": wordClass, "inet4": wordClass, "inet6": wordClass,
}

func (c column) class() class {
	if c.JSON {
		return jsonClass
	}
	return classes[c.Type]
}

func (c column) readable() bool { return strings.Contains(","+c.Rights+",", ",select,") }

// padded reports whether the server may put zeros before the number.
func (c column) padded() bool { return c.Type == "year" || strings.Contains(c.Full, "zerofill") }

func (c column) unsigned() bool { return c.Type == "bit" || strings.Contains(c.Full, "unsigned") }

// linkable reports whether the values can be keys. A float cannot: its text is not its value.
func (c column) linkable() bool {
	return !slices.Contains([]class{otherClass, floatClass, jsonClass}, c.class())
}

// matchable reports whether the column can hold an identity.
func (c column) matchable() bool { return c.linkable() && c.class() != binaryClass }

// timed reports whether the column holds moments.
func (c column) timed() bool {
	return slices.Contains([]class{dateClass, momentClass, stampClass}, c.class())
}

// yields reports whether the part can be taken of this column.
func (c column) yields(e *datamap.Expr) bool {
	if e.Prefix > 0 {
		return c.class() == textClass || c.class() == wordClass
	}
	return c.class() == jsonClass
}

// refers reports whether the column, or the part of it, can refer to a row.
func (c column) refers(e *datamap.Expr) bool {
	if e != nil {
		return c.yields(e)
	}
	return c.linkable()
}

// quote writes a name.
func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoted is the table as SQL writes it.
func quoted(c *datamap.Collection) string { return quote(c.Schema) + "." + quote(c.Table) }

// of is the column of the table as t.
func (c column) of() string { return "t." + quote(c.Name) }

// literal quotes a text that is part of the program or of the map, never a value.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// text is the column as text in UTF-8.
func (c column) text() string {
	x := c.of()
	switch {
	case c.class() == textClass || c.class() == jsonClass:
		return "CONVERT(" + x + " USING utf8mb4)"
	case c.class() == binaryClass:
		return `CONCAT('\\x', LOWER(HEX(` + x + ")))"
	case c.class() == bitClass || (c.class() == numberClass && c.padded()):
		x += " + 0"
	case c.class() == otherClass:
		x = "ST_AsText(" + x + ")"
	}
	return "CAST(" + x + " AS CHAR CHARACTER SET utf8mb4)"
}
