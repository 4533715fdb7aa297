package casefile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// ProcessorRequest is what was asked of one processor for a case. Proof is JSON, opaque here.
type ProcessorRequest struct {
	Ref        contract.Ref `db:"ref"`
	System     string       `db:"system"`
	Try        int          `db:"try"`
	RequestID  string       `db:"request_id"`
	AskedAt    time.Time    `db:"asked_at"`
	TakenAt    *time.Time   `db:"taken_at"`
	ExpectedAt *time.Time   `db:"expected_at"`
	Status     string       `db:"status"`
	Proof      *string      `db:"proof"`
	EndedAt    *time.Time   `db:"ended_at"`
}

// BeginProcessorRequest keeps the number of a request before it is sent, so that a retry is the same
// request for the processor. Again: the one that is there.
func (s *Store) BeginProcessorRequest(ctx context.Context, ref contract.Ref, system string, try int, id string) (ProcessorRequest, error) {
	err := s.tx(ctx, "begin a request to a processor", func(tx *sqlx.Tx) error {
		if err := takes(ctx, tx, ref); err != nil {
			return err
		}
		made, err := tx.ExecContext(ctx, `INSERT INTO processor_request (ref, system, try, request_id, asked_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ref, system, try) DO NOTHING`, ref, system, try, id, s.now())
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "processor.asked", map[string]any{"system": system, "request": id})
	})
	if err != nil {
		return ProcessorRequest{}, err
	}
	return s.ProcessorRequest(ctx, ref, system, try)
}

const selectProcessorRequest = `SELECT ref, system, try, request_id, asked_at, taken_at, expected_at, status, proof, ended_at FROM processor_request`

// ProcessorRequest reads one; contract.ErrNotFound when there is none.
func (s *Store) ProcessorRequest(ctx context.Context, ref contract.Ref, system string, try int) (ProcessorRequest, error) {
	var p ProcessorRequest
	err := s.db.GetContext(ctx, &p, selectProcessorRequest+` WHERE ref = $1 AND system = $2 AND try = $3`, ref, system, try)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.Newf(contract.ErrNotFound, "%s has asked nothing of %s", ref, system)
	}
	return p, dbError("read a request to a processor", err)
}

// ProcessorRequests lists those of a case by system and try.
func (s *Store) ProcessorRequests(ctx context.Context, ref contract.Ref) ([]ProcessorRequest, error) {
	var list []ProcessorRequest
	err := s.db.SelectContext(ctx, &list, selectProcessorRequest+` WHERE ref = $1 ORDER BY system, try`, ref)
	return list, dbError("read the requests to processors", err)
}

// ProcessorOf finds the request of that number, whichever case it is of; contract.ErrNotFound.
func (s *Store) ProcessorOf(ctx context.Context, id string) (ProcessorRequest, error) {
	var p ProcessorRequest
	err := s.db.GetContext(ctx, &p, selectProcessorRequest+` WHERE request_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(contract.ErrNotFound, "no such request was sent", nil)
	}
	return p, dbError("read a request to a processor", err)
}

// TakeProcessorRequest writes down that the processor has taken the request. Again: nothing.
func (s *Store) TakeProcessorRequest(ctx context.Context, p ProcessorRequest, expected time.Time) error {
	return s.tx(ctx, "take a request", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE processor_request SET taken_at = $4, expected_at = $5 WHERE ref = $1 AND system = $2 AND try = $3 AND taken_at IS NULL`,
			p.Ref, p.System, p.Try, s.now(), expected.UTC())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, p.Ref, "processor.took", map[string]any{"system": p.System, "request": p.RequestID, "expected": expected.UTC().Format(time.RFC3339)})
	})
}

