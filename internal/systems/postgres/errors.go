package postgres

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"

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
	var answer *pq.Error
	if errors.As(err, &answer) {
		switch answer.Code.Class() {
		case "28":
			text = "system " + d.system.Name + " refuses the login"
		case "3D":
			text = "system " + d.system.Name + " has no such database"
		case "53":
			return fault.New(contract.ErrBusy, "system "+d.system.Name+" has no connection to spare", private(answer))
		}
		err = private(answer)
	}
	return fault.New(contract.ErrUnavailable, text, err).
		WithHint("check that it runs and that HABEAS_DSN_… is right")
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
	var answer *pq.Error
	if !errors.As(err, &answer) {
		if lost(err) {
			return fault.New(contract.ErrUnavailable, where+": the connection was lost", err)
		}
		return fault.New(contract.ErrInternal, where+": the answer could not be read", err)
	}
	cause := private(answer)
	switch code := string(answer.Code); {
	case code == "42501" && strings.Contains(answer.Message, "row-level security"):
		return fault.New(contract.ErrMapMismatch, where+": row-level security would hide rows", cause).
			WithHint("let the account bypass row-level security (BYPASSRLS), or read through a view that does")
	case code == "42501":
		return fault.New(contract.ErrMapMismatch, where+": the account may not read all of it", cause)
	case code == "22P02" || code == "22003" || code == "22007" || code == "22008":
		return fault.New(contract.ErrMapMismatch, where+": a link brings keys that do not fit the type of its column", cause)
	case strings.HasPrefix(code, "42"):
		return fault.New(contract.ErrMapMismatch, where+": the table is not as the data map says", cause)
	case code == "55P03" || strings.HasPrefix(code, "53") || code == "40001" || code == "40P01":
		return fault.New(contract.ErrBusy, where+": busy (a lock, or no room)", cause)
	case code == "57014" || code == "25P03":
		return fault.New(contract.ErrUnavailable, where+": no answer within the time limit", cause)
	case strings.HasPrefix(code, "57") || strings.HasPrefix(code, "08"):
		return fault.New(contract.ErrUnavailable, where+": the connection was lost", cause)
	}
	return fault.New(contract.ErrInternal, where+": the database reports error "+string(answer.Code), cause)
}

func lost(err error) bool {
	var network net.Error
	return errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}

// private is what may be logged of a database's error: messages about data (class 22, 23, …)
// quote the data, so only their code is kept.
func private(e *pq.Error) error {
	switch e.Code.Class() {
	case "08", "28", "3D", "42", "53", "55", "57":
		return fmt.Errorf("SQLSTATE %s: %s", e.Code, e.Message)
	}
	return fmt.Errorf("SQLSTATE %s", e.Code)
}
