package casefile

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// The states of a run of a rule. From RunHeld on they are ends.
const (
	RunOpened   = "opened"
	RunMeasured = "measured"
	RunWaiting  = "waiting" // for two signatures
	RunSweeping = "sweeping"
	RunHeld     = "held"     // a legal hold covers the whole collection or system
	RunExtended = "extended" // a decision keeps the rows of the rule longer
	RunDone     = "done"
	RunLeft     = "left" // something is still due for which there is no good reason
	RunRejected = "rejected"
	RunStale    = "stale" // the rule changed or went before it was carried out
)

// WholeNight stands in the place of a rule where no rule of a night could be opened: the run is its alarm, and
// touches nothing. No rule has such a name.
const WholeNight = "*"

// Why a run needs signatures.
const (
	WhyFirst   = "first"   // no version of the rule was ever signed
	WhyChanged = "changed" // another version was
	WhyShare   = "share"   // it would touch more than its usual share
)

// NewRun is what opens a run of a rule.
type NewRun struct {
	System, Rule, Action string
	Nominal              time.Time
	Dry                  bool
	AskedBy              string // empty: the schedule
	Version              []byte
	MapHash              string
}

// Run is one run of a rule of retention. Its JSON is what listings print.
type Run struct {
	Ref          contract.Ref `json:"ref" db:"ref"`
	ID           string       `json:"id" db:"-"`
	System       string       `json:"system" db:"system"`
	Rule         string       `json:"rule" db:"rule"`
	Action       string       `json:"action" db:"action"`
	Nominal      time.Time    `json:"nominal" db:"nominal"`
	Dry          bool         `json:"dry" db:"dry"`
	AskedBy      string       `json:"asked_by" db:"asked_by"`
	Version      []byte       `json:"version" db:"version"`
	MapHash      string       `json:"map_hash" db:"map_hash"`
	State        string       `json:"state" db:"state"`
	Why          string       `json:"why" db:"why"`
	OpenedAt     time.Time    `json:"opened_at" db:"opened_at"`
	MeasuredAt   *time.Time   `json:"measured_at,omitempty" db:"measured_at"`
	BegunAt      *time.Time   `json:"begun_at,omitempty" db:"begun_at"`
	EndedAt      *time.Time   `json:"ended_at,omitempty" db:"ended_at"`
	Due          int64        `json:"due" db:"due"`
	Referred     int64        `json:"referred" db:"referred"`
	Total        int64        `json:"total" db:"total"`
	Task         string       `json:"task,omitempty" db:"task"`
	Done         int64        `json:"done" db:"done"`
	Batches      int64        `json:"batches" db:"batches"`
	KeysHash     []byte       `json:"keys_hash" db:"keys_hash"`
	LeftHeld     int64        `json:"left_held" db:"left_held"`
	LeftReferred int64        `json:"left_referred" db:"left_referred"`
	LeftOther    int64        `json:"left_other" db:"left_other"`
	LeftExtended int64        `json:"left_extended" db:"left_extended"`
}

const runColumns = `ref, system, rule, action, nominal, dry, asked_by, version, map_hash, state, why, opened_at, measured_at, begun_at, ended_at,
	due, referred, total, coalesce(task, '') AS task, done, batches, keys_hash, left_held, left_referred, left_other, left_extended`

func (r *Run) finish() {
	r.ID, r.Nominal, r.OpenedAt = r.Ref.ID(), r.Nominal.UTC(), r.OpenedAt.UTC()
	r.MeasuredAt, r.BegunAt, r.EndedAt = utc(r.MeasuredAt), utc(r.BegunAt), utc(r.EndedAt)
}

const fieldReport = "retention.report"

