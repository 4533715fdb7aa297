package casefile

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// NewCase is what opens a case. Only Request is personal; it is sealed.
type NewCase struct {
	Kind       dsr.CaseKind
	Laws       []string // profiles that apply
	Lang       string   // "zh" or "en"
	Channel    string   // one of dsr.Channels
	Requester  string   // one of dsr.Requesters
	OpenedBy   string   // name of the member of staff
	MapHash    string   // of the data map in force
	ReceivedAt time.Time
	DueAt      time.Time
	Request    Request
	Pins       []PinnedLaw // the laws as they are now, in the order of Laws
	Ground     dsr.Ground  // of a deletion
	Scope      string      // what the case is about where its kind does not say; see dsr
	// Suppress are keyed hashes of the addresses that the wish came from: they stand on the list of
	// dsr.ScopeMarketing or dsr.ScopeTracking from the same moment on as the case.
	Suppress [][]byte
	// Controller is the request of another company that opens the case; nil: a person does. One that
	// is known already is a contract.ErrConflict.
	Controller *ControllerRequest
}

// Request is what the person asked, in their own data. It is only ever stored sealed.
type Request struct {
	Identities []dsr.Identity `json:"identities"`
	Note       string         `json:"note,omitempty"`
	// Wishes are, of a correction, the new values, normalised.
	Wishes []dsr.Wish `json:"wishes,omitempty"`
	// Representative is who asks for the person; nil: the person does, or who is not a human.
	Representative *dsr.Representative `json:"representative,omitempty"`
	// Directory and Key are, of a case about somebody who is back in a restored system, the directory
	// ("system.collection") and the key of their row, where it is known.
	Directory string   `json:"directory,omitempty"`
	Key       []string `json:"key,omitempty"`
}

// Case is what is known of a case without opening a seal. Its JSON is what listings print.
type Case struct {
	Ref         contract.Ref `json:"ref"`
	ID          string       `json:"id"`
	Kind        dsr.CaseKind `json:"kind"`
	Laws        []string     `json:"laws"`
	Lang        string       `json:"lang"`
	Channel     string       `json:"channel"`
	Requester   string       `json:"requester"`
	OpenedBy    string       `json:"opened_by"`
	MapHash     string       `json:"map_hash"`
	ReceivedAt  time.Time    `json:"received_at"`
	OpenedAt    time.Time    `json:"opened_at"`
	DueAt       time.Time    `json:"due_at"`
	State       dsr.State    `json:"state"`
	Outcome     dsr.Outcome  `json:"outcome"` // empty until closed
	WaitingOn   string       `json:"waiting_on"`
	OpenSystems []string     `json:"open_systems"`
	StartedAt   *time.Time   `json:"started_at,omitempty"`
	ClosedAt    *time.Time   `json:"closed_at,omitempty"`
	VerifyUntil *time.Time   `json:"verify_until,omitempty"` // nobody may close it as unverified before
	EndingAt    *time.Time   `json:"ending_at,omitempty"`    // from then on it takes no parts and no package
	Forgotten   bool         `json:"forgotten"`
	Ground      dsr.Ground   `json:"ground,omitempty"` // of a deletion
	WithdrawnAt *time.Time   `json:"withdrawn_at,omitempty"`
	LinkedTo    contract.Ref `json:"linked_to,omitempty"` // the open case of the same person that goes on instead
	Scope       string       `json:"scope,omitempty"`     // what it is about where its kind does not say
}

// LastMoment is what people are told: the last second of the last day. DueAt itself is the midnight
// after it.
func (c Case) LastMoment() time.Time { return c.DueAt.Add(-time.Second) }

// fieldRequest is the associated data of a sealed request.
const fieldRequest = "case.request"

