package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/habeas-dsr/habeas/internal/chaos/audit"
)

// summary is what a run found.
type summary struct {
	Seed     uint64         `json:"seed"`
	Lasts    string         `json:"faults_for"`
	Took     string         `json:"took"`
	Cases    map[string]int `json:"cases"`    // by kind
	Faults   map[string]int `json:"faults"`   // injected, by kind
	LeftOut  []string       `json:"left_out"` // kinds that cannot be injected here, with why
	Answered []string       `json:"answered"` // tasks that staff have answered
	Seen     map[string]int `json:"seen"`     // what the auditor looked at
	Broken   []audit.Broken `json:"broken"`
	Folder   string         `json:"folder,omitempty"` // kept
	Again    string         `json:"again"`
}

func (s *saboteur) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.counts {
		n += times
	}
	return n
}

func (r *trial) summary() summary {
	s := summary{Seed: r.o.seed, Lasts: r.o.lasts.String(), Cases: map[string]int{}, LeftOut: r.cannot, Again: r.o.again(), Answered: r.driver.answered()}
	for _, round := range r.plays {
		for _, p := range round {
			s.Cases[p.kind.name]++
		}
	}
	r.mess.mu.Lock()
	defer r.mess.mu.Unlock()
	s.Faults = maps.Clone(r.mess.counts)
	return s
}

// mostTold is how many broken promises are told one by one.
const mostTold = 20

// tell prints what a run found, writes it as JSON where that is wanted, and says errBroken when a promise is.
func (s summary) tell(out io.Writer, o options) error {
	fmt.Fprintf(out, "\ncases: %s\n", counted(s.Cases))
	fmt.Fprintf(out, "faults injected:\n")
	for _, f := range faults {
		if n := s.Faults[f.name]; n > 0 {
			fmt.Fprintf(out, "  %-18s %4d\n", f.name, n)
		}
	}
	fmt.Fprintf(out, "tasks answered: %s\n", strings.Join(s.Answered, ", "))
	fmt.Fprintf(out, "seen:\n")
	for _, name := range slices.Sorted(maps.Keys(s.Seen)) {
		fmt.Fprintf(out, "  %10d %s\n", s.Seen[name], name)
	}
	for _, promise := range audit.Promises {
		word := "kept  "
		if slices.ContainsFunc(s.Broken, func(b audit.Broken) bool { return b.Promise == promise }) {
			word = "BROKEN"
		}
		fmt.Fprintf(out, "%s %s\n", word, promise)
	}
	if o.out != "" {
		raw, err := json.MarshalIndent(s, "", "  ")
		if err == nil {
			err = os.WriteFile(o.out, append(raw, '\n'), 0o600)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", o.out, err)
		}
	}
	if len(s.Broken) == 0 {
		fmt.Fprintf(out, "every promise was kept, in %s (seed %d)\n", s.Took, s.Seed)
		return nil
	}
	for _, b := range s.Broken[:min(len(s.Broken), mostTold)] {
		fmt.Fprintf(out, "broken: %s\n", b)
	}
	if more := len(s.Broken) - mostTold; more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	fmt.Fprintf(out, "run it again: %s\nwhat lies there is kept in %s\n", s.Again, s.Folder)
	return errBroken
}

func counted(m map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(list, ", ")
}
