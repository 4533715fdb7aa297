package conformance

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/subject"
	"github.com/habeas-dsr/habeas/internal/systems"
)

const walkShop = `
	CREATE TABLE member (id integer PRIMARY KEY, login varchar(9), email varchar(40), mobile varchar(20), since timestamp NULL, until timestamp NULL, invited_by integer);
	INSERT INTO member VALUES
		(1, 'wang', 'wang@x.example', '13800138000', '2026-02-01 00:00:00', NULL, 2),
		(2, 'li', 'li@x.example', '13900139000', '2026-01-01 00:00:00', NULL, NULL),
		(3, 'zhao', 'zhao@x.example', '13800138000', '2025-01-01 00:00:00', '2026-02-01 00:00:00', 1);
	CREATE TABLE orders (shop varchar(9), no integer, buyer integer, collector integer, ship_to integer, PRIMARY KEY (shop, no));
	INSERT INTO orders VALUES ('a', 1, 1, NULL, 51), ('a', 2, 2, 1, 52), ('b', 1, 2, 2, 51), ('b', 2, NULL, NULL, NULL), ('b', 3, 1, 1, NULL);
	CREATE TABLE line (shop varchar(9), no integer, pos integer, PRIMARY KEY (shop, no, pos));
	INSERT INTO line VALUES ('a', 1, 1), ('a', 1, 2), ('a', 2, 1), ('b', 1, 1), ('b', 2, 1);
	CREATE TABLE address (id integer PRIMARY KEY, street varchar(40));
	INSERT INTO address VALUES (51, 'shared'), (52, 'hers'), (53, 'nobody''s');
	CREATE TABLE membership (team_id integer, member_id integer, PRIMARY KEY (team_id, member_id));
	INSERT INTO membership VALUES (61, 1), (61, 2), (62, 2), (63, 3);
	CREATE TABLE team (id integer PRIMARY KEY, title varchar(40));
	INSERT INTO team VALUES (61, 'both'), (62, 'hers'), (63, 'theirs');
	CREATE TABLE folder (id integer PRIMARY KEY, inside integer, owner integer);
	INSERT INTO folder VALUES (1, NULL, 1), (2, 1, NULL), (3, 2, NULL), (4, NULL, 2), (5, 4, NULL), (6, 4, 1), (7, 6, NULL), (8, 8, NULL);
	CREATE TABLE post (id integer PRIMARY KEY, answers integer, author integer);
	INSERT INTO post VALUES (1, NULL, 2), (2, 1, 3), (3, 2, 1), (4, 3, 2), (5, NULL, 3);
	CREATE TABLE draft (id integer PRIMARY KEY, writer integer, current integer);
	INSERT INTO draft VALUES (1, 1, 11), (2, NULL, 12), (3, 2, 13);
	CREATE TABLE version (id integer PRIMARY KEY, draft integer);
	INSERT INTO version VALUES (11, 1), (12, 1), (13, 3), (14, NULL);
	CREATE TABLE event (id integer PRIMARY KEY, doc json);
	INSERT INTO event VALUES (1, '{"who": {"id": 1}}'), (2, '{"who": {"id": "1"}}'), (3, '{"who": {"id": 11}}'), (4, '{"who": null}'), (5, NULL), (6, '{"id": 1}'), (7, '{"who": {"id": 2}}');
	CREATE TABLE card (id integer PRIMARY KEY, code varchar(20));
	INSERT INTO card VALUES (1, 'wang-77'), (2, 'wangx'), (3, 'li'), (4, 'Wang-1'), (5, NULL), (6, 'wan');
	CREATE TABLE callrec (id integer PRIMARY KEY, number varchar(20), at timestamp NULL);
	INSERT INTO callrec VALUES (1, '13800138000', '2026-01-10 00:00:00'), (2, '+86 138 0013 8000', '2026-02-01 00:00:00'), (3, '13800138000', '2026-03-01 00:00:00'),
		(4, '13800138000', NULL), (5, '13900139000', '2026-03-01 00:00:00');
	CREATE TABLE simcard (id integer PRIMARY KEY, member_id integer, starts timestamp NULL, ends timestamp NULL);
	INSERT INTO simcard VALUES (1, 1, '2026-01-01 00:00:00', '2026-02-01 00:00:00'), (2, 2, '2026-02-01 00:00:00', NULL);
	CREATE TABLE traffic (id integer PRIMARY KEY, card integer, at timestamp NULL);
	INSERT INTO traffic VALUES (1, 1, '2026-01-15 00:00:00'), (2, 1, '2026-02-01 00:00:00'), (3, 1, NULL), (4, 2, '2026-05-01 00:00:00'), (5, 2, '2026-01-15 00:00:00');
	CREATE TABLE notice (id integer PRIMARY KEY, member_id integer, state varchar(9));
	INSERT INTO notice VALUES (1, 1, 'sent'), (2, 1, 'planned'), (3, 1, 'read'), (4, 1, NULL), (5, 2, 'sent'), (6, NULL, 'sent');
	CREATE TABLE transfer (id integer PRIMARY KEY, giver integer, taker integer);
	INSERT INTO transfer VALUES (1, 1, 2), (2, 2, 1), (3, 2, 3), (4, 3, 3), (5, NULL, 1);
	CREATE TABLE profile (id integer PRIMARY KEY, member_id integer, second_email varchar(40), old_email varchar(40));
	INSERT INTO profile VALUES (1, 1, 'wang.two@x.example', 'wang.old@x.example'), (2, 2, 'zhao@x.example', NULL);
	CREATE TABLE refund (id integer PRIMARY KEY, ticket integer);
	INSERT INTO refund VALUES (1, 71), (2, 72), (3, 75), (4, NULL);`

