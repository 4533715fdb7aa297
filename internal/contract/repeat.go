package contract

// LookForRepeats looks, once it is known who asks, for other requests of the same person and kind.
var LookForRepeats = Activity[RefInput, RepeatFacts]{"LookForRepeats"} // core

// RepeatFacts says how many others there are, open or closed, and whether a law has somebody asked.
type RepeatFacts struct {
	Others int
	Asked  bool
}
