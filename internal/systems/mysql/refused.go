package mysql

import (
	"context"
	"errors"

	sqldriver "github.com/go-sql-driver/mysql"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/systems"
)

// refused is classify for statements that write.
func (d *driver) refused(ctx context.Context, c *datamap.Collection, err error) error {
	var answer *sqldriver.MySQLError
	if !errors.As(err, &answer) || objections[answer.Number][0] == "" {
		return d.classify(ctx, c, err)
	}
	kind, text := objections[answer.Number][0], objections[answer.Number][1]
	return fault.New(contract.ErrRefused, c.ID()+" ("+c.Schema+"."+c.Table+"): "+text, objected{kind: kind, text: text, cause: d.classify(ctx, c, err)}).
		WithHint("the preflight of a new plan says what stands in the way")
}

// objected is the cause of a refusal.
type objected struct {
	kind, text string // as of a finding
	cause      error
}

func (o objected) Error() string { return o.cause.Error() }

func (o objected) Unwrap() error { return o.cause }

// objections are the errors by which the server refuses a change.
var objections = map[uint16][2]string{
	1048: {systems.NotNull, "a column must hold a value"}, 1364: {systems.NotNull, "a column must hold a value"}, 1263: {systems.NotNull, "a column must hold a value"},
	1062: {systems.NotUnique, "two rows would hold the same where that is forbidden"}, 1586: {systems.NotUnique, "two rows would hold the same where that is forbidden"},
	1216: {systems.OtherRows, "rows that stay refer to rows that go"}, 1217: {systems.OtherRows, "rows that stay refer to rows that go"},
	1451: {systems.OtherRows, "rows that stay refer to rows that go"}, 1452: {systems.OtherRows, "a reference would lead nowhere"},
	4025: {systems.NotAllowed, "a CHECK does not allow a new value"}, 3819: {systems.NotAllowed, "a CHECK does not allow a new value"},
	1264: {systems.NotAllowed, "a new value does not fit its column"}, 1265: {systems.NotAllowed, "a new value does not fit its column"},
	1292: {systems.NotAllowed, "a new value does not fit its column"}, 1366: {systems.NotAllowed, "a new value does not fit its column"},
	1406: {systems.NotAllowed, "a new value does not fit its column"}, 1411: {systems.NotAllowed, "a new value does not fit its column"},
	1906: {systems.Computed, "a generated column cannot be set"}, 3105: {systems.Computed, "a generated column cannot be set"},
	1142: {systems.NoPrivilege, "the account may not change it"}, 1143: {systems.NoPrivilege, "the account may not change it"},
	1288: {systems.NotChangeable, "rows of it cannot be changed"}, 1036: {systems.NotChangeable, "rows of it cannot be changed"},
	1644: {systems.NotAllowed, "a trigger refuses the change"},
}
