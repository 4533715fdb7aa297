package example

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// HasAccount says whether somebody still has that login: a deletion takes it away. dsns is keyed as
// for Load.
func HasAccount(ctx context.Context, dsns map[string]string, login string) (bool, error) {
	db, err := sqlx.ConnectContext(ctx, "postgres", dsns["accounts"])
	if err != nil {
		return false, fmt.Errorf("reaching the example's accounts: %w", err)
	}
	defer func() { _ = db.Close() }()
	var there bool
	err = db.GetContext(ctx, &there, "SELECT EXISTS (SELECT FROM accounts.users WHERE login_name = $1)", login)
	if err != nil {
		return false, fmt.Errorf("looking for an account of the example: %w", err)
	}
	return there, nil
}
