package mysql

import (
	"context"
	sqlapi "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	sqldriver "github.com/go-sql-driver/mysql"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// unreachable is for failures before the first statement: whatever they are, the system is not
// there for us now (down, starting, refusing the login, out of connections).
func (d *driver) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("reaching system %s: %w", d.system.Name, ctx.Err())
	}
	text := "system " + d.system.Name + " cannot be reached"
	var answer *sqldriver.MySQLError
	if errors.As(err, &answer) {
		switch answer.Number {
		case 1045, 1698, 1862, 4151: // denied, or the password has run out
			text = "system " + d.system.Name + " refuses the login"
		case 1044:
			text = "system " + d.system.Name + " does not let the account into its database"
		case 1049:
			text = "system " + d.system.Name + " has no such database"
		case 1040, 1203, 1226: // too many connections: of all, of this account
			return fault.New(contract.ErrBusy, "system "+d.system.Name+" has no connection to spare", private(answer))
		}
		err = private(answer)
	}
	return fault.New(contract.ErrUnavailable, text, err).
		WithHint("check that it runs and that HABEAS_DSN_… is right (and its tls=…)")
}

// classify turns an error of the database into one of ours. c may be nil. The database's own
// words are kept only where they cannot hold a value of a person.
func (d *driver) classify(ctx context.Context, c *datamap.Collection, err error) error {
	if err == nil {
		return nil
	}
	where := "system " + d.system.Name
	if c != nil {
		where = c.ID() + " (" + c.Schema + "." + c.Table + ")"
	}
	if ctx.Err() != nil {
		return fmt.Errorf("asking %s: %w", where, ctx.Err())
	}
	var answer *sqldriver.MySQLError
	if !errors.As(err, &answer) {
		if lost(err) {
			return fault.New(contract.ErrUnavailable, where+": the connection was lost", err)
		}
		return fault.New(contract.ErrInternal, where+": the answer could not be read", err)
	}
	cause := private(answer)
	switch answer.Number {
	case 1044, 1142, 1143, 1227, 1345, 1356, 1370: // no right to it, or a view has none
		return fault.New(contract.ErrMapMismatch, where+": the account may not read all of it", cause)
	case 1049, 1054, 1109, 1146, 1932: // no such database, column, table
		return fault.New(contract.ErrMapMismatch, where+": the table is not as the data map says", cause)
	case 1205, 1213, 1040, 1037, 1038, 1041, 1412, 1637, 1021: // a lock, no room, the table was altered meanwhile
		return fault.New(contract.ErrBusy, where+": busy (a lock, or no room)", cause)
	case 1969, 3024, 1317: // max_statement_time, max_execution_time, KILL QUERY
		return fault.New(contract.ErrUnavailable, where+": no answer within the time limit", cause)
	case 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031:
		return fault.New(contract.ErrUnavailable, where+": the connection was lost", cause)
	}
	return fault.New(contract.ErrInternal, fmt.Sprintf("%s: the database reports error %d", where, answer.Number), cause)
}

func lost(err error) bool {
	var network net.Error
	return errors.Is(err, sqlapi.ErrBadConn) || errors.Is(err, sqldriver.ErrInvalidConn) || errors.Is(err, sqldriver.ErrMalformPkt) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}

// named are the errors whose words hold names of accounts, tables and columns alone. Others may
// quote data, so only their number is kept.
var named = map[uint16]bool{
	1040: true, 1044: true, 1045: true, 1049: true, 1054: true, 1109: true, 1142: true, 1143: true,
	1146: true, 1205: true, 1213: true, 1226: true, 1356: true, 1412: true, 1698: true, 1932: true, 1969: true, 3024: true,
}

// private is what may be logged of a database's error.
func private(e *sqldriver.MySQLError) error {
	if named[e.Number] {
		return fmt.Errorf("error %d: %s", e.Number, e.Message)
	}
	return fmt.Errorf("error %d", e.Number)
}
