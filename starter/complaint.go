package main

import (
	"strings"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

// showComplaint prints what whoever answers a complaint sees.
func (a *app) showComplaint(c *dsr.ShownComplaint) {
	a.say("a complaint about case %s (%s): %s %s", c.About, c.Kind, c.State, c.Outcome)
	a.say("  received %s, due %s%s", c.ReceivedAt, c.DueAt, behind(c.ClosedAt, ", closed "))
	a.say("  in the person's words: %s", dash(c.Words))
	to := map[string]string{dsr.ToRegistered: "the registered address of that case's person", dsr.ToGiven: "the address that came with the complaint"}
	a.say("  the answer goes to %s", to[c.AnswerTo])
	a.say("  had a part in that case, and may not answer: %s", dash(strings.Join(c.Involved, ", ")))
	a.say("  look at it with: habeas case timeline %s", c.About)
}
