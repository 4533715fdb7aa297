package casefile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Addressee is somebody whom a notice concerns. It is personal data, and kept sealed.
type Addressee struct {
	Email   string `json:"email,omitempty"`
	Mobile  string `json:"mobile,omitempty"` // E.164
	Who     string `json:"who,omitempty"`    // the masked account name
	Postal  string `json:"postal,omitempty"`
	Lang    string `json:"-"`
	Account string `json:"-"` // system, collection and key of the directory row; empty without one
	Loosely string `json:"-"` // the address as identities are compared
}

// personKey is what makes a person one: the address that is written to (the local part as it
// stands, because whose mail server ignores case is not ours to know), or the account without one.
func (s *Store) personKey(a Addressee) []byte {
	if local, domain, ok := strings.Cut(a.Email, "@"); ok {
		return s.keys.KeyedHash("habeas notice address v1", []byte(local+"@"+strings.ToLower(domain)))
	}
	return s.keys.KeyedHash("habeas notice account v1", []byte(a.Account))
}

func (s *Store) domainKey(email string) []byte {
	if _, domain, ok := strings.Cut(email, "@"); ok {
		return s.keys.KeyedHash("habeas notice domain v1", []byte(strings.ToLower(domain)))[:16]
	}
	return nil
}

func personField(key []byte) string { return "notice.person:" + hex.EncodeToString(key) }

// ClearConcerned forgets what one hop of one scope found, so that the hop can be made again.
func (s *Store) ClearConcerned(ctx context.Context, ref contract.Ref, scope, hop int) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM concerned WHERE ref = $1 AND scope = $2 AND hop = $3`, ref, scope, hop)
	return dbError("forget who was found", err)
}

// AddConcerned keeps people whom a hop found. Those with neither an address nor an account are left
// out and counted.
func (s *Store) AddConcerned(ctx context.Context, ref contract.Ref, scope, hop int, people []Addressee) (nobody int, err error) {
	key, err := s.Key(ctx, ref)
	if err != nil {
		return 0, err
	}
	var keys, loosely, domains, persons pq.ByteaArray
	var langs []string
	var known []bool
	for _, p := range people {
		if p.Email == "" && p.Account == "" {
			nobody++
			continue
		}
		id := s.personKey(p)
		plain, err := json.Marshal(p)
		if err != nil {
			return 0, fmt.Errorf("writing somebody concerned: %w", err)
		}
		sealed, err := key.Seal(personField(id), plain)
		if err != nil {
			return 0, err
		}
		var loose []byte
		if p.Loosely != "" {
			loose = s.keys.KeyedHash("habeas notice loosely v1", []byte(p.Loosely))
		}
		keys, loosely, domains, persons = append(keys, id), append(loosely, loose), append(domains, s.domainKey(p.Email)), append(persons, sealed)
		langs, known = append(langs, p.Lang), append(known, p.Account != "")
	}
	if len(keys) == 0 {
		return nobody, nil
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO concerned (ref, scope, hop, key, loosely, known, lang, domain, person)
		SELECT $1, $2, $3, u.key, nullif(u.loosely, ''), u.known, u.lang, nullif(u.domain, ''), u.person
		FROM unnest($4::bytea[], $5::bytea[], $6::boolean[], $7::text[], $8::bytea[], $9::bytea[]) AS u (key, loosely, known, lang, domain, person)`,
		ref, scope, hop, keys, loosely, pq.Array(known), pq.Array(langs), domains, persons)
	return nobody, dbError("keep who was found", err)
}

// Frozen is a list that does not change any more.
type Frozen struct {
	People int64 // on the list
	Mail   int64 // of them, with an address
	Hash   []byte
}

const freezeSQL = `INSERT INTO recipient (ref, n, key, lang, domain, scopes, wave, state, person)
	SELECT $1, g.n, g.key, g.lang, g.domain, g.scopes,
		1 + (SELECT count(*) FROM unnest($2::bigint[]) AS w(last) WHERE g.n > w.last),
		CASE WHEN g.domain IS NULL THEN 'nomail' ELSE 'waiting' END, g.person
	FROM (SELECT key, row_number() OVER (ORDER BY bool_or(domain IS NULL), key) AS n,
			(array_agg(lang ORDER BY NOT known, scope, hop))[1] AS lang, (array_agg(domain))[1] AS domain,
			array_agg(DISTINCT scope ORDER BY scope) AS scopes, (array_agg(person ORDER BY NOT known, scope, hop))[1] AS person
		FROM concerned WHERE ref = $1 GROUP BY key) AS g`