// EndProcessorRequest writes down the signed answer that ends the request. Again: nothing.
func (s *Store) EndProcessorRequest(ctx context.Context, p ProcessorRequest, status string, proof []byte) error {
	return s.tx(ctx, "end a request", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE processor_request SET status = $4, proof = $5, ended_at = $6 WHERE ref = $1 AND system = $2 AND try = $3 AND ended_at IS NULL`,
			p.Ref, p.System, p.Try, status, string(proof), s.now())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, p.Ref, "processor.answered", map[string]any{"system": p.System, "request": p.RequestID, "status": status})
	})
}

// ControllerRequest is what another company has asked of us, and by which signature.
type ControllerRequest struct {
	Ref        contract.Ref
	Controller string // domain
	RequestID  string
	BodyHash   []byte // keyed
	Proof      SignedRequest
	Callbacks  []string
	ReceivedAt time.Time
	ExpectedAt time.Time
	CalledAt   *time.Time
}

// SignedRequest is what is kept of a request: enough to verify the signature, and nothing of its body.
type SignedRequest struct {
	Digest    []byte    `json:"digest"` // SHA-256 of what was signed
	Signature string    `json:"signature"`
	At        time.Time `json:"at"`
}

const fieldControllerProof = "case.controller-proof"

// BodyHash stands for the body of a request of a controller.
func (s *Store) BodyHash(controller string, body []byte) []byte {
	return s.keys.KeyedHash("habeas controller request v1", digestOf("request", []byte(controller), body))
}

// putController writes the request of a controller beside the case that it opens.
func (s *Store) putController(ctx context.Context, tx *sqlx.Tx, ref contract.Ref, c *ControllerRequest, seal func(field string, plain []byte) ([]byte, error)) error {
	raw, err := json.Marshal(c.Proof)
	if err != nil {
		return fmt.Errorf("writing a signature: %w", err)
	}
	sealed, err := seal(fieldControllerProof, raw)
	if err != nil {
		return fmt.Errorf("sealing a signature: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO controller_request (ref, controller, request_id, body_hash, proof, callbacks, received_at, expected_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, ref, c.Controller, c.RequestID, c.BodyHash, sealed, pq.Array(nonNil(c.Callbacks)), s.now(), c.ExpectedAt.UTC())
	return err
}

type controllerRow struct {
	Ref        contract.Ref   `db:"ref"`
	Controller string         `db:"controller"`
	RequestID  string         `db:"request_id"`
	BodyHash   []byte         `db:"body_hash"`
	Proof      []byte         `db:"proof"`
	Callbacks  pq.StringArray `db:"callbacks"`
	ReceivedAt time.Time      `db:"received_at"`
	ExpectedAt time.Time      `db:"expected_at"`
	CalledAt   *time.Time     `db:"called_at"`
}

const selectController = `SELECT ref, controller, request_id, body_hash, proof, callbacks, received_at, expected_at, called_at FROM controller_request`

func (s *Store) controller(ctx context.Context, where string, args ...any) (ControllerRequest, error) {
	var row controllerRow
	err := s.db.GetContext(ctx, &row, selectController+where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return ControllerRequest{}, fault.New(contract.ErrNotFound, "no such request of a controller is known", nil)
	}
	if err != nil {
		return ControllerRequest{}, dbError("read the request of a controller", err)
	}
	c := ControllerRequest{Ref: row.Ref, Controller: row.Controller, RequestID: row.RequestID, BodyHash: row.BodyHash, Callbacks: row.Callbacks,
		ReceivedAt: row.ReceivedAt.UTC(), ExpectedAt: row.ExpectedAt.UTC(), CalledAt: utc(row.CalledAt)}
	raw, err := s.Unseal(ctx, row.Ref, fieldControllerProof, row.Proof)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(raw, &c.Proof); err != nil {
		return c, fault.New(contract.ErrTampered, "the signature of a controller cannot be read", err)
	}
	return c, nil
}

// ControllerOf is the request that opened a case; contract.ErrNotFound when a person did.
func (s *Store) ControllerOf(ctx context.Context, ref contract.Ref) (ControllerRequest, error) {
	return s.controller(ctx, ` WHERE ref = $1`, ref)
}

// ControllerRequest finds a controller's request by its own number; contract.ErrNotFound.
func (s *Store) ControllerRequest(ctx context.Context, controller, id string) (ControllerRequest, error) {
	return s.controller(ctx, ` WHERE controller = $1 AND request_id = $2`, controller, id)
}

// MarkCalledBack writes down that the controller was told of the end. Again: nothing.
func (s *Store) MarkCalledBack(ctx context.Context, ref contract.Ref) error {
	return s.tx(ctx, "mark a callback", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE controller_request SET called_at = $2 WHERE ref = $1 AND called_at IS NULL`, ref, s.now())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, ref, "controller.told", nil)
	})
}
