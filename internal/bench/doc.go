// Command bench measures Habeas beside a floor or a rival in the same run. Every row is made of
// pairs: ours and the floor one right after the other, the order changing from pair to pair, so
// that what else the machine does meets both. What a row says is the median of the pairs' ratios,
// with the smallest and the largest.
//
// It uses the real programs on a stack of its own under the folder for temporary files, and takes
// that stack down again. `make bench` runs it; BENCH names the rows (with commas), BENCH_FULL=1
// takes the full sizes. It writes a table to standard output and bench.json.
//
// What does not belong here: tests. A figure is never asserted in a timed test.
package main