// Freeze makes the list out of whom the scopes found: one row a person, whatever number of scopes,
// accounts and systems they stand in, in the order of a keyed hash, so that the first wave is a
// sample. waves are per cent of those with an address. Again: the list that is there.
func (s *Store) Freeze(ctx context.Context, ref contract.Ref, waves []int, loose int64, query []byte) (Frozen, error) {
	var out Frozen
	err := s.tx(ctx, "freeze a list", func(tx *sqlx.Tx) error {
		n, err := lockNotice(ctx, tx, ref, `FOR NO KEY UPDATE`)
		if err != nil {
			return err
		}
		if n.FrozenAt != nil {
			out = Frozen{People: n.People, Hash: n.ListHash}
			return tx.GetContext(ctx, &out.Mail, `SELECT count(*) FROM recipient WHERE ref = $1 AND domain IS NOT NULL`, ref)
		}
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = '2h'`); err != nil {
			return err
		}
		// Somebody whose address alone was found is nobody new when a directory row holds it too.
		if _, err := tx.ExecContext(ctx, `DELETE FROM concerned c USING concerned d WHERE c.ref = $1 AND d.ref = $1
			AND NOT c.known AND d.known AND d.loosely = c.loosely AND d.scope = c.scope`, ref); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &out.Mail, `SELECT count(DISTINCT key) FROM concerned WHERE ref = $1 AND domain IS NOT NULL`, ref); err != nil {
			return err
		}
		limits := make([]int64, 0, len(waves))
		for _, percent := range waves[:len(waves)-1] {
			limits = append(limits, (out.Mail*int64(percent)+99)/100)
		}
		if _, err := tx.ExecContext(ctx, freezeSQL, ref, pq.Array(limits)); err != nil {
			return err
		}
		if out.Hash, out.People, err = hashList(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET frozen_at = $2, list_hash = $3, people = $4, loose = $5 WHERE ref = $1`,
			ref, s.now(), out.Hash, out.People, loose); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM concerned WHERE ref = $1`, ref); err != nil {
			return err
		}
		return s.record(ctx, tx, ref, "notice.frozen", map[string]any{"people": out.People, "with_mail": out.Mail, "loose": loose,
			"list": hex.EncodeToString(out.Hash), "query": hex.EncodeToString(query)})
	})
	return out, err
}

// hashList is SHA-256 over the rows of the list in their order, as they were frozen. It streams.
func hashList(ctx context.Context, q querier, ref contract.Ref) ([]byte, int64, error) {
	rows, err := q.QueryxContext(ctx, `SELECT n, key, lang, domain IS NOT NULL, array_to_string(scopes, ','), wave FROM recipient WHERE ref = $1 ORDER BY n`, ref)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	h := sha256.New()
	h.Write([]byte("habeas notice list v1\x00"))
	count := int64(0)
	for rows.Next() {
		var n int64
		var key []byte
		var lang, scopes string
		var mail bool
		var wave int
		if err := rows.Scan(&n, &key, &lang, &mail, &scopes, &wave); err != nil {
			return nil, 0, err
		}
		count++
		line := fmt.Sprintf("%d %x %s %t %s %d\n", n, key, lang, mail, scopes, wave)
		_ = binary.Write(h, binary.BigEndian, uint32(len(line)))
		h.Write([]byte(line))
	}
	return h.Sum(nil), count, rows.Err()
}

// CheckList holds the list against the hash under which it was frozen.
func (s *Store) CheckList(ctx context.Context, ref contract.Ref) error {
	n, err := s.Notice(ctx, ref)
	if err != nil {
		return err
	}
	err = s.tx(ctx, "check a list", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = '1h'`); err != nil {
			return err
		}
		hash, _, err := hashList(ctx, tx, ref)
		if err == nil && string(hash) != string(n.ListHash) {
			err = fault.Newf(contract.ErrTampered, "the list of notice %s is not the one that was frozen", ref.ID())
		}
		return err
	})
	return err
}

