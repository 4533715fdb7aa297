package casefile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// traceStore is a store whose statements are counted.
func traceStore(t *testing.T, f *fixture) (s *Store, count func() int) {
	t.Helper()
	cfg, err := pq.NewConfig(withRole(t, f.url, RoleApp))
	ok(t, err)
	cfg.Runtime["search_path"] = "habeas"
	cfg.BinaryParameters = true
	connector, err := pq.NewConnectorConfig(cfg)
	ok(t, err)
	var n atomic.Int32
	db := sqlx.NewDb(sql.OpenDB(countingConnector{connector, &n}), "postgres")
	t.Cleanup(func() { _ = db.Close() })
	return &Store{db: db, keys: f.sets, clock: f.time.Now, decoy: f.decoy}, func() int { return int(n.Load()) }
}

type countingConnector struct {
	driver.Connector
	n *atomic.Int32
}

func (c countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countingConn{conn, c.n}, nil
}

type countingConn struct {
	driver.Conn
	n *atomic.Int32
}

func (c countingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c countingConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.n.Add(1)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

func (c countingConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	c.n.Add(1)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}
