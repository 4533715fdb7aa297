package desk

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

func TestAYearInNumbers(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }
	line := YearLine{Law: "us-ca", Kind: "access", Refusals: map[string]int{}}
	for _, told := range []casefile.Told{
		{Outcome: "fulfilled", ReceivedAt: at(1), Answered: at(11)},
		{Outcome: "partial", ReceivedAt: at(1), Answered: at(21), Extended: true},
		{Outcome: "refused", ReceivedAt: at(1), Answered: at(4), Refusal: "us-ca/unverified"},
		{Outcome: "refused", ReceivedAt: at(1), Answered: at(2)},
		{Outcome: "unverified", ReceivedAt: at(1), Answered: at(15)}, // nobody was answered: not in the days
		{Outcome: "withdrawn", ReceivedAt: at(1), Answered: at(2)},
		{ReceivedAt: at(1), Overdue: true},
	} {
		line.count(told)
	}
	line.average()
	var csv strings.Builder
	if err := (YearReport{Year: 2026, Lines: []YearLine{line}}).WriteCSV(&csv); err != nil {
		t.Fatal(err)
	}
	want := "year,law,kind,received,complied_in_whole,complied_in_part,denied,no_data,unverified,withdrawn,other,upheld,not_upheld,open,extended,overdue,median_days,mean_days,refusals\n" +
		"2026,us-ca,access,7,1,1,2,0,1,1,0,0,0,1,1,1,6.5,8.5,at a review or a step: 1; us-ca/unverified: 1\n"
	if diff := cmp.Diff(want, csv.String()); diff != "" {
		t.Error(diff)
	}
}