// OpenRun opens a run of a rule for a nominal time. Again: the one that was opened. While an earlier
// run of the rule has not ended, it is given instead, so that one rule never runs twice at once.
func (s *Store) OpenRun(ctx context.Context, n NewRun) (Run, error) {
	nominal := n.Nominal.UTC().Truncate(time.Second)
	if nominal.After(s.now().Add(time.Minute)) {
		return Run{}, fault.Newf(contract.ErrNotApproved, "a run of retention is not for the future")
	}
	had, found, err := s.openRun(ctx, n, nominal)
	if err != nil || found {
		return had, err
	}
	ref, err := s.newRef(ctx, contract.KindRetention, "open a run of retention", func(tx *sqlx.Tx, ref contract.Ref, _ *seal.RefKey) error {
		made, err := tx.ExecContext(ctx, `INSERT INTO retention_run (ref, system, rule, action, nominal, dry, asked_by, version, map_hash, state, opened_at, keys_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'opened', $10, $11) ON CONFLICT (system, rule, nominal, dry) DO NOTHING`,
			ref, n.System, n.Rule, n.Action, nominal, n.Dry, n.AskedBy, n.Version, n.MapHash, s.now(), zeroHash)
		if err != nil {
			return err
		}
		if rows, err := made.RowsAffected(); err != nil || rows == 0 {
			return errors.Join(err, errTwice)
		}
		return s.begin(ctx, tx, ref, "retention.opened", map[string]any{"system": n.System, "rule": n.Rule, "action": n.Action,
			"nominal": nominal.Format(time.RFC3339), "dry": n.Dry, "by": n.AskedBy, "version": hex.EncodeToString(n.Version), "map": n.MapHash})
	})
	if errors.Is(err, errTwice) { // another worker was quicker
		had, _, err = s.openRun(ctx, n, nominal)
		return had, err
	}
	if err != nil {
		return Run{}, err
	}
	return s.Run(ctx, ref)
}

// errTwice says that a row is there already.
var errTwice = errors.New("opened already")

func (s *Store) openRun(ctx context.Context, n NewRun, nominal time.Time) (Run, bool, error) {
	var r Run
	err := s.db.GetContext(ctx, &r, `SELECT `+runColumns+` FROM retention_run WHERE system = $1 AND rule = $2 AND dry = $4
		AND (nominal = $3 OR (ended_at IS NULL AND NOT dry)) ORDER BY nominal = $3 DESC, nominal LIMIT 1`, n.System, n.Rule, nominal, n.Dry)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	r.finish()
	return r, err == nil, dbError("look for a run of retention", err)
}

// Run reads one run.
func (s *Store) Run(ctx context.Context, ref contract.Ref) (Run, error) {
	r, err := readRun(ctx, s.db, ref, "")
	return r, dbError("read a run of retention", err)
}

func readRun(ctx context.Context, q querier, ref contract.Ref, lock string) (Run, error) {
	var r Run
	err := q.GetContext(ctx, &r, `SELECT `+runColumns+` FROM retention_run WHERE ref = $1 `+lock, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound("run of retention", ref.ID())
	}
	r.finish()
	return r, err
}

// RunFilter chooses runs. Zero values choose everything.
type RunFilter struct {
	System string
	Dry    bool
	Open   bool
	Limit  int
}

// ListRuns lists runs, the newest first.
func (s *Store) ListRuns(ctx context.Context, f RunFilter) ([]Run, error) {
	list := []Run{}
	err := s.db.SelectContext(ctx, &list, `SELECT `+runColumns+` FROM retention_run
		WHERE ($1 = '' OR system = $1) AND dry = $2 AND (NOT $3 OR ended_at IS NULL) ORDER BY nominal DESC, opened_at DESC, ref LIMIT $4`,
		f.System, f.Dry, f.Open, limitOf(f.Limit))
	for i := range list {
		list[i].finish()
	}
	return list, dbError("list runs of retention", err)
}

// Measure is what the dry run of a rule found.
type Measure struct {
	Due, Referred, Total int64
	Why                  string
	Report               []byte // what a task shows; sealed
}

