package dsr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShownRoundTrip(t *testing.T) {
	t.Parallel()
	s := Shown{Ref: "case/A", Kind: TaskReview, Occasion: "1", Collections: []ShownCollection{{System: "support", Collection: "messages", Rows: 3, ThirdParty: []string{"body"}}}}
	raw, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadShown(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
	again, _ := back.Bytes()
	if string(again) != string(raw) {
		t.Error("not canonical")
	}
}

func TestUndecided(t *testing.T) {
	t.Parallel()
	s := Shown{Collections: []ShownCollection{
		{System: "support", Collection: "messages", Rows: 3, ThirdParty: []string{"body", "files"}},
		{System: "support", Collection: "empty", Rows: 0, ThirdParty: []string{"body"}},
	}}
	got := s.Undecided(map[string]string{"support.messages.body": ChoiceMask})
	if diff := cmp.Diff([]string{"support.messages.files"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMaskHides(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{
		{"email", "liming@mail.example", "l***@mail.example"},
		{"email", "not an address", "***"},
		{"mobile", "+8619900001234", "***1234"},
		{"mobile", "1234", "***"},
		{"name", "李明", "李***"},
		{"account", "li.ming", "l***"},
		{"name", "", "***"},
		{"", "anything", "***"},
	} {
		if got := Mask(tc[0], tc[1]); got != tc[2] {
			t.Errorf("Mask(%q, …): %q, want %q", tc[0], got, tc[2])
		}
		if tc[1] != "" && strings.Contains(Mask(tc[0], tc[1]), tc[1]) {
			t.Errorf("%s shows everything", tc[0])
		}
	}
}
