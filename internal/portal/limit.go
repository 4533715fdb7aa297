package portal

import (
	"container/list"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits are how often the portal may be used. They hold per portal process; a zero is the
// default.
type Limits struct {
	// AddressPerMinute is how many forms one address may send a minute in the long run, and
	// AddressBurst how many at once; a page that is only looked at counts a fifth. An address is
	// one IPv4 address or an IPv6 /64. Defaults: 60 and 30, as many people may share an address.
	AddressPerMinute, AddressBurst int
	// CasePerMinute and CaseBurst bound the forms about one case number, whether it exists or
	// not. Defaults: 6 and 12.
	CasePerMinute, CaseBurst int
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, to int) {
		if *field <= 0 {
			*field = to
		}
	}
	set(&l.AddressPerMinute, 60)
	set(&l.AddressBurst, 30)
	set(&l.CasePerMinute, 6)
	set(&l.CaseBurst, 12)
	return l
}

// What a request takes out of its address's bucket.
const (
	pageCost = 1
	formCost = 5
)

// maxBuckets bounds the memory that strangers can make us use; the bucket that was not used for
// longest is forgotten first.
const maxBuckets = 20_000

// buckets is a bounded set of token buckets by key.
type buckets struct {
	mu    sync.Mutex
	rate  rate.Limit
	burst int
	max   int
	byKey map[string]*list.Element
	used  *list.List // of *bucket, the latest used in front
}

type bucket struct {
	key     string
	limiter *rate.Limiter
}

func newBuckets(perMinute, burst int) *buckets {
	return &buckets{
		rate: rate.Limit(float64(perMinute) / 60), burst: burst, max: maxBuckets,
		byKey: map[string]*list.Element{}, used: list.New(),
	}
}

// take takes n tokens out of the key's bucket. It returns 0, or how long to wait for them; then
// nothing was taken.
func (b *buckets) take(key string, n int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.bucket(key).limiter.ReserveN(now, n)
	if !r.OK() { // more than a full bucket holds: Limits are set too low for it
		return time.Minute
	}
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func (b *buckets) bucket(key string) *bucket {
	if e, ok := b.byKey[key]; ok {
		b.used.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if b.used.Len() >= b.max {
		oldest := b.used.Back()
		delete(b.byKey, oldest.Value.(*bucket).key)
		b.used.Remove(oldest)
	}
	fresh := &bucket{key: key, limiter: rate.NewLimiter(b.rate, b.burst)}
	b.byKey[key] = b.used.PushFront(fresh)
	return fresh
}

// limited takes cost out of the bucket of the request's address before next may answer.
func (s *server) limited(cost int, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := s.addresses.take(s.addressKey(r), cost, s.Now()); wait > 0 {
			s.tooMany(w, r, wait)
			return
		}
		next(w, r)
	})
}

// caseLimited takes one form out of the case's bucket and answers 429 when it is empty. It comes
// after the address's bucket, so that one limited address cannot use up somebody's case.
func (s *server) caseLimited(w http.ResponseWriter, r *http.Request, caseID string) bool {
	wait := s.cases.take(caseID, 1, s.Now())
	if wait > 0 {
		s.tooMany(w, r, wait)
	}
	return wait > 0
}

func (s *server) tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	s.problem(w, r, http.StatusTooManyRequests, "problem.limited")
}