// Recipient is one row of a frozen list. Person is opened.
type Recipient struct {
	N        int64
	Key      []byte
	Lang     string
	Domain   []byte
	Scopes   []int
	Wave     int
	State    string
	Person   Addressee
	Attempts int
	Repeated int
	Unclear  int
	FirstAt  *time.Time
}

type recipientRow struct {
	N        int64         `db:"n"`
	Key      []byte        `db:"key"`
	Lang     string        `db:"lang"`
	Domain   []byte        `db:"domain"`
	Scopes   pq.Int64Array `db:"scopes"`
	Wave     int           `db:"wave"`
	State    string        `db:"state"`
	Person   []byte        `db:"person"`
	Attempts int           `db:"attempts"`
	Repeated int           `db:"repeated"`
	Unclear  int           `db:"unclear"`
	FirstAt  *time.Time    `db:"first_at"`
}

const recipientColumns = `n, key, lang, domain, scopes, wave, state, person, attempts, repeated, unclear, first_at`

// open unseals a row.
func (s *Store) openRecipients(ctx context.Context, ref contract.Ref, rows []recipientRow) ([]Recipient, error) {
	key, err := s.Key(ctx, ref)
	if err != nil {
		return nil, err
	}
	list := make([]Recipient, len(rows))
	for i, r := range rows {
		plain, err := key.Open(personField(r.Key), r.Person)
		if err != nil {
			return nil, err
		}
		list[i] = Recipient{N: r.N, Key: r.Key, Lang: r.Lang, Domain: r.Domain, Wave: r.Wave, State: r.State, Attempts: r.Attempts,
			Repeated: r.Repeated, Unclear: r.Unclear, FirstAt: utc(r.FirstAt)}
		for _, scope := range r.Scopes {
			list[i].Scopes = append(list[i].Scopes, int(scope))
		}
		if err := json.Unmarshal(plain, &list[i].Person); err != nil {
			return nil, fault.Newf(contract.ErrTampered, "a recipient of %s does not read as JSON", ref)
		}
	}
	return list, nil
}

// RecipientOf opens one person of a list; contract.ErrNotFound when the list has no such number.
func (s *Store) RecipientOf(ctx context.Context, ref contract.Ref, n int64) (Recipient, error) {
	var rows []recipientRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+recipientColumns+` FROM recipient WHERE ref = $1 AND n = $2`, ref, n); err != nil {
		return Recipient{}, dbError("read somebody of a list", err)
	}
	list, err := s.openRecipients(ctx, ref, rows)
	if err != nil || len(list) == 0 {
		if err == nil {
			err = notFound("such number on the list of", ref.ID())
		}
		return Recipient{}, err
	}
	return list[0], nil
}

// SampleRecipients gives some rows of a wave, spread over it, always the same ones.
func (s *Store) SampleRecipients(ctx context.Context, ref contract.Ref, wave, count int) ([]Recipient, error) {
	var rows []recipientRow
	if err := s.db.SelectContext(ctx, &rows, `SELECT `+recipientColumns+` FROM recipient WHERE ref = $1 AND wave = $2
		ORDER BY sha256(key || convert_to($1, 'UTF8')), n LIMIT $3`, ref, wave, count); err != nil {
		return nil, dbError("read a list", err)
	}
	return s.openRecipients(ctx, ref, rows)
}

// WaveSizes counts the people with an address of each wave.
func (s *Store) WaveSizes(ctx context.Context, ref contract.Ref) (map[int]int64, error) {
	var rows []struct {
		Wave  int   `db:"wave"`
		Count int64 `db:"count"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT wave, count(*) FROM recipient WHERE ref = $1 AND domain IS NOT NULL GROUP BY wave`, ref); err != nil {
		return nil, dbError("count a list", err)
	}
	sizes := map[int]int64{}
	for _, r := range rows {
		sizes[r.Wave] = r.Count
	}
	return sizes, nil
}
