// Package mailing sends one page of a mass notice: it claims people from the frozen list, keeps to
// the rate of the whole and of each receiving domain, leaves a domain alone that asks for it, and
// writes down the beginning of each letter before the server sees it, and its end after.
//
// It promises that a letter is begun only when the casefile says so; that a killed process leaves
// undecided at most the letters between the two (a window of eight a connection); that one busy
// domain holds up no other; and constant memory: a claim and the next one of a page. What does not belong here: what
// a letter says, and who allowed it.
package mailing
