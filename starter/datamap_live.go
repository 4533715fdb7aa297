package main

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/survey"
	"github.com/habeas-dsr/habeas/internal/systems"
)

func (a *app) datamapInit() *cobra.Command {
	var dsn, driver, name, out string
	var schemas []string
	var blind bool
	cmd := &cobra.Command{
		Use: "init --dsn DSN", Short: "draft the file of a system from its live database",
		Long: `Draft a system's YAML file from a live database: tables, keys and foreign keys as they stand; links
by name where there is no constraint; categories by the columns' names (English and pinyin) and by
what a sample of the values is shaped like. Whatever is not a fact of the schema stands on a line
that ends in "# guess: …" with the reason. No value is written anywhere.

The DSN is taken as it is, from standard input (-) or from a file (@FILE): it may hold a password.`,
		Example: `  habeas datamap init --dsn @shop.dsn --out map/shop.yaml
  habeas datamap init --dsn - --system shop --schema public < shop.dsn`, Args: needs(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&dsn, "dsn", "", "address of the database: the text, - or @FILE")
	f.StringVar(&driver, "driver", "", "driver of the map; by default what the address begins with")
	f.StringVar(&name, "system", "", "name of the system; by default made from the database's name")
	f.StringVar(&out, "out", "", "file to write, which must not be there yet; by default standard output")
	f.StringSliceVar(&schemas, "schema", nil, "only these schemas")
	f.BoolVar(&blind, "names-only", false, "guess by names alone and read no row")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dsn == "" {
			return misuse("init needs --dsn; see `habeas datamap init --help`")
		}
		if out != "" {
			if _, err := os.Lstat(out); err == nil {
				return fault.Newf(contract.ErrBadInput, "%s is there already, and a draft overwrites nothing", out).WithHint("name another file, or move that one away")
			}
		}
		address, err := a.value(dsn)
		if err != nil {
			return err
		}
		if driver == "" {
			driver = driverOf(address)
		}
		if !slices.Contains(systems.Drivers(), driver) {
			return misuse("there is no driver %q; --driver takes %s", driver, strings.Join(systems.Drivers(), ", "))
		}
		if name != "" && datamap.SystemNameOf(name) != name {
			return misuse("a system's name has lower-case letters, digits and single hyphens: %s, say", datamap.SystemNameOf(name))
		}
		progress, end := a.progress()
		draft, err := survey.Draft(cmd.Context(), survey.DraftOptions{
			System: name, Driver: driver, DSN: address, Title: databaseOf(address), Schemas: schemas, Blind: blind}, progress)
		end()
		switch {
		case err != nil:
			return err
		case out != "":
			return writeNew(out, draft, public)
		}
		_, err = a.out.Write(draft)
		return err
	}
	return cmd
}

// driverOf goes by the scheme of an address.
func driverOf(dsn string) string {
	scheme, _, found := strings.Cut(dsn, "://")
	if !found || scheme == "postgresql" {
		return "postgres"
	}
	return scheme
}

// databaseOf is the database's name in an address; "" when that says none.
func databaseOf(dsn string) string {
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		return strings.Trim(u.Path, "/")
	}
	for word := range strings.FieldsSeq(dsn) {
		if name, ok := strings.CutPrefix(word, "dbname="); ok {
			return strings.Trim(name, "'")
		}
	}
	return ""
}

func (a *app) datamapHunt() *cobra.Command {
	hunt := &cobra.Command{
		Use: "hunt [DIR]", Short: "search every column of the systems for a value that the map may miss",
		Long: `Search the systems for a value, in every column that could hold it, mapped or not: texts, JSON,
arrays, binary, numbers. Reports table, column and how many rows, and what the map knows of that
column; never a value. Reads each table once, in a read-only transaction.

The value comes from standard input alone; on a terminal it is asked for and not shown. Numbers are
found with separators or without, mobiles with +86 or without, e-mails in any case. What is
compressed, encrypted or in large objects is not found. Exit status 1 when a table could not be
searched.`,
		Example: `  habeas datamap hunt < mobile.txt
  habeas datamap hunt map --system shop --timeout 10m < mobile.txt`, Args: needs(cobra.MaximumNArgs(1)),
	}
	names := hunt.Flags().StringSlice("system", nil, "only these systems")
	limit := hunt.Flags().Duration("timeout", 5*time.Minute, "the longest that one table may take")
	hunt.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < time.Second {
			return misuse("--timeout takes a second at least")
		}
		m, open, done, err := a.live(args)
		if err != nil {
			return err
		}
		defer done()
		which, err := chosen(m, *names)
		if err != nil {
			return err
		}
		value, err := a.hunted()
		if err != nil {
			return err
		}
		progress, end := a.progress()
		trail, err := survey.Hunt(cmd.Context(), which, open, value, *limit, progress)
		end()
		if err != nil {
			return err
		}
		return a.trail(trail)
	}
	return hunt
}

// hunted reads the value: a terminal is asked without an echo.
func (a *app) hunted() (string, error) {
	if file, ok := a.in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return a.ask("Value to hunt for (not shown): ", true)
	}
	return a.value("-")
}

func (a *app) datamapAudit() *cobra.Command {
	audit := &cobra.Command{
		Use: "audit [DIR]", Short: "hold the map against samples of the data; exit status 1 when something is odd",
		Long: `Sample each collection and report rows that no person reaches (a link is missing), rows that several
people reach although the map does not say that they are shared, and values shaped like a mobile, an
e-mail or an ID number in columns whose category does not expect them. Counts and keys, no values.

A sample proves what it finds, and never that there is nothing else.`,
		Example: "  habeas datamap audit\n  habeas datamap audit map --rows 5000 --keys 20\n  habeas datamap audit -o json", Args: needs(cobra.MaximumNArgs(1)),
	}
	rows := audit.Flags().Int("rows", 500, "rows to sample of each collection")
	keys := audit.Flags().Int("keys", 5, "keys to show of each finding; 0 shows none")
	audit.RunE = func(cmd *cobra.Command, args []string) error {
		if *rows < 1 || *rows > 100_000 || *keys < 0 {
			return misuse("--rows takes 1 to 100000, --keys 0 or more")
		}
		m, open, done, err := a.live(args)
		if err != nil {
			return err
		}
		defer done()
		progress, end := a.progress()
		all, err := survey.Audit(cmd.Context(), m, open, survey.AuditOptions{Rows: *rows, Keys: *keys}, progress)
		end()
		if err != nil {
			return err
		}
		return a.audited(all)
	}
	return audit
}
