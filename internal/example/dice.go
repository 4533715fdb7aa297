package example

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// A stream is one use of randomness. Every person has their own throws in every stream, so that a
// person can be made again at any time without making those before.
type stream uint64

const (
	streamPerson stream = iota + 1
	streamShape
	streamContacts
	streamLogins
	streamRequests
	streamOrders
	streamInvoices
	streamTickets
	streamMessages
	streamCookie
)

// dice are random numbers that can be set to any person and stream.
type dice struct {
	seed uint64
	src  *rand.PCG
	*rand.Rand
}

func newDice(seed int64) *dice {
	src := rand.NewPCG(0, 0)
	return &dice{seed: uint64(seed), src: src, Rand: rand.New(src)} //nolint:gosec // example rows, no secret
}

// at sets the dice to person i in stream s.
func (d *dice) at(s stream, i int) *dice {
	d.src.Seed(d.seed^uint64(s)*0x9e3779b97f4a7c15, uint64(i))
	return d
}

// percent is true n times in a hundred.
func (d *dice) percent(n int) bool { return d.IntN(100) < n }

// between gives a moment in [from, to), to the microsecond as PostgreSQL keeps it.
func (d *dice) between(from, to time.Time) time.Time {
	span := to.Sub(from)
	if span <= 0 {
		return from
	}
	return from.Add(time.Duration(d.Int64N(int64(span)))).Truncate(time.Microsecond)
}

// one picks from list.
func one[T any](d *dice, list []T) T { return list[d.IntN(len(list))] }

// ip is an address from the ranges kept for documentation: RFC 5737, and RFC 3849 one time in six.
func (d *dice) ip() string {
	if d.IntN(6) == 0 {
		return "2001:db8:" + strconv.FormatInt(int64(d.IntN(0xffff)), 16) + "::" + strconv.FormatInt(int64(1+d.IntN(0xfffe)), 16)
	}
	return one(d, documentationNets) + strconv.Itoa(1+d.IntN(254))
}

var documentationNets = []string{"192.0.2.", "198.51.100.", "203.0.113."}

const hexDigits = "0123456789abcdef"

// hex is n random hexadecimal digits.
func (d *dice) hex(n int) string {
	b := make([]byte, n)
	var bits uint64
	for i := range b {
		if i%16 == 0 {
			bits = d.Uint64()
		}
		b[i] = hexDigits[bits&15]
		bits >>= 4
	}
	return string(b)
}

// uuid is a random UUID, version 4.
func (d *dice) uuid() string {
	h := []byte(d.hex(32))
	h[12], h[16] = '4', "89ab"[h[16]&3]
	return string(h[:8]) + "-" + string(h[8:12]) + "-" + string(h[12:16]) + "-" + string(h[16:20]) + "-" + string(h[20:])
}
