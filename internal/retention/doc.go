// Package retention carries out the rules of the data map by which data goes whose time is up: which
// rules a system has and in which order they run, which rows are due at a moment, whose rows are left
// alone, the sweep itself in batches, and the proof afterwards.
//
// It promises: nothing that is not due at the run's nominal time is touched, nothing is touched twice,
// no row goes while another one refers to it, and a sweep that was killed at any moment goes on exactly
// where it was, with the right counts. What a sweep must remember it keeps in a Log, which is the
// casefile's; who may sweep at all, signatures and holds are the caller's.
package retention