// PutMeasure keeps what the dry run found, once. A dry run ends with it, and so does one without due
// rows; one that needs signatures waits.
func (s *Store) PutMeasure(ctx context.Context, ref contract.Ref, m Measure) error {
	return s.tx(ctx, "keep a dry run", func(tx *sqlx.Tx) error {
		r, err := readRun(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || r.MeasuredAt != nil {
			return err
		}
		sealed, err := s.sealIn(ctx, tx, ref, fieldReport, m.Report)
		if err != nil {
			return err
		}
		state, ended := RunMeasured, (*time.Time)(nil)
		now := s.now()
		switch {
		case r.Dry || m.Due == 0:
			state, ended, m.Why = RunDone, &now, ""
		case m.Why != "":
			state = RunWaiting
		}
		if _, err := tx.ExecContext(ctx, `UPDATE retention_run SET due = $2, referred = $3, total = $4, why = $5, report = $6, state = $7, measured_at = $8, ended_at = $9
			WHERE ref = $1`, ref, m.Due, m.Referred, m.Total, m.Why, sealed, state, now, ended); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "retention.measured", map[string]any{"due": m.Due, "referred": m.Referred, "total": m.Total, "why": m.Why})
	})
}

// RunReport opens what the dry run found.
func (s *Store) RunReport(ctx context.Context, ref contract.Ref) ([]byte, error) {
	var sealed []byte
	err := s.db.GetContext(ctx, &sealed, `SELECT report FROM retention_run WHERE ref = $1 AND report IS NOT NULL`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound("report of the run", ref.ID())
	}
	if err != nil {
		return nil, dbError("read a dry run", err)
	}
	return s.Unseal(ctx, ref, fieldReport, sealed)
}

// Owned says whether the data map names staff who sign as the owners of a system's data. nil: it names nobody.
type Owned func(system string) bool

func (o Owned) of(system string) bool { return o != nil && o(system) }

// SignedVersion is the version of a rule that two people signed; nil when none, or none whose
// signatures verify.
func (s *Store) SignedVersion(ctx context.Context, system, rule string, pins Pins, owned Owned) ([]byte, error) {
	var row struct {
		Version []byte `db:"version"`
		Task    string `db:"task"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT version, task FROM retention_rule WHERE system = $1 AND rule = $2`, system, rule)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, dbError("read a rule of retention", err)
	}
	err = s.trust(s.db, pins).coversVersion(ctx, row.Task, system, rule, row.Version, owned)
	if fault.Is(err, contract.ErrNotApproved) || fault.Is(err, contract.ErrTampered) || fault.Is(err, contract.ErrNotFound) {
		return nil, nil
	}
	return row.Version, dbError("check a rule of retention", err)
}

// RejectedVersion is the version of a rule that was rejected, where nothing came after that; nil
// otherwise.
func (s *Store) RejectedVersion(ctx context.Context, system, rule string) ([]byte, error) {
	var row struct {
		Version []byte `db:"version"`
		State   string `db:"state"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT version, state FROM retention_run WHERE system = $1 AND rule = $2 AND NOT dry AND ended_at IS NOT NULL
		ORDER BY opened_at DESC LIMIT 1`, system, rule)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && row.State != RunRejected) {
		return nil, nil
	}
	return row.Version, dbError("look for a rejected rule", err)
}

// coversVersion says whether a task is two people's yes to this version of a rule, and that of an owner of the data
// where the map names any. Those named in the task are held against the signatures with the rest of its rules; a
// task that names nobody, of before or made up, is none for a system that has owners.
func (t *trust) coversVersion(ctx context.Context, task, system, rule string, version []byte, owned Owned) error {
	got, raw, err := t.approved(ctx, task)
	if err != nil {
		return err
	}
	shown, err := dsr.ReadShown(raw)
	if err != nil || got.Kind != dsr.TaskRetention || shown.Retention == nil || shown.Retention.System != system || shown.Retention.Rule != rule ||
		shown.Retention.Version != hex.EncodeToString(version) {
		return notApproved(task, "what was signed is not this version of the rule")
	}
	if owned.of(system) && len(shown.Retention.Owners) == 0 {
		return notApproved(task, "nobody signed it as an owner of the data")
	}
	return nil
}

