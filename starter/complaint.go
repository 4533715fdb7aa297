package main

import (
	"strings"

	"github.com/habeas-dsr/habeas/internal/dsr"
)

// showRepeat prints how often a person has asked for the same, and what may be done about it.
func (a *app) showRepeat(id string, r *dsr.ShownRepeat) {
	of := r.Law
	if r.House {
		of += ", a number of our own"
	}
	a.say("this is request %d of the person of this kind within %s; beyond %d somebody looks (%s)", r.Count, r.Within, r.MoreThan, of)
	a.say("  %s (%s)", r.Source, r.GroundEN)
	for _, o := range r.Others {
		a.say("  case %s, received %s: %s %s", o.Case, o.ReceivedAt, o.State, o.Outcome)
	}
	a.say("  approve it, and the case goes on; or propose to refuse it, which two people sign:")
	a.say("  habeas case refuse %s --law %s --code %s --facts @facts.txt", id, r.Law, r.Ground)
}

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
