package demo

import (
	"strings"
	"testing"
)

// The time that is filled in stands once in the file.
func TestBreachFileHasOneBlank(t *testing.T) {
	t.Parallel()
	if n := strings.Count(breachFile, "{{aware}}"); n != 1 {
		t.Errorf("%d blanks", n)
	}
}
