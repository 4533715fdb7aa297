package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

func (a *app) deletionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "deletion", Short: "deletions and restored backups", Example: "  habeas deletion replay --system support --since 2026-11-01"}
	cmd.AddCommand(a.deletionReplay())
	return cmd
}

// replayed is one person of a replay, and the case about them.
type replayed struct {
	*desk.Restored
	Case string `json:"case,omitempty"`
}

func (a *app) deletionReplay() *cobra.Command {
	var system, since string
	var open bool
	cmd := &cobra.Command{
		Use: "replay", Short: "find who was erased in a system that was restored from a backup", Args: needs(cobra.NoArgs),
		Long: `Go over the columns of a restored system by which people are found, and say who was erased since the
backup was made: by keyed hashes, which are kept as long as the longest rotation of the map. With --open
a deletion case about each of them begins, with a plan, decisions and a certificate of its own; nobody is
asked who they are, and nobody is written to. No value is shown.`,
		Example: "  habeas deletion replay --system support --since 2026-11-01\n  habeas deletion replay --system support --since 2026-11-01T03:00:00+08:00 --open",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if system == "" || since == "" {
				return misuse("--system and --since are needed: which system was restored, and when was the backup made?")
			}
			from, err := dayOrTime(since)
			if err != nil {
				return err
			}
			by := ""
			if open {
				me, err := a.signer(cmd.Context())
				if err != nil {
					return err
				}
				by = me.Name
			}
			list, err := a.replay(cmd.Context(), system, from, by)
			if err != nil {
				return err
			}
			return a.print(list, func() { a.showReplayed(list, open) })
		},
	}
	cmd.Flags().StringVar(&system, "system", "", "the system that was restored")
	cmd.Flags().StringVar(&since, "since", "", "when the backup was made: a day, or a time with its zone")
	cmd.Flags().BoolVar(&open, "open", false, "open a deletion case about each")
	return cmd
}

// dayOrTime reads 2026-11-01, the beginning of that day in UTC, or a time in RFC 3339.
func dayOrTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, misuse("--since takes a day such as 2026-11-01, or a time such as 2026-11-01T03:00:00+08:00, not %q", s)
}

// replay finds who is back and, with somebody in whose name, opens the cases.
func (a *app) replay(ctx context.Context, system string, since time.Time, by string) ([]replayed, error) {
	d, err := a.desk(ctx, by != "")
	if err != nil {
		return nil, err
	}
	opened := &wire.Systems{Map: a.house.Map, Getenv: a.getenv}
	defer opened.Close()
	progress, end := a.progress()
	found, err := d.FindRestored(ctx, func(name string) (systems.System, error) { return opened.Get(ctx, name) }, system, since,
		func(done, of int64) { progress(done, of, system) })
	end()
	if err != nil {
		return nil, err
	}
	list := []replayed{}
	for _, r := range found {
		one := replayed{Restored: r}
		if by != "" {
			ref, err := d.OpenReplay(ctx, r, by)
			if err != nil {
				return nil, err
			}
			one.Case = ref.ID()
		}
		list = append(list, one)
	}
	return list, nil
}

func (a *app) showReplayed(list []replayed, open bool) {
	if len(list) == 0 {
		a.say("nobody who was erased since then is there")
		return
	}
	var rows [][]string
	for _, r := range list {
		var where []string
		for column, n := range r.Columns {
			where = append(where, column+" ("+strconv.Itoa(n)+")")
		}
		slices.Sort(where)
		rows = append(rows, []string{r.Person, when(r.ErasedAt), dash(r.Case), strings.Join(where, ", ")})
	}
	a.table([]string{"PERSON", "ERASED", "CASE", "FOUND IN"}, rows)
	if !open {
		a.say("with --open a deletion case about each begins")
	}
}
