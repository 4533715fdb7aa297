package datamap

// Kinds of table in a Catalog.
const (
	TablePlain        = "table"
	TablePartitioned  = "partitioned table" // its partitions are not listed: they are read through it
	TableView         = "view"
	TableMaterialized = "materialised view"
	TableForeign      = "foreign table"
)

// Classes of column: what may be done with a value, whatever the engine calls its type.
const (
	ClassText    = "text" // enumerations too
	ClassNumber  = "number"
	ClassTime    = "time" // dates too
	ClassBoolean = "boolean"
	ClassUUID    = "uuid"
	ClassJSON    = "json"
	ClassArray   = "array"
	ClassBinary  = "binary"
	ClassOther   = "other" // has a text of its own: addresses, ranges, XML, row types
)

// Catalog is a live schema as a driver reports it: names, types and sizes, never a value.
type Catalog struct {
	// Database is the same text for two connections to one database, and says nothing else.
	Database string
	Tables   []CatalogTable // sorted by schema and name
}

// CatalogTable is one table or view that could hold people's data; the engine's own are not listed.
type CatalogTable struct {
	Schema, Name string
	Kind         string // one of Table…
	Comment      string
	Columns      []CatalogColumn // in the table's order
	Key          []string        // the primary key, or else the shortest unique key without NULL; may be empty
	Links        []CatalogLink   // foreign keys
	Indexes      [][]string      // the leading plain columns of each index that serves every row
	Rows         int64           // the engine's estimate; -1 when it has none
	Bytes        int64
	Read         bool // the account may read at least one column
	Update       bool
	Delete       bool
	Secured      bool // row-level security would hide rows from the account
}

// CatalogColumn is one column. Domains are seen through.
type CatalogColumn struct {
	Name     string
	Type     string // as the engine writes it, without length
	Class    string // one of Class…
	Filled   bool   // NOT NULL
	Computed bool   // generated from other columns
	Comment  string
	Read     bool // the account may read it
}

// CatalogLink is one foreign key.
type CatalogLink struct {
	Columns   []string
	Schema    string // of the table it leads to
	Table     string
	ToColumns []string
}

// Ref is the table as the map writes it: schema.table, in double quotes where a name needs them.
func (t *CatalogTable) Ref() string { return TableRef(t.Schema, t.Name) }

// Column finds a column by name; nil when there is none.
func (t *CatalogTable) Column(name string) *CatalogColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// Table finds a table; nil when there is none.
func (c *Catalog) Table(schema, name string) *CatalogTable {
	for i := range c.Tables {
		if c.Tables[i].Schema == schema && c.Tables[i].Name == name {
			return &c.Tables[i]
		}
	}
	return nil
}
