// Package fault is errors that know four things: their type (one of contract.Err…), whether
// trying again can help, a text that is safe to show to anybody, and a private cause that is only
// ever logged here. The text names a step and a reference, never a value of a person. What does
// not belong here: deciding what to do about an error.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// Error is one classified failure.
type Error struct {
	Type       string        // one of contract.Err…
	Text       string        // safe to show
	Hint       string        // what to do about it, safe to show; may be empty
	Permanent  bool          // trying again gives the same answer
	RetryAfter time.Duration // what the other side asked for; 0 when it did not
	cause      error
}

// permanent lists the types for which a retry cannot help.
var permanent = map[string]bool{
	contract.ErrRefused: true, contract.ErrMapMismatch: true, contract.ErrNotApproved: true,
	contract.ErrNotFound: true, contract.ErrBadInput: true, contract.ErrBadSignature: true,
	contract.ErrNotOpen: true, contract.ErrUndeliverable: true, contract.ErrLimited: true,
	contract.ErrConflict: true, contract.ErrTampered: true, contract.ErrNothingToShare: true,
}

// New classifies cause (which may be nil). Whether it is permanent follows from the type.
func New(typ, text string, cause error) *Error {
	return &Error{Type: typ, Text: text, Permanent: permanent[typ], cause: cause}
}

// Newf is New without a cause and with a formatted text; no value of a person may go into args.
func Newf(typ, format string, args ...any) *Error {
	return New(typ, fmt.Sprintf(format, args...), nil)
}

// WithHint adds what to do next.
func (e *Error) WithHint(hint string) *Error { e.Hint = hint; return e }

// After sets the delay that the other side asked for.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// Error is the safe text alone: the cause is never part of it.
func (e *Error) Error() string { return e.Text }

// Unwrap gives errors.Is and errors.As the cause. Print e, never its cause.
func (e *Error) Unwrap() error { return e.cause }

// Cause is the private cause, for the log of the process in which it happened.
func (e *Error) Cause() error { return e.cause }

// As finds the classified error in err; what is not classified becomes contract.ErrInternal with
// a text that says nothing.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return New(contract.ErrUnavailable, "no answer in time", err)
	}
	return New(contract.ErrInternal, "unexpected failure; the worker's log has the details", err)
}

// Is reports whether err is classified as typ.
func Is(err error, typ string) bool {
	var e *Error
	return errors.As(err, &e) && e.Type == typ
}
