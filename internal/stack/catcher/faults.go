package catcher

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Fault is one programmed misbehaviour. Answers are written as SMTP writes them, "550 5.1.1" or
// "450" alone; a text of the server's own is added, which quotes the address as real servers do.
type Fault struct {
	Mail          string `json:"mail,omitempty"`            // answer to MAIL FROM
	Rcpt          string `json:"rcpt,omitempty"`            // answer to RCPT TO
	Data          string `json:"data,omitempty"`            // answer after the final dot; the letter is not kept
	DropAfterData bool   `json:"drop_after_data,omitempty"` // keep the letter, say nothing and hang up
	SMS           int    `json:"sms,omitempty"`             // HTTP status of the webhook; nothing is kept
	RetryAfter    int    `json:"retry_after,omitempty"`     // seconds, with SMS
	DelayMS       int    `json:"delay_ms,omitempty"`        // wait this long before the answer
	Match         string `json:"match,omitempty"`           // only for addresses that contain this
	Count         int    `json:"count,omitempty"`           // times left; 0 until disarmed
}

// The moments at which a fault can bite.
type moment int

const (
	atMail moment = iota
	atRcpt
	atData
	atSMS
)

// bites says whether the fault has something to do at that moment. One that only delays does so
// where a message is accepted.
func (f Fault) bites(m moment) bool {
	switch m {
	case atMail:
		return f.Mail != ""
	case atRcpt:
		return f.Rcpt != ""
	case atData:
		return f.Data != "" || f.DropAfterData || f.onlyDelays()
	case atSMS:
		return f.SMS != 0 || f.onlyDelays()
	}
	return false
}

func (f Fault) onlyDelays() bool {
	return f.DelayMS > 0 && f.Mail == "" && f.Rcpt == "" && f.Data == "" && !f.DropAfterData && f.SMS == 0
}

// check refuses what could never bite as meant.
func (f Fault) check() error {
	for _, answer := range []string{f.Mail, f.Rcpt, f.Data} {
		if answer == "" {
			continue
		}
		if _, err := parseAnswer(answer); err != nil {
			return err
		}
	}
	if f.SMS != 0 && (f.SMS < 300 || f.SMS > 599) {
		return fmt.Errorf("sms must be an HTTP status from 300 to 599, not %d", f.SMS)
	}
	if f.DelayMS < 0 || f.Count < 0 || f.RetryAfter < 0 {
		return fmt.Errorf("delay_ms, count and retry_after must not be negative")
	}
	for _, m := range []moment{atMail, atRcpt, atData, atSMS} {
		if f.bites(m) {
			return nil
		}
	}
	return fmt.Errorf("this fault does nothing: give one of mail, rcpt, data, drop_after_data, sms, delay_ms")
}

// parseAnswer reads "550", "550 5.1.1" or "550 5.1.1 text".
func parseAnswer(s string) (*smtp.SMTPError, error) {
	words := strings.SplitN(strings.TrimSpace(s), " ", 3)
	code, err := strconv.Atoi(words[0])
	if err != nil || code < 400 || code > 599 {
		return nil, fmt.Errorf("an answer starts with a code from 400 to 599, such as \"550 5.1.1\", not %q", s)
	}
	e := &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "fault armed in the catcher"}
	if len(words) > 1 {
		var c smtp.EnhancedCode
		if _, err := fmt.Sscanf(words[1], "%d.%d.%d", &c[0], &c[1], &c[2]); err != nil || c[0] != code/100 {
			return nil, fmt.Errorf("an enhanced code looks like %d.1.1, not %q", code/100, words[1])
		}
		e.EnhancedCode = c
	}
	if len(words) > 2 {
		e.Message = words[2]
	}
	return e, nil
}

// faults are those armed, in the order in which they were.
type faults struct {
	mu   sync.Mutex
	list []Fault
}

func (f *faults) arm(one Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

func (f *faults) armed() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.list...)
}

// take finds the first fault that bites for one of the addresses, counts it, and waits as long as
// it says.
func (f *faults) take(ctx context.Context, m moment, addresses ...string) (Fault, bool) {
	one, ok := f.pick(m, addresses)
	if ok && one.DelayMS > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(one.DelayMS) * time.Millisecond):
		}
	}
	return one, ok
}

func (f *faults) pick(m moment, addresses []string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.list {
		if !one.bites(m) || !matches(one.Match, addresses) {
			continue
		}
		switch one.Count {
		case 0: // for good
		case 1:
			f.list = append(f.list[:i:i], f.list[i+1:]...)
		default:
			f.list[i].Count--
		}
		return one, true
	}
	return Fault{}, false
}

func matches(part string, addresses []string) bool {
	for _, a := range addresses {
		if contains(a, part) {
			return true
		}
	}
	return part == ""
}
