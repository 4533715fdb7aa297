// Package opendsr speaks OpenDSR 2.0 (formerly OpenGDPR), by which one company asks another to delete
// what it holds about a person: the messages, their signatures, who is trusted, and the caller.
//
// It promises that nothing is sent but to the host and port that the data map names, that no answer is
// believed whose signature, certificate or domain does not hold, and that encoded_request, which repeats
// the person's data, leaves this package for nowhere. The specification signs what a processor says;
// that a controller signs too (see Requesting) is by agreement, as the specification leaves the
// authentication of controllers open. What does not belong here: the server (internal/processor), and
// when something is asked (activities).
package opendsr