// AcceptRun takes the signed decision on a run: the version of the rule is signed from now on.
func (s *Store) AcceptRun(ctx context.Context, ref contract.Ref, task string, pins Pins, owned Owned) error {
	return s.tx(ctx, "accept a run of retention", func(tx *sqlx.Tx) error {
		r, err := readRun(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || r.Task == task {
			return err
		}
		if r.State != RunWaiting {
			return fault.Newf(contract.ErrNotOpen, "%s waits for nobody's signature", ref)
		}
		if err := s.trust(tx, pins).coversRun(ctx, task, r, owned); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE retention_run SET task = $2, state = 'measured' WHERE ref = $1`, ref, task); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO retention_rule (system, rule, version, task, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (system, rule) DO UPDATE SET version = excluded.version, task = excluded.task, at = excluded.at`,
			r.System, r.Rule, r.Version, task, s.now()); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "retention.signed", map[string]any{"task": task, "version": hex.EncodeToString(r.Version)})
	})
}

// coversRun says whether a task is two people's yes to this very run.
func (t *trust) coversRun(ctx context.Context, task string, r Run, owned Owned) error {
	if err := t.coversVersion(ctx, task, r.System, r.Rule, r.Version, owned); err != nil {
		return err
	}
	got, err := readTask(ctx, t.q, task, "")
	if err == nil && got.Ref != r.Ref {
		err = notApproved(task, "what was signed is another run")
	}
	return err
}

// CheckRun verifies anew that a run may touch rows: it was measured, it has not ended, and it either
// needs no signatures, because this version of the rule has them and the run is within its usual
// share, or has them itself. Anything less is a contract.ErrNotApproved.
func (s *Store) CheckRun(ctx context.Context, ref contract.Ref, pins Pins, owned Owned) (Run, error) {
	r, err := s.Run(ctx, ref)
	switch {
	case err != nil:
		return r, err
	case r.Dry || r.MeasuredAt == nil || r.State == RunWaiting:
		return r, fault.Newf(contract.ErrNotApproved, "%s may not touch anything yet", ref)
	case r.EndedAt != nil:
		return r, fault.Newf(contract.ErrNotOpen, "%s has ended", ref)
	case r.Why != "":
		err := s.trust(s.db, pins).coversRun(ctx, r.Task, r, owned)
		if fault.Is(err, contract.ErrNotFound) {
			err = notApproved(r.Task, "there is no such task")
		}
		return r, dbError("check a run of retention", err)
	}
	signed, err := s.SignedVersion(ctx, r.System, r.Rule, pins, owned)
	if err == nil && !bytes.Equal(signed, r.Version) {
		err = fault.Newf(contract.ErrNotApproved, "%s: nobody signed this version of the rule", ref)
	}
	return r, err
}

// Remains are due rows that a run left, by the reason why.
type Remains struct {
	Held     int64 // of people under a legal hold or with an open case
	Referred int64 // another row refers to them
	Other    int64 // somebody held them all the time, or the system did not let them go
	Extended int64 // kept longer by a decision
}

// EndRun ends a run, once, and forgets whose rows it left alone.
func (s *Store) EndRun(ctx context.Context, ref contract.Ref, state string, left Remains) error {
	return s.tx(ctx, "end a run of retention", func(tx *sqlx.Tx) error {
		r, err := readRun(ctx, tx, ref, "FOR NO KEY UPDATE")
		if err != nil || r.EndedAt != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE retention_run SET state = $2, ended_at = $3, left_held = $4, left_referred = $5, left_other = $6, left_extended = $7, position = NULL
			WHERE ref = $1`, ref, state, s.now(), left.Held, left.Referred, left.Other, left.Extended); err != nil {
			return err
		}
		for _, table := range []string{"retention_kept", "retention_known", "found_keys"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE ref = $1`, ref); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, ref, "retention.ended", map[string]any{"state": state, "system": r.System, "rule": r.Rule, "due": r.Due, "done": r.Done,
			"batches": r.Batches, "held": left.Held, "referred": left.Referred, "other": left.Other, "extended": left.Extended, "version": hex.EncodeToString(r.Version), "keys": hex.EncodeToString(r.KeysHash)})
	})
}

// SetRunState writes how far a run is that has not ended.
func (s *Store) SetRunState(ctx context.Context, ref contract.Ref, state string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE retention_run SET state = $2 WHERE ref = $1 AND ended_at IS NULL AND state <> $2`, ref, state)
	return dbError("write the state of a run", err)
}
