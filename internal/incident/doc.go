// Package incident is the file with which a notice begins: a breach, a change of the privacy policy,
// or a transfer of the business. It reads the file, says which mandatory parts are still empty under
// which law, and when which authority wants to hear of it.
//
// It promises that a file with a fault is refused whole, with the line of each fault; and that what
// is missing from a file is named in both languages before anything is sent. It is pure: whoever
// needs the time passes it in. What does not belong here: texts (internal/letters), who is concerned
// (internal/subject), sending.
package incident
