// Package letters is what people are told: the texts, the mail that carries them, and the two
// ways out of the house, SMTP and the company's SMS webhook.
//
// It makes these promises:
//
//   - A letter says the same in plain text and in HTML, because both come from one source. It
//     carries no link, no remote image and no attachment, and nothing personal that the caller
//     did not put into Fields. A field that a letter needs and does not get is an error.
//   - No field can add a header, a recipient or an SMTP command.
//   - What a server answers in words never leaves this package: such texts quote addresses.
//     Callers get codes, and errors of internal/fault whose text and cause are safe to log.
//   - One call of Mailer.Send is at most one delivery, with one exception that SMTP leaves open:
//     when the connection dies after the last line was sent, nobody knows. Undecided tells.
//
// What does not belong here: which letter is due, to whom, and that it is sent once. That is the
// outbox's work (internal/casefile) and the activity's. This package never reads the clock for
// what a letter says; time-outs are the only clock it has.
package letters
