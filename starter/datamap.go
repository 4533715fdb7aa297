package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/retention"
	"github.com/habeas-dsr/habeas/internal/survey"
	"github.com/habeas-dsr/habeas/internal/systems"
	"github.com/habeas-dsr/habeas/internal/wire"
)

const datamapHelp = `What the company holds about people, and where: one YAML file a system.

The tools only read. They need the map's folder (the argument, or HABEAS_DATAMAP) and, but for
"init" and "graph", the systems' addresses in HABEAS_DSN_…. They print names, counts and keys,
never a value of a person.`

func (a *app) datamapCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "datamap", Short: "what the company holds and where", Long: datamapHelp, Example: `  habeas datamap init --dsn @shop.dsn --out map/shop.yaml
  habeas datamap check
  habeas datamap audit map`}
	cmd.AddCommand(a.datamapInit(), a.datamapCheck(), a.datamapPlan(), a.datamapHunt(), a.datamapAudit(), a.datamapGraph())
	return cmd
}

// dataMap reads the map in the folder that a command names.
func (a *app) dataMap(args []string) (*datamap.Map, error) {
	dir := a.getenv("HABEAS_DATAMAP")
	if len(args) == 1 {
		dir = args[0]
	}
	if dir == "" {
		return nil, misuse("which map? give its folder, or set HABEAS_DATAMAP")
	}
	if _, err := config.Load(a.getenv); err != nil {
		return nil, err
	}
	m, err := datamap.Load(dir)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the data map has faults:\n"+err.Error(), err)
	}
	return m, nil
}

// live reads the map and gives a way to its systems.
func (a *app) live(args []string) (*datamap.Map, survey.Opener, func(), error) {
	m, err := a.dataMap(args)
	if err != nil {
		return nil, nil, nil, err
	}
	open := &wire.Systems{Map: m, Getenv: a.getenv}
	return m, open.Get, open.Close, nil
}

// floors are the floors of retention that the company's own law knows.
func (a *app) floors(m *datamap.Map) ([]datamap.KnownFloor, error) {
	book, err := wire.OpenLaws(a.getenv("HABEAS_LAWS"))
	if err != nil {
		return nil, err
	}
	law, err := book.Find(m.Company.Law)
	if err != nil {
		return nil, err
	}
	return retention.Floors(law), nil
}

func (a *app) datamapCheck() *cobra.Command {
	check := &cobra.Command{
		Use: "check [DIR]", Short: "hold the map against the live schemas; exit status 1 when they differ",
		Long: `Read the map and hold it against the live schemas: tables and columns that are missing or new, types
that no longer fit, rights that the account lacks, searches that have no index, rules of retention that
cannot be carried out as they stand or lack a floor that the company's law knows.

Exit status 1 when they differ or a system gave no answer; advice alone is no difference. A table
that no file mentions is a difference until it is mapped, or waved off under ignore_tables.`,
		Example: `  habeas datamap check
  habeas datamap check examples/cloud/map --offline
  habeas datamap check map -o json | jq '.[] | select(.kind == "unmapped-table")'`, Args: needs(cobra.MaximumNArgs(1)),
	}
	offline := check.Flags().Bool("offline", false, "read the map only, without the systems")
	check.RunE = func(cmd *cobra.Command, args []string) error {
		m, open, done, err := a.live(args)
		if err != nil {
			return err
		}
		defer done()
		findings := []systems.Finding{}
		if !*offline {
			floors, err := a.floors(m)
			if err != nil {
				return err
			}
			progress, end := a.progress()
			some, err := survey.Check(cmd.Context(), m, floors, open, progress)
			end()
			if err != nil {
				return err
			}
			findings = append(findings, some...)
		}
		return a.findings(m, findings)
	}
	return check
}

// findings prints what a check found, and is the error where map and schema differ.
func (a *app) findings(m *datamap.Map, findings []systems.Finding) error {
	drift := 0
	for _, f := range findings {
		if f.Drifts() {
			drift++
		}
	}
	err := a.print(findings, func() {
		for _, f := range findings {
			a.say("%-18s %s", f.Kind, f.Text)
			if f.Hint != "" {
				a.say("%-18s   %s", "", f.Hint)
			}
		}
		a.say("%s: %s, %s", counted(len(m.Systems), "system"), counted(drift, "difference"), counted(len(findings)-drift, "piece of advice", "pieces of advice"))
	})
	if err != nil || drift == 0 {
		return err
	}
	return fault.Newf(contract.ErrMapMismatch, "the data map and the systems differ: %s", counted(drift, "difference")).
		WithHint("correct the map or the database; cases stop at what they cannot find")
}

func (a *app) datamapPlan() *cobra.Command {
	plan := &cobra.Command{
		Use: "plan [DIR]", Short: "show what a search for a person would do, without one",
		Long: `Show, without a case and without values, the search for somebody found in each directory: which
collections it visits in which order and how it comes to their rows, the SQL of each visit with its
values left open, and how many rows the tables hold by the database's own estimate.`,
		Example: "  habeas datamap plan\n  habeas datamap plan map --explain\n  habeas datamap plan -o json", Args: needs(cobra.MaximumNArgs(1)),
	}
	explain := plan.Flags().Bool("explain", false, "add the plan that the database makes for values it does not know")
	plan.RunE = func(cmd *cobra.Command, args []string) error {
		m, open, done, err := a.live(args)
		if err != nil {
			return err
		}
		defer done()
		walks, err := survey.Plan(cmd.Context(), m, open, *explain)
		if err != nil {
			return err
		}
		return a.walks(walks)
	}
	return plan
}

func (a *app) datamapGraph() *cobra.Command {
	graph := &cobra.Command{
		Use: "graph [DIR]", Short: "draw the map as Mermaid",
		Long: `Draw the map as a Mermaid flowchart: a box a system, a node a collection, an arrow from each
collection to those that are found through it. Where people are looked up is round; a dotted arrow
leads to rows that several people may share. Needs no system.`,
		Example: "  habeas datamap graph examples/cloud/map > map.mmd\n  habeas datamap graph --lang zh", Args: needs(cobra.MaximumNArgs(1)),
	}
	lang := graph.Flags().String("lang", "en", "language of the titles: zh or en")
	graph.RunE = func(_ *cobra.Command, args []string) error {
		if *lang != "zh" && *lang != "en" {
			return misuse("--lang takes zh or en, not %q", *lang)
		}
		m, err := a.dataMap(args)
		if err != nil {
			return err
		}
		text := datamap.Mermaid(m, *lang)
		return a.print(map[string]string{"mermaid": text}, func() { a.say("%s", text[:len(text)-1]) })
	}
	return graph
}

// chosen are the systems of the map that flags name; all when none is named.
func chosen(m *datamap.Map, names []string) ([]*datamap.System, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(slices.Clone(m.Systems), func(s *datamap.System) bool { return s.Outside != nil }), nil
	}
	var out []*datamap.System
	for _, name := range names {
		s := m.System(name)
		if s == nil {
			return nil, misuse("the data map has no system %q", name)
		}
		out = append(out, s)
	}
	return out, nil
}
