package mailing

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/habeas-dsr/habeas/internal/casefile"
)

// queue holds what was claimed of a page by receiving domain, and gives letters as the rates allow, one domain after the
// other, so that a slow one holds up nobody.
type queue struct {
	groups []*group
	turn   int
	all    *rate.Limiter
	pace   Pace
	left   int
	at     map[string]*group
	alone  map[string]bool // domains that are left alone
}

type group struct {
	domain string
	list   []casefile.Recipient
	limit  *rate.Limiter
}

func limiter(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/20))
}

func newQueue(list []casefile.Recipient, pace Pace) *queue {
	q := &queue{all: limiter(pace.Rate), pace: pace, at: map[string]*group{}, alone: map[string]bool{}}
	q.add(list)
	return q
}

// add takes more of the page in. Those of a domain that is left alone stay claimed, and are given
// back at the end.
func (q *queue) add(list []casefile.Recipient) {
	q.forget()
	for _, r := range list {
		domain := string(r.Domain)
		if q.alone[domain] {
			continue
		}
		g := q.at[domain]
		if g == nil {
			g = &group{domain: domain, limit: limiter(q.pace.PerDomain)}
			q.at[domain] = g
			q.groups = append(q.groups, g)
		}
		g.list = append(g.list, r)
		q.left++
	}
}

// forget drops domains without letters, unless their rate still has to be remembered.
func (q *queue) forget() {
	now := time.Now()
	q.groups = slices.DeleteFunc(q.groups, func(g *group) bool {
		rested := g.limit.Limit() == rate.Inf || g.limit.TokensAt(now) >= float64(g.limit.Burst())
		if len(g.list) > 0 || !rested {
			return false
		}
		delete(q.at, g.domain)
		return true
	})
}

func (q *queue) empty() bool { return q.left == 0 }

func (q *queue) setRate(perSecond int) {
	limit := rate.Inf
	if perSecond > 0 {
		limit = rate.Limit(perSecond)
	}
	if q.all.Limit() != limit {
		q.all.SetLimit(limit)
		q.all.SetBurst(max(1, perSecond/20))
	}
}

// take gives at most n letters that may go now.
func (q *queue) take(n int) []casefile.Recipient {
	var out []casefile.Recipient
	now := time.Now()
	for idle := 0; len(out) < n && q.left > 0 && idle < len(q.groups); {
		g := q.groups[q.turn%len(q.groups)]
		q.turn++
		if len(g.list) == 0 || !allowed(g.limit, now) || !allowed(q.all, now) {
			idle++
			continue
		}
		g.limit.AllowN(now, 1)
		q.all.AllowN(now, 1)
		idle = 0
		out = append(out, g.list[0])
		g.list = g.list[1:]
		q.left--
	}
	return out
}

func allowed(l *rate.Limiter, now time.Time) bool {
	return l.Limit() == rate.Inf || l.TokensAt(now) >= 1
}

// wait is a moment after which take may give more; nil when only the end of a letter helps.
func (q *queue) wait(full bool) <-chan time.Time {
	if full || q.left == 0 {
		return nil
	}
	return time.After(5 * time.Millisecond)
}

// drop takes a domain out: it asked to be left alone, and its letters are given back.
func (q *queue) drop(domain []byte) {
	q.alone[string(domain)] = true
	if g := q.at[string(domain)]; g != nil {
		q.left -= len(g.list)
		g.list = nil
	}
}