const walkDesk = `
	CREATE TABLE ticket (id integer PRIMARY KEY, account integer, email varchar(40));
	INSERT INTO ticket VALUES (71, 1, NULL), (72, NULL, 'WANG@x.example'), (73, NULL, 'wang.two@x.example'), (74, NULL, 'wang.old@x.example'),
		(75, 2, 'wang@y.example'), (76, NULL, NULL), (77, NULL, 'zhao@x.example');
	CREATE TABLE reply (id integer PRIMARY KEY, ticket integer);
	INSERT INTO reply VALUES (1, 71), (2, 73), (3, 74), (4, 75), (5, NULL);`

// walkAnswers are whose rows are whose, written down by hand; keys with more than one column are
// joined by a stroke.
var walkAnswers = map[string]map[string]string{
	"wang": {
		"shop.member": "1", // neither the one who invited him nor the one he invited
		"shop.orders": "a/1 a/2 b/3", "shop.line": "a/1/1 a/1/2 a/2/1", "shop.address": "51 52",
		"shop.membership": "61/1", "shop.team": "61",
		"shop.folder": "1 2 3 6 7",                    // 6 lies in hers, and 4 is not his for it
		"shop.post":   "1 2 3",                        // his, and what it answers, to the top; not the answer to it
		"shop.draft":  "1 2", "shop.version": "11 12", // 2 has a version of his draft as its own
		"shop.event": "1 2", "shop.mailing": "1 3", "shop.card": "1 2",
		"shop.callrec": "2 3", "shop.simcard": "1", "shop.traffic": "1", "shop.notice": "1 3",
		"shop.transfer": "1 2 5", "shop.profile": "1", "shop.refund": "1 2",
		"desk.ticket": "71 72 73", "desk.reply": "1 2",
	},
	"li": {
		"shop.member": "2", "shop.orders": "a/2 b/1", "shop.line": "a/2/1 b/1/1", "shop.address": "51 52",
		"shop.membership": "61/2 62/2", "shop.team": "61 62", "shop.folder": "4 5 6 7", "shop.post": "1 2 3 4",
		"shop.draft": "3", "shop.version": "13", "shop.event": "7", "shop.mailing": "2 3", "shop.card": "3",
		"shop.callrec": "5", "shop.simcard": "2", "shop.traffic": "4", "shop.notice": "5",
		"shop.transfer": "1 2 3", "shop.profile": "2", // its second e-mail is another person's own: it widens nothing
		"shop.refund": "3", "desk.ticket": "75", "desk.reply": "4",
	},
	"zhao": {
		"shop.member": "3", "shop.membership": "63/3", "shop.team": "63", "shop.post": "1 2 5", "shop.callrec": "1",
		"shop.profile":  "2", // his e-mail stands there
		"shop.transfer": "3 4", "desk.ticket": "77",
	},
}

// walkShared is how many rows more than one of them may claim. Address 52 is not among them: it hangs
// on one order alone, which is counted itself.
var walkShared = map[string]map[string]int64{
	"wang": {"shop.orders": 1, "shop.address": 1, "shop.team": 1, "shop.transfer": 2, "shop.folder": 1},
	"li":   {"shop.orders": 1, "shop.address": 1, "shop.team": 1, "shop.transfer": 3, "shop.folder": 1},
	"zhao": {"shop.transfer": 1},
}

