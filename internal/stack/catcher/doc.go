// Package catcher takes the mail and the short messages of a local stack and shows them, so that
// a demo or a test can read what a person would have been sent. Nothing ever leaves it.
//
// It is an SMTP server, an SMS webhook as a company's gateway would offer it, a small web page
// that shows each letter as its reader would see it, and the same as JSON:
//
//	GET    /api/messages?to=…&limit=…   newest first, without bodies
//	GET    /api/messages/{id}           headers, text, html, attachments, raw
//	DELETE /api/messages
//	GET    /api/sms?to=…                newest first
//	DELETE /api/sms
//	GET    /api/faults                  what is armed
//	POST   /api/faults                  arm one: {"rcpt":"550 5.1.1","match":"someone","count":2}
//	DELETE /api/faults                  disarm all
//	POST   /sms                         the webhook
//
// It promises that what it acknowledged is still there after a SIGKILL: a message is a pair of
// files in its folder before the answer goes out. It listens on loopback only, and answers only
// requests addressed to loopback by name, because what it shows includes one-time codes.
// What does not belong here: anything that sends.
package catcher