// CreateCase writes a new case and the first line of its ledger. Call it once: every call makes
// a case. A case received in the future, or due before it was received, is a contract.ErrBadInput.
func (s *Store) CreateCase(ctx context.Context, n NewCase) (contract.Ref, error) {
	opened := s.now()
	received, due := n.ReceivedAt.UTC().Truncate(time.Microsecond), n.DueAt.UTC().Truncate(time.Microsecond)
	switch {
	case received.After(opened):
		return "", fault.Newf(contract.ErrBadInput, "the case was received in the future: %s", received.Format(time.RFC3339))
	case !due.After(received):
		return "", fault.Newf(contract.ErrBadInput, "the case would be due before it was received")
	case !slices.Contains(dsr.Channels, n.Channel):
		return "", fault.Newf(contract.ErrBadInput, "a request reaches us by one of %s", strings.Join(dsr.Channels, ", "))
	case !slices.Contains(dsr.Requesters, n.Requester):
		return "", fault.Newf(contract.ErrBadInput, "a requester is one of %s", strings.Join(dsr.Requesters, ", "))
	case dsr.Represented(n.Requester) != (n.Request.Representative != nil):
		return "", fault.Newf(contract.ErrBadInput, "whoever asks for somebody else says who they are, and nobody else does")
	}
	request, err := json.Marshal(n.Request)
	if err != nil {
		return "", fmt.Errorf("writing a request: %w", err)
	}
	return s.newRef(ctx, contract.KindCase, "open a case", func(tx *sqlx.Tx, ref contract.Ref, key *seal.RefKey) error {
		sealed, err := key.Seal(fieldRequest, request)
		if err != nil {
			return fmt.Errorf("sealing a request: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO case_file (ref, kind, laws, lang, channel, requester, opened_by,
			map_hash, received_at, opened_at, due_at, request, state, ground, scope)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			ref, n.Kind, pq.Array(nonNil(n.Laws)), n.Lang, n.Channel, n.Requester, n.OpenedBy, n.MapHash,
			received, opened, due, sealed, dsr.StateReceived, n.Ground, n.Scope); err != nil {
			return err
		}
		if err := s.pin(ctx, tx, ref, 1, n.Pins); err != nil {
			return err
		}
		detail := map[string]any{
			"kind": string(n.Kind), "laws": strings.Join(n.Laws, " "), "channel": n.Channel, "requester": n.Requester,
			"by": n.OpenedBy, "map": n.MapHash, "received_at": received.Format(time.RFC3339Nano),
			"due_at": due.Format(time.RFC3339Nano),
		}
		if n.Ground != "" {
			detail["ground"] = string(n.Ground)
		}
		if n.Scope != "" {
			detail["scope"] = n.Scope
		}
		if len(n.Suppress) > 0 {
			if err := s.suppress(ctx, tx, ref, n); err != nil {
				return err
			}
			detail["suppressed"] = len(n.Suppress)
		}
		if n.Controller != nil {
			err := s.putController(ctx, tx, ref, n.Controller, key.Seal)
			if e := pq.As(err, "23505"); e != nil && e.Constraint == "controller_request_once_per_id" {
				return fault.New(contract.ErrConflict, "this request of the controller is known already", nil)
			}
			if err != nil {
				return err
			}
			detail["controller"], detail["request"] = n.Controller.Controller, n.Controller.RequestID
		}
		return s.begin(ctx, tx, ref, "case.opened", detail)
	})
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// caseColumns are what caseRow scans.
const caseColumns = `ref, kind, laws, lang, channel, requester, opened_by, map_hash, received_at, opened_at, due_at,
	state, outcome, waiting_on, open_systems, started_at, closed_at, forgotten_at, verify_until, ending_at, ground, withdrawn_at,
	coalesce(linked_to, '') AS linked_to, scope`

type caseRow struct {
	Ref         contract.Ref   `db:"ref"`
	Kind        string         `db:"kind"`
	Laws        pq.StringArray `db:"laws"`
	Lang        string         `db:"lang"`
	Channel     string         `db:"channel"`
	Requester   string         `db:"requester"`
	OpenedBy    string         `db:"opened_by"`
	MapHash     string         `db:"map_hash"`
	ReceivedAt  time.Time      `db:"received_at"`
	OpenedAt    time.Time      `db:"opened_at"`
	DueAt       time.Time      `db:"due_at"`
	State       string         `db:"state"`
	Outcome     string         `db:"outcome"`
	WaitingOn   string         `db:"waiting_on"`
	OpenSystems pq.StringArray `db:"open_systems"`
	StartedAt   *time.Time     `db:"started_at"`
	ClosedAt    *time.Time     `db:"closed_at"`
	ForgottenAt *time.Time     `db:"forgotten_at"`
	VerifyUntil *time.Time     `db:"verify_until"`
	EndingAt    *time.Time     `db:"ending_at"`
	Ground      string         `db:"ground"`
	WithdrawnAt *time.Time     `db:"withdrawn_at"`
	LinkedTo    contract.Ref   `db:"linked_to"`
	Scope       string         `db:"scope"`
}

func (r *caseRow) value() Case {
	return Case{
		Ref: r.Ref, ID: r.Ref.ID(), Kind: dsr.CaseKind(r.Kind), Laws: r.Laws, Lang: r.Lang, Channel: r.Channel,
		Requester: r.Requester, OpenedBy: r.OpenedBy, MapHash: r.MapHash, ReceivedAt: r.ReceivedAt.UTC(),
		OpenedAt: r.OpenedAt.UTC(), DueAt: r.DueAt.UTC(), State: dsr.State(r.State), Outcome: dsr.Outcome(r.Outcome),
		WaitingOn: r.WaitingOn, OpenSystems: r.OpenSystems, StartedAt: utc(r.StartedAt), ClosedAt: utc(r.ClosedAt),
		Forgotten: r.ForgottenAt != nil, VerifyUntil: utc(r.VerifyUntil), EndingAt: utc(r.EndingAt),
		Ground: dsr.Ground(r.Ground), WithdrawnAt: utc(r.WithdrawnAt), LinkedTo: r.LinkedTo, Scope: r.Scope,
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// Case reads a case; a case that does not exist is a contract.ErrNotFound.
func (s *Store) Case(ctx context.Context, ref contract.Ref) (Case, error) {
	var row caseRow
	err := s.db.GetContext(ctx, &row, `SELECT `+caseColumns+` FROM case_file WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return Case{}, notFound("case", ref.ID())
	}
	if err != nil {
		return Case{}, dbError("read a case", err)
	}
	return row.value(), nil
}

// Request opens the sealed request of a case. It is personal data.
func (s *Store) Request(ctx context.Context, ref contract.Ref) (Request, error) {
	var sealed []byte
	err := s.db.GetContext(ctx, &sealed, `SELECT request FROM case_file WHERE ref = $1`, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, notFound("case", ref.ID())
	}
	if err != nil {
		return Request{}, dbError("read a request", err)
	}
	plain, err := s.Unseal(ctx, ref, fieldRequest, sealed)
	if err != nil {
		return Request{}, err
	}
	var request Request
	if err := json.Unmarshal(plain, &request); err != nil {
		return Request{}, fault.New(contract.ErrTampered, "the request of "+ref.String()+" does not read as JSON", nil)
	}
	return request, nil
}

// Filter chooses cases. Zero values choose everything.
type Filter struct {
	State     string
	Kind      string
	Open      bool // not closed
	DueBefore *time.Time
	Limit     int    // 100 when 0; at most 1,000
	After     string // the id or reference of the last case of the page before
}

// ListCases lists cases, the earliest due first, a page at a time.
func (s *Store) ListCases(ctx context.Context, f Filter) ([]Case, error) {
	query, args := `SELECT `+caseColumns+` FROM case_file WHERE true`, []any{}
	where := func(condition string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND "+condition, len(args))
	}
	if f.Open || f.State != "" && f.State != string(dsr.StateClosed) {
		query += " AND closed_at IS NULL" // lets the partial index serve it
	}
	if f.State != "" {
		where("state = $%d", f.State)
	}
	if f.Kind != "" {
		where("kind = $%d", f.Kind)
	}
	if f.DueBefore != nil {
		where("due_at < $%d", f.DueBefore.UTC())
	}
	if f.After != "" {
		ref := contract.Ref(f.After)
		if ref.ID() == "" {
			ref = contract.NewRef(contract.KindCase, f.After)
		}
		where("(due_at, ref) > (SELECT due_at, ref FROM case_file WHERE ref = $%d)", ref)
	}
	query += fmt.Sprintf(" ORDER BY due_at, ref LIMIT %d", limitOf(f.Limit))
	var rows []caseRow
	if err := s.db.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, dbError("list cases", err)
	}
	cases := make([]Case, len(rows))
	for i := range rows {
		cases[i] = rows[i].value()
	}
	return cases, nil
}

func limitOf(n int) int {
	if n <= 0 {
		return 100
	}
	return min(n, 1000)
}