// RunWalk makes whole searches over every kind of link that a map knows, in two databases of the
// engine, and holds them against answers that were written down by hand. e.Lists says how the
// engine keeps a list.
func RunWalk(t *testing.T, e Engine) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	at := map[string]Database{"shop": e.Fresh(t), "desk": e.Fresh(t)}
	at["shop"].Exec(walkShop)
	at["shop"].Exec("CREATE TABLE mailing (id integer PRIMARY KEY, people " + e.ListType + "); INSERT INTO mailing VALUES (1, " + e.List("1") +
		"), (2, " + e.List("2, 11") + "), (3, " + e.List("2, 1, 1") + "), (4, " + e.List("") + "), (5, NULL)")
	at["desk"].Exec(walkDesk)
	m := walkMap(t, e.Driver, at)
	open := map[string]systems.System{}
	for _, s := range m.Systems {
		sys, err := systems.Open(ctx, s, at[s.Name].DSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sys.Close() })
		findings, err := sys.Check(ctx, s.Collections)
		if err != nil || len(findings) > 0 {
			t.Fatalf("%s: %v, %v", s.Name, findings, err)
		}
		open[s.Name] = sys
	}
	for who, want := range walkAnswers {
		got, shared := walked(t, ctx, m, open, who)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s's rows (-want +got):\n%s", who, diff)
		}
		for id, n := range walkShared[who] {
			if shared[id] != n {
				t.Errorf("%d rows of %s are shared with %s, want %d", shared[id], id, who, n)
			}
		}
	}
}

func walked(t *testing.T, ctx context.Context, m *datamap.Map, open map[string]systems.System, login string) (map[string]string, map[string]int64) {
	t.Helper()
	opener := func(name string) (systems.System, error) { return open[name], nil }
	accounts, err := subject.FindAccount(ctx, m, opener, []dsr.Identity{{Kind: datamap.IdentityAccount, Value: login}})
	if err != nil || len(accounts) != 1 {
		t.Fatalf("%s: %d accounts, %v", login, len(accounts), err)
	}
	s := subject.Search{Map: m, Account: accounts[0], Keys: &keyring{sets: map[string]map[int][][]string{}}, Open: opener}
	for _, step := range s.Steps() {
		if _, err := s.Discover(ctx, step); err != nil {
			t.Fatalf("%s: %v: %v", login, step, err)
		}
	}
	got := map[string]string{}
	for _, sys := range m.Systems {
		for _, c := range sys.Collections {
			sel, err := s.Select(ctx, c)
			if err != nil {
				t.Fatalf("%s: %v", c.ID(), err)
			}
			var keys []string
			err = open[sys.Name].Keys(ctx, sel, c.Key, 100, func(page [][]string) error {
				for _, tuple := range page {
					keys = append(keys, strings.Join(tuple, "/"))
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", c.ID(), err)
			}
			slices.Sort(keys)
			if len(keys) > 0 {
				got[c.ID()] = strings.Join(keys, " ")
			}
		}
	}
	shared, err := s.Shared(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return got, shared
}

// keyring is a subject.KeyStore in memory.
type keyring struct {
	mu   sync.Mutex
	sets map[string]map[int][][]string
}

func (k *keyring) set(coll string, columns []string) map[int][][]string {
	name := coll + "(" + strings.Join(columns, ",") + ")"
	if k.sets[name] == nil {
		k.sets[name] = map[int][][]string{}
	}
	return k.sets[name]
}

func (k *keyring) PutKeys(_ context.Context, coll string, columns []string, chunk int, keys [][]string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set(coll, columns)[chunk] = keys
	return nil
}

func (k *keyring) TrimKeys(_ context.Context, coll string, columns []string, from int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := k.set(coll, columns)
	for chunk := range set {
		if chunk >= from {
			delete(set, chunk)
		}
	}
	return nil
}

func (k *keyring) Keys(_ context.Context, coll string, columns []string, yield func([][]string) error) error {
	k.mu.Lock()
	set := k.set(coll, columns)
	k.mu.Unlock()
	for chunk := range len(set) {
		if err := yield(set[chunk]); err != nil {
			return err
		}
	}
	return nil
}
