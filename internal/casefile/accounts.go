package casefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// PutAccounts keeps the directory rows that a request may mean, each an opaque JSON, sealed. It
// replaces all that were put before. Once one is chosen it changes nothing.
func (s *Store) PutAccounts(ctx context.Context, ref contract.Ref, accounts [][]byte) error {
	return s.putAccounts(ctx, ref, nil, "", accounts)
}

// PutAccountsOf is PutAccounts for one of several directories: it replaces only what was put for
// the same system.
func (s *Store) PutAccountsOf(ctx context.Context, ref contract.Ref, system string, accounts [][]byte) error {
	return s.putAccounts(ctx, ref, &system, system, accounts)
}

func (s *Store) putAccounts(ctx context.Context, ref contract.Ref, only *string, source string, accounts [][]byte) error {
	return s.tx(ctx, "keep the accounts found", func(tx *sqlx.Tx) error {
		if _, err := lockCase(ctx, tx, ref); err != nil {
			return err
		}
		had, choice, err := s.candidates(ctx, tx, ref)
		if err != nil || choice.Source != nil {
			return err
		}
		var before [][]byte
		for _, c := range had {
			if only == nil || c.Source == source {
				before = append(before, c.plain)
			}
		}
		// A repeat of the same activity writes nothing; an empty result is written down once.
		if len(accounts) > 0 && slices.EqualFunc(before, accounts, bytes.Equal) {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM candidate WHERE ref = $1 AND ($2::text IS NULL OR source = $2)`, ref, only); err != nil {
			return err
		}
		for n, account := range accounts {
			sealed, err := s.sealIn(ctx, tx, ref, candidateField(source, n), account)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO candidate (ref, source, n, account) VALUES ($1, $2, $3, $4)`,
				ref, source, n, sealed); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, ref, "accounts.found", map[string]any{"candidates": len(accounts), "system": source})
	})
}

func candidateField(source string, n int) string {
	return fmt.Sprintf("case.candidate:%s:%d", source, n)
}

type candidateRow struct {
	Source  string `db:"source"`
	N       int    `db:"n"`
	Account []byte `db:"account"`
	plain   []byte
}

type choiceRow struct {
	Source *string `db:"account_source"`
	N      *int    `db:"account_n"`
}

// candidates opens the candidates of a case in their order, and its choice.
func (s *Store) candidates(ctx context.Context, q querier, ref contract.Ref) ([]candidateRow, choiceRow, error) {
	var choice choiceRow
	err := q.GetContext(ctx, &choice, `SELECT account_source, account_n FROM case_file WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, choice, notFound("case", ref.ID())
	}
	if err != nil {
		return nil, choice, err
	}
	var rows []candidateRow
	if err := q.SelectContext(ctx, &rows, `SELECT source, n, account FROM candidate WHERE ref = $1 ORDER BY source, n`, ref); err != nil {
		return nil, choice, err
	}
	for i := range rows {
		if rows[i].plain, err = s.unsealIn(ctx, q, ref, candidateField(rows[i].Source, rows[i].N), rows[i].Account); err != nil {
			return nil, choice, err
		}
	}
	return rows, choice, nil
}

// Accounts opens the candidates in a stable order, and says which one is chosen: -1 while none is.
// They are personal data.
func (s *Store) Accounts(ctx context.Context, ref contract.Ref) (list [][]byte, chosen int, err error) {
	rows, choice, err := s.candidates(ctx, s.db, ref)
	if err != nil {
		return nil, -1, dbError("read the accounts found", err)
	}
	chosen = -1
	for i, row := range rows {
		list = append(list, row.plain)
		if choice.Source != nil && *choice.Source == row.Source && *choice.N == row.N {
			chosen = i
		}
	}
	return list, chosen, nil
}

// ChooseAccount settles who the person is: the n-th of Accounts. How says by what ("only-one",
// "task 7QK2M-9XH4T"). The same choice again: nothing; another one is a contract.ErrConflict.
func (s *Store) ChooseAccount(ctx context.Context, ref contract.Ref, n int, how string) error {
	return s.tx(ctx, "choose an account", func(tx *sqlx.Tx) error {
		if _, err := lockCase(ctx, tx, ref); err != nil {
			return err
		}
		rows, choice, err := s.candidates(ctx, tx, ref)
		if err != nil {
			return err
		}
		if n < 0 || n >= len(rows) {
			return fault.Newf(contract.ErrBadInput, "case %s has %d accounts to choose from; number %d is not one of them", ref.ID(), len(rows), n)
		}
		picked := rows[n]
		if choice.Source != nil {
			if *choice.Source == picked.Source && *choice.N == picked.N {
				return nil
			}
			return fault.Newf(contract.ErrConflict, "another account is chosen already for case %s", ref.ID())
		}
		if _, err := tx.ExecContext(ctx, `UPDATE case_file SET account_source = $2, account_n = $3, account_how = $4 WHERE ref = $1`,
			ref, picked.Source, picked.N, how); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "account.chosen", map[string]any{"of": len(rows), "how": how, "number": n})
	})
}

// PutIndexes makes a verified person findable: values are keyed hashes of normalised identities by
// kind (seal.Keys.BlindIndex). What is there already stays.
func (s *Store) PutIndexes(ctx context.Context, ref contract.Ref, values map[string][][]byte) error {
	var kinds []string
	var hashes [][]byte
	for kind, list := range values {
		for _, value := range list {
			if len(value) != sha256.Size {
				return fault.New(contract.ErrBadInput, "a blind index is a keyed hash of 32 bytes", nil)
			}
			kinds, hashes = append(kinds, kind), append(hashes, value)
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	return s.tx(ctx, "index a case", func(tx *sqlx.Tx) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO blind_index (kind, value, ref)
			SELECT kind, value, $3 FROM unnest($1::text[], $2::bytea[]) AS v (kind, value)
			ON CONFLICT DO NOTHING`, pq.Array(kinds), pq.ByteaArray(hashes), ref)
		if err != nil {
			return err
		}
		n, err := made.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "case.indexed", map[string]any{"identities": n})
	})
}

// FindByIndex lists the references whose verified person has that identity, in order.
func (s *Store) FindByIndex(ctx context.Context, kind string, index []byte) ([]contract.Ref, error) {
	var refs []contract.Ref
	err := s.db.SelectContext(ctx, &refs, `SELECT ref FROM blind_index WHERE kind = $1 AND value = $2 ORDER BY ref`, kind, index)
	return refs, dbError("look up an identity", err)
}
