// Package portal is what Habeas says over HTTP: the pages on which a person proves who they are,
// sees how far their case is and downloads their package, and the codec endpoint with which the
// Temporal UI and command line show an operator what is sealed.
//
// It promises that nobody learns from it whether a case exists: before a right code, known and
// unknown case numbers get the same bytes after the same least time. It runs without scripts,
// asks nothing of third parties, keeps no state but a short-lived signed cookie, and writes no
// case number, code, address or query into the log.
//
// The forms, for whoever drives them without a browser, are ordinary form posts:
//
//	POST /case/code      id, purpose (verify, status or download)   303 to /case, always
//	POST /case/verify    id, code                                   303 to /case/verified
//	POST /case/status    id, code                                   303 to /case/status, with a cookie
//	POST /case/download  id, code                                   200, the package
//
// A code or case number that does not fit is 422, too many tries are 429 with Retry-After, a form
// sent from another site is 403, and a failure behind the portal is 503.
//
// What does not belong here: comparing codes, counting tries, sending letters or moving a case.
// That is the desk's; the portal only asks it.
package portal
