package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
)

func TestTheCauseStaysPrivate(t *testing.T) {
	t.Parallel()
	cause := errors.New("550 no such user liming@mail.example")
	wrapped := fmt.Errorf("sending: %w", New(contract.ErrUndeliverable, "the letter was refused", cause))
	e := As(wrapped)
	if strings.Contains(e.Error(), "liming") || e.Error() != "the letter was refused" {
		t.Errorf("text %q", e.Error())
	}
	if !errors.Is(wrapped, cause) || e.Cause() != cause { //nolint:errorlint // the very same error is asked for, not one that wraps it
		t.Error("the cause is lost to the program")
	}
	if !Is(wrapped, contract.ErrUndeliverable) || Is(wrapped, contract.ErrRefused) {
		t.Error("the type is lost")
	}
}

func TestUnclassifiedSaysNothing(t *testing.T) {
	t.Parallel()
	e := As(errors.New("user liming not found"))
	if e.Type != contract.ErrInternal || strings.Contains(e.Error(), "liming") || e.Permanent {
		t.Errorf("%+v", e)
	}
	if late := As(fmt.Errorf("asking: %w", context.DeadlineExceeded)); late.Type != contract.ErrUnavailable || late.Permanent {
		t.Errorf("%+v", late)
	}
}

func TestWhatPassesAndWhatStays(t *testing.T) {
	t.Parallel()
	for typ, stays := range map[string]bool{
		contract.ErrInternal: false, contract.ErrUnavailable: false, contract.ErrBusy: false, contract.ErrStopping: false,
		contract.ErrRefused: true, contract.ErrMapMismatch: true, contract.ErrNotApproved: true, contract.ErrTampered: true,
	} {
		if got := New(typ, "x", nil).Permanent; got != stays {
			t.Errorf("%s: permanent %v", typ, got)
		}
	}
	if e := Newf(contract.ErrBusy, "slow %s", "down").After(time.Minute).WithHint("wait"); e.RetryAfter != time.Minute || e.Hint != "wait" || e.Text != "slow down" {
		t.Errorf("%+v", e)
	}
}
