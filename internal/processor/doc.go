// Package processor serves OpenDSR 2.0: by it one Habeas is the processor of other companies, and hears
// the callbacks of its own processors. A controller's signed request opens a deletion case at the desk;
// its status is what the casefile says; everything that is answered is signed.
//
// It promises that no body is read before its signature, certificate and domain have been verified, that
// the same request is one case however often it comes, and that nothing of a request is kept but what the
// case seals: encoded_request is answered and forgotten. What does not belong here: the messages and
// their signatures (internal/systems/opendsr), and what happens in the case.
package processor
