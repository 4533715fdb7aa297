package casefile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"

	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// dbError classifies an error of the database. The server's own words never reach the text: they
// quote values. What is classified already stays as it is.
func dbError(doing string, err error) error {
	if err == nil {
		return nil
	}
	var classified *fault.Error
	if errors.As(err, &classified) {
		return err
	}
	var refused *unreachable
	if errors.As(err, &refused) {
		return fault.New(contract.ErrUnavailable, "no PostgreSQL answers at "+refused.address, err).
			WithHint("start it (habeas stack up), or set HABEAS_DATABASE_URL to where it is")
	}
	if temporary(err) {
		return fault.New(contract.ErrUnavailable, "the casefile's database did not answer (to "+doing+")", err)
	}
	if pq.As(err, "42501") != nil {
		return fault.New(contract.ErrRefused, "the database role in use may not "+doing, err)
	}
	return fault.New(contract.ErrInternal, "the casefile could not "+doing, err)
}

// temporary says whether the same statement may work later.
func temporary(err error) bool {
	var network net.Error
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	if e := pq.As(err); e != nil {
		switch e.Code.Class() {
		case "08", "53", "57", "40", "58": // connection, resources, operator, rollback, system
			return true
		}
		return e.Code == "55P03" // lock not available
	}
	return false
}

// unreachable is a connection that could not be made, with its address.
type unreachable struct {
	address string
	cause   error
}

func (u *unreachable) Error() string { return "connecting to " + u.address + ": " + u.cause.Error() }
func (u *unreachable) Unwrap() error { return u.cause }

// addressed adds the address to errors of a connector that mean that nobody listens there.
type addressed struct {
	*pq.Connector
	address string
}

func openDB(c *pq.Connector, address string) *sql.DB {
	return sql.OpenDB(&addressed{c, address})
}

// Connect makes one connection.
func (a *addressed) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := a.Connector.Connect(ctx)
	var dial *net.OpError
	if err != nil && errors.As(err, &dial) && dial.Op == "dial" {
		return nil, &unreachable{a.address, err}
	}
	return conn, err
}
