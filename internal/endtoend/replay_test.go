package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

// deleteReplayed deletes somebody, restores one system from a dump of before, finds them there by keyed hashes
// alone, and has them deleted again by a plan and decisions of its own. The directory, which was not restored,
// does not know them any more.
func deleteReplayed(s *stubborn) {
	dsn := s.c.Stack.LoadDSNs()["support"]
	backup := exec.CommandContext(s.ctx, pgDump(s.t), "--clean", "--if-exists", "--dbname", dsn)
	dump, err := backup.Output()
	if err != nil {
		s.t.Fatalf("the backup: %v", err)
	}
	since := time.Now()
	ref := s.askDeletion()
	s.agreeOn(ref)
	s.ended(ref, dsr.Fulfilled)
	deleted := s.rows()
	if found := s.replay("support", since); len(found) != 0 {
		s.t.Fatalf("%d people were found before anything was restored", len(found))
	}

	restore := exec.CommandContext(s.ctx, strings.TrimSuffix(pgDump(s.t), "pg_dump")+"psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", dsn)
	restore.Stdin = bytes.NewReader(dump)
	if out, err := restore.CombinedOutput(); err != nil {
		s.t.Fatalf("restoring: %v\n%s", err, out)
	}
	if diff := changed(deleted, s.rows()); diff == "" && cmp.Equal(deleted, s.rows()) {
		s.t.Fatal("the backup brought nothing back")
	}
	if found := s.replay("support", time.Now()); len(found) != 0 {
		s.t.Errorf("%d people are found who were erased before the backup was made", len(found))
	}
	again := s.replayCommand("support", since)
	s.agreeOn(again)
	s.ended(again, dsr.Fulfilled)
	now := s.rows()
	for _, rows := range []map[string]map[string]string{deleted, now} {
		delete(rows["accounts.users"], strconv.FormatInt(s.p.ID, 10)) // made anonymous anew, with other placeholders
	}
	if !cmp.Equal(deleted, now) {
		s.t.Errorf("the rows are not those that the first deletion left: %s %s", changed(deleted, now), changed(now, deleted))
	}
	s.certified(again)
	if letters, err := s.d.Store.Letters(s.ctx, again); err != nil || len(letters) != 0 {
		s.t.Errorf("%d letters to somebody who was told already, %v", len(letters), err)
	}
	if found := s.replay("support", since); len(found) != 0 {
		s.t.Errorf("%d people are found after the second deletion", len(found))
	}
	// Nobody else can be deleted in this way.
	_, err = s.d.OpenCase(s.ctx, desk.Opening{Kind: dsr.Deletion, Ground: dsr.GroundDuty, Channel: "backup", Requester: dsr.RequesterReplay, OpenedBy: "an",
		Identities: []dsr.Identity{{Kind: "account", Value: s.p.Login}}})
	if err == nil {
		s.t.Error("a case of this kind was opened by hand")
	}
	s.ledgerHolds()
}

// replayCommand runs the command as staff do: once to look, which opens nothing, and once to open the case.
func (s *stubborn) replayCommand(system string, since time.Time) contract.Ref {
	s.t.Helper()
	run := func(more ...string) (list []struct {
		Person  string
		Columns map[string]int
		Case    string
	}) {
		args := append([]string{"deletion", "replay", "--system", system, "--since", since.UTC().Format(time.RFC3339Nano), "-o", "json"}, more...)
		status, out := habeas(s.ctx, s.t, s.c, args...)
		if err := json.Unmarshal([]byte(out), &list); status != 0 || err != nil {
			s.t.Fatalf("habeas deletion replay ended with %d: %v\n%s", status, err, out)
		}
		for _, value := range s.values() {
			if strings.Contains(out, value) {
				s.t.Error("habeas deletion replay shows a value of the person")
			}
		}
		if len(list) != 1 || len(list[0].Columns) == 0 {
			s.t.Fatalf("%d people were found in the restored system", len(list))
		}
		return list
	}
	if found := run(); found[0].Case != "" {
		s.t.Error("a case was opened without --open")
	}
	for name, args := range map[string][]string{
		"no system": {"--since", "2026-11-01"}, "an unknown system": {"--system", "nowhere", "--since", "2026-11-01"},
		"paper": {"--system", "paper", "--since", "2026-11-01"}, "no time": {"--system", system, "--since", "yesterday"},
	} {
		if status, out := habeas(s.ctx, s.t, s.c, append([]string{"deletion", "replay"}, args...)...); status != 2 || strings.Count(out, "habeas: ") != 1 {
			s.t.Errorf("%s ended with %d:\n%s", name, status, out)
		}
	}
	opened := run("--open")
	return contract.NewRef(contract.KindCase, opened[0].Case)
}

func (s *stubborn) replay(system string, since time.Time) []*desk.Restored {
	s.t.Helper()
	open := &wire.Systems{Map: s.d.Map, Getenv: func(name string) string { return s.c.Env[name] }}
	defer open.Close()
	found, err := s.d.FindRestored(s.ctx, func(name string) (systems.System, error) { return open.Get(context.WithoutCancel(s.ctx), name) }, system, since, func(int64, int64) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}
