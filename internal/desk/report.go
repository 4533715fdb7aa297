package desk

import (
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// YearLine counts the cases of one kind under one law (11 CCR 7102: received, complied with in whole
// or in part, denied, and the median and mean days until the answer).
type YearLine struct {
	Law        string         `json:"law"`
	Kind       string         `json:"kind"`
	Received   int            `json:"received"`
	Whole      int            `json:"complied_in_whole"`
	Part       int            `json:"complied_in_part"`
	Denied     int            `json:"denied"`
	NoData     int            `json:"no_data"`
	Unverified int            `json:"unverified"`
	Withdrawn  int            `json:"withdrawn"`
	Other      int            `json:"other"`  // linked to another case
	Upheld     int            `json:"upheld"` // of complaints
	NotUpheld  int            `json:"not_upheld"`
	Open       int            `json:"open"`
	Extended   int            `json:"extended"`
	Overdue    int            `json:"overdue"`
	MedianDays float64        `json:"median_days"`
	MeanDays   float64        `json:"mean_days"`
	Refusals   map[string]int `json:"refusals"` // by law and code
	days       []float64
}

// YearReport is a year's cases.
type YearReport struct {
	Year  int        `json:"year"`
	Lines []YearLine `json:"lines"`
}

// Report counts the cases that were received in a year (UTC), from the ledger alone. A case under
// several laws counts under each.
func (d *Desk) Report(ctx context.Context, year int) (YearReport, error) {
	if year < 2000 || year > d.Now().Year() {
		return YearReport{}, fault.Newf(contract.ErrBadInput, "there is no year %d to report on", year).WithHint("habeas report --year " + strconv.Itoa(d.Now().Year()))
	}
	lines := map[[2]string]*YearLine{}
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	err := d.Store.Tell(ctx, from, from.AddDate(1, 0, 0), func(t casefile.Told) {
		for _, law := range strings.Fields(t.Laws) {
			key := [2]string{law, t.Kind}
			if lines[key] == nil {
				lines[key] = &YearLine{Law: law, Kind: t.Kind, Refusals: map[string]int{}}
			}
			lines[key].count(t)
		}
	})
	report := YearReport{Year: year, Lines: []YearLine{}}
	for _, key := range slices.SortedFunc(maps.Keys(lines), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		lines[key].average()
		report.Lines = append(report.Lines, *lines[key])
	}
	return report, err
}

func (l *YearLine) count(t casefile.Told) {
	l.Received++
	switch dsr.Outcome(t.Outcome) {
	case "":
		l.Open++
	case dsr.Fulfilled:
		l.Whole++
	case dsr.PartlyDone:
		l.Part++
		if t.Refusal != "" {
			l.Refusals[t.Refusal]++
		}
	case dsr.Refused:
		l.Denied++
		l.Refusals[cmp.Or(t.Refusal, "at a review or a step")]++
	case dsr.NoData:
		l.NoData++
	case dsr.Unverified:
		l.Unverified++
	case dsr.Withdrawn:
		l.Withdrawn++
	case dsr.Upheld:
		l.Upheld++
	case dsr.NotUpheld:
		l.NotUpheld++
	default:
		l.Other++
	}
	if t.Extended {
		l.Extended++
	}
	if t.Overdue {
		l.Overdue++
	}
	answered := []dsr.Outcome{dsr.Fulfilled, dsr.PartlyDone, dsr.Refused, dsr.NoData, dsr.Upheld, dsr.NotUpheld}
	if slices.Contains(answered, dsr.Outcome(t.Outcome)) {
		l.days = append(l.days, t.Answered.Sub(t.ReceivedAt).Hours()/24)
	}
}

// average is the median and mean of the days until the answer, to a tenth of a day.
func (l *YearLine) average() {
	n := len(l.days)
	if n == 0 {
		return
	}
	slices.Sort(l.days)
	sum := 0.0
	for _, day := range l.days {
		sum += day
	}
	tenth := func(f float64) float64 { return float64(int(f*10+0.5)) / 10 }
	l.MedianDays, l.MeanDays = tenth((l.days[(n-1)/2]+l.days[n/2])/2), tenth(sum/float64(n))
}

// WriteCSV writes the report with one line a law and kind.
func (r YearReport) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"year", "law", "kind", "received", "complied_in_whole", "complied_in_part", "denied", "no_data", "unverified",
		"withdrawn", "other", "upheld", "not_upheld", "open", "extended", "overdue", "median_days", "mean_days", "refusals"})
	for _, l := range r.Lines {
		refusals := ""
		for _, code := range slices.Sorted(maps.Keys(l.Refusals)) {
			if refusals != "" {
				refusals += "; "
			}
			refusals += code + ": " + strconv.Itoa(l.Refusals[code])
		}
		row := []string{strconv.Itoa(r.Year), l.Law, l.Kind}
		for _, n := range []int{l.Received, l.Whole, l.Part, l.Denied, l.NoData, l.Unverified, l.Withdrawn, l.Other, l.Upheld, l.NotUpheld, l.Open, l.Extended, l.Overdue} {
			row = append(row, strconv.Itoa(n))
		}
		_ = out.Write(append(row, strconv.FormatFloat(l.MedianDays, 'f', 1, 64), strconv.FormatFloat(l.MeanDays, 'f', 1, 64), refusals))
	}
	out.Flush()
	return out.Error()
}
