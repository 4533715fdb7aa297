package main

import (
	"bytes"
	"fmt"
	"html"
)

// The picture of a row: two bars, ours above the floor, each with its spread as a line. It has no
// background of its own, so that it stands on a light page and on a dark one.
const (
	pictureWidth, pictureHeight = 640, 92
	barLeft, barWidth           = 70.0, 430.0
)

func picture(r Row) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="sans-serif" font-size="13">`+"\n", pictureWidth, pictureHeight)
	fmt.Fprintf(&out, "<title>%s</title>\n", html.EscapeString(fmt.Sprintf("%s: %s %s beside %s, ratio %s", r.Name, number(r.Ours.Median), r.Unit, number(r.Base.Median), ratio(r))))
	scale := barWidth / max(r.Ours.Most, r.Base.Most, 1e-9)
	bar := func(y float64, label, colour string, s Spread) {
		middle := y + 12
		fmt.Fprintf(&out, `<text x="%.0f" y="%.0f" text-anchor="end" fill="#888">%s</text>`+"\n", barLeft-8, middle+4, label)
		fmt.Fprintf(&out, `<rect x="%.0f" y="%.0f" width="%.1f" height="24" rx="2" fill="%s"/>`+"\n", barLeft, y, s.Median*scale, colour)
		fmt.Fprintf(&out, `<path d="M%.1f %.0fH%.1f" stroke="#333" stroke-width="2"/>`+"\n", barLeft+s.Least*scale, middle, barLeft+s.Most*scale)
		fmt.Fprintf(&out, `<text x="%.1f" y="%.0f" fill="#888">%s %s</text>`+"\n", barLeft+s.Most*scale+8, middle+4, html.EscapeString(number(s.Median)), html.EscapeString(r.Unit))
	}
	bar(8, "ours", "#2f6f9f", r.Ours)
	bar(40, "floor", "#b0b7bd", r.Base)
	goal := ""
	if r.Goal.String() != "" {
		goal = ", goal " + r.Goal.String() + ": " + verdict(r)
	}
	fmt.Fprintf(&out, `<text x="%.0f" y="84" fill="#888">%s</text>`+"\n</svg>\n", barLeft, html.EscapeString("ratio "+ratio(r)+goal))
	return out.Bytes()
}
