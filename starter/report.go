package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

func (a *app) reportCommand() *cobra.Command {
	var year int
	var asCSV bool
	cmd := &cobra.Command{
		Use: "report", Short: "count a year's cases by law and kind, from the ledger alone",
		Long: `Count the cases that were received in a year: received, done in whole or in part, denied and on which
ground, and the median and mean days until the answer, as 11 CCR 7102 and 网络数据安全管理条例 Art. 44 ask
for. It reads the ledger alone, so a case that was forgotten counts as before.`,
		Example: "  habeas report --year 2026\n  habeas report --year 2026 --csv > 2026.csv", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if year == 0 {
				year = time.Now().Year()
			}
			d, err := a.desk(cmd.Context(), false)
			if err != nil {
				return err
			}
			report, err := d.Report(cmd.Context(), year)
			if err != nil {
				return err
			}
			if asCSV {
				return report.WriteCSV(a.out)
			}
			return a.print(report, func() {
				var rows [][]string
				for _, l := range report.Lines {
					row := []string{l.Law, l.Kind}
					for _, n := range []int{l.Received, l.Whole, l.Part, l.Denied, l.NoData, l.Unverified, l.Withdrawn, l.Open, l.Extended, l.Overdue} {
						row = append(row, strconv.Itoa(n))
					}
					rows = append(rows, append(row, fmt.Sprintf("%.1f", l.MedianDays)))
				}
				a.table([]string{"LAW", "KIND", "RECEIVED", "WHOLE", "PART", "DENIED", "NO DATA", "UNVERIFIED", "WITHDRAWN", "OPEN", "EXTENDED", "OVERDUE", "MEDIAN DAYS"}, rows)
				for _, l := range report.Lines {
					if l.Upheld+l.NotUpheld > 0 {
						a.say("%s complaints upheld: %d, not upheld: %d", l.Law, l.Upheld, l.NotUpheld)
					}
					for _, code := range sortedKeys(l.Refusals) {
						a.say("%s %s denied on %s: %d", l.Law, l.Kind, code, l.Refusals[code])
					}
				}
			})
		},
	}
	cmd.Flags().IntVar(&year, "year", 0, "the year, UTC (default: this one)")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "as CSV")
	return cmd
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (a *app) lettersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "letters", Short: "see and check what people are told", Example: "  habeas letters preview ack --lang zh"}
	cmd.AddCommand(a.lettersPreview(), a.lettersCheck())
	return cmd
}

// folder is where the company's own texts of letters lie: the folder given, or HABEAS_LETTERS.
func (a *app) folder(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	c, err := config.Load(a.getenv)
	return c.LettersFolder, err
}

func (a *app) lettersPreview() *cobra.Command {
	var lang, dir string
	var html bool
	cmd := &cobra.Command{
		Use: "preview TEMPLATE", Short: "render a letter with invented data",
		Long:    "Render a letter with invented data, and with your own texts where --folder or HABEAS_LETTERS names them.\nThe letters: " + strings.Join(templateNames(), ", ") + ".",
		Example: "  habeas letters preview ack --lang zh\n  habeas letters preview refused --lang en --html", Args: needs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := a.folder(dir)
			if err != nil {
				return err
			}
			if dir != "" {
				if err := letters.Use(os.DirFS(dir)); err != nil {
					return err
				}
			}
			if !slices.Contains(templateNames(), args[0]) {
				return fault.Newf(contract.ErrBadInput, "there is no letter %q", args[0]).WithHint("the letters are " + strings.Join(templateNames(), ", "))
			}
			fields := letters.Sample()
			if mapDir := a.getenv("HABEAS_DATAMAP"); mapDir != "" {
				m, err := datamap.Load(mapDir)
				if err != nil {
					return err
				}
				fields.Company = m.Company
			}
			message, err := letters.Render(letters.Template(args[0]), lang, fields)
			if err != nil {
				return err
			}
			version := letters.Version(letters.Template(args[0]), lang)
			return a.print(map[string]string{"subject": message.Subject, "text": message.Text, "html": message.HTML, "lang": message.Lang, "version": version}, func() {
				if html {
					_, _ = fmt.Fprintln(a.out, message.HTML)
					return
				}
				a.say("Subject: %s\n\n%s", message.Subject, message.Text)
			})
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "zh", "zh or en")
	cmd.Flags().StringVar(&dir, "folder", "", "folder with your own texts (default HABEAS_LETTERS)")
	cmd.Flags().BoolVar(&html, "html", false, "the HTML part")
	return cmd
}

func templateNames() []string {
	var names []string
	for _, t := range letters.Templates() {
		names = append(names, string(t))
	}
	return names
}

func (a *app) lettersCheck() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "check", Short: "check your own texts of letters: fields, languages, subject lines",
		Long:    "Check the texts in a folder, NAME.LANG.txt each. Exit status 1 when something is wrong, so that it can run in CI.",
		Example: "  habeas letters check --folder letters", Args: needs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.folder(dir)
			if err != nil {
				return err
			}
			if dir == "" {
				return misuse("which folder? give --folder or set HABEAS_LETTERS")
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return misuse("%s is not a folder that can be read", dir)
			}
			problems := letters.Check(os.DirFS(dir))
			if problems == nil {
				problems = []string{}
			}
			err = a.print(map[string][]string{"problems": problems}, func() {
				for _, p := range problems {
					a.say("%s", p)
				}
				if len(problems) == 0 {
					a.say("the texts are whole")
				}
			})
			if err == nil && len(problems) > 0 {
				err = fault.Newf(contract.ErrRefused, "%d faults in %s", len(problems), dir)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "folder", "", "folder with your own texts (default HABEAS_LETTERS)")
	return cmd
}
