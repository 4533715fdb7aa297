package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds and defaults.
const (
	usualFor   = 3 * time.Minute
	usualCases = 60
	mostCases  = 1_000
	// patience is how long the cases may take to end once every fault has.
	patience = 15 * time.Minute
)

// options are what a run is told.
type options struct {
	seed  uint64
	lasts time.Duration // how long there are faults
	cases int           // at once; a longer run opens as many again every three minutes
	out   string        // file for the report as JSON; empty: none
	dir   string        // of the stack; empty: one under the folder for temporary files
	src   string        // the checkout that the programs are built from; empty: the working folder
	bin   string        // with programs that were built before; empty: they are built
	kinds []string      // of cases; empty: all
	only  []string      // kinds of faults; empty: all
	keep  bool          // the folder, also where nothing is broken
}

// readOptions takes them from the environment.
func readOptions(getenv func(string) string) (options, error) {
	o := options{seed: rand.Uint64N(1_000_000_000), //nolint:gosec // drawn by lot, and printed
		lasts: usualFor, cases: usualCases, out: getenv("CHAOS_OUT"), dir: getenv("CHAOS_DIR"),
		bin: getenv("CHAOS_BIN"), keep: getenv("CHAOS_KEEP") == "1"}
	var err error
	if v := getenv("CHAOS_SEED"); v != "" {
		if o.seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			return o, fmt.Errorf("CHAOS_SEED=%q is no whole number from 0 on", v)
		}
	}
	if v := getenv("CHAOS"); v != "" {
		if o.lasts, err = time.ParseDuration(v); err != nil || o.lasts < 10*time.Second || o.lasts > 48*time.Hour {
			return o, fmt.Errorf("CHAOS=%q is no length of time from 10s to 48h; write 3m or 1h", v)
		}
	}
	if v := getenv("CHAOS_CASES"); v != "" {
		if o.cases, err = strconv.Atoi(v); err != nil || o.cases < 1 || o.cases > mostCases {
			return o, fmt.Errorf("CHAOS_CASES=%q is no number from 1 to %d", v, mostCases)
		}
	}
	if o.kinds, err = listed("CHAOS_KINDS", getenv("CHAOS_KINDS"), kindNames()); err != nil {
		return o, err
	}
	o.only, err = listed("CHAOS_FAULTS", getenv("CHAOS_FAULTS"), faultNames())
	return o, err
}

// listed reads a list with commas of names that are known.
func listed(variable, value string, known []string) ([]string, error) {
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	for _, name := range list {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s knows no %q; it takes %s", variable, name, strings.Join(known, ", "))
		}
	}
	return list, nil
}

// rounds is how often the cases are opened anew.
func (o options) rounds() int { return max(1, int(o.lasts/usualFor)) }

// again is the command that runs it again.
func (o options) again() string {
	s := fmt.Sprintf("CHAOS_SEED=%d CHAOS=%s CHAOS_CASES=%d", o.seed, o.lasts, o.cases)
	if len(o.kinds) > 0 {
		s += " CHAOS_KINDS=" + strings.Join(o.kinds, ",")
	}
	if len(o.only) > 0 {
		s += " CHAOS_FAULTS=" + strings.Join(o.only, ",")
	}
	return s + " make chaos"
}
