package example

import (
	"strings"
	"time"
)

// emitter takes one row, its values in the order of the table's columns.
type emitter func(values ...any) error

// null is nil for an empty string.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nullTime is nil for the zero time.
func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func (m *maker) users(i int, emit emitter) error {
	h := m.holder(i)
	return emit(h.id, h.login, h.mobile, h.mobileSince, null(h.email), nullTime(h.emailSince), h.name,
		h.idNumber, null(h.enterprise), null(h.company), h.region, h.industry, h.address, null(h.fax),
		null(h.website), h.language, h.passphrase, h.cookie, h.marketing, h.created, h.lastLogin)
}

// contact is one designated contact of a holder.
type contact struct {
	name, mobile, email, role string
	since                     time.Time
}

// contact makes the j-th contact of holder i. Three in a hundred are the holder once more; five
// carry the e-mail of some other customer, as a colleague who has an account too.
func (m *maker) contact(h holder, i, j int) contact {
	if c, ok := castContact(i); ok && j == 0 {
		c.since = m.o.Since
		return c
	}
	d := m.dice(streamContacts, i*maxContacts+j)
	language := h.language
	c := contact{mobile: mobile(mobileContacts + i*maxContacts + j), role: one(d, roles)}
	var latin string
	c.name, latin = personName(d, language)
	c.email = latin + "." + d.hex(6) + "@" + one(d, mailDomains)
	c.since = d.between(h.created, m.o.Now)
	switch p := d.IntN(100); {
	case p < 3:
		c.name, c.mobile, c.email = h.name, h.mobile, h.email
	case p < 8:
		other := m.holder(len(castHolders) + d.IntN(m.o.People-len(castHolders)))
		c.name, c.email = other.name, other.email
	case p < 18:
		c.email = ""
	}
	return c
}

func (m *maker) contacts(i int, emit emitter) error {
	n := m.shape(i).contacts
	if n == 0 {
		return nil
	}
	h := m.holder(i)
	for j := range n {
		c := m.contact(h, i, j)
		if err := emit(contactID(i, j), h.id, c.name, c.mobile, null(c.email), c.role, c.since); err != nil {
			return err
		}
	}
	return nil
}

// logWindow is how far back network logs reach: they are kept six months.
func (m *maker) logWindow() (from, to time.Time) { return m.o.Now.AddDate(0, -6, 0), m.o.Now }

// loginLogs numbers its rows itself: nothing refers to them.
func (m *maker) loginLogs() func(i int, emit emitter) error {
	var id int64
	from, to := m.logWindow()
	return func(i int, emit emitter) error {
		n := m.shape(i).logins
		d := m.dice(streamLogins, i)
		agent, lang := one(d, userAgents), one(d, []string{"zh-CN,zh;q=0.9", "en-GB,en;q=0.8", ""})
		for range n {
			id++
			result := "ok"
			if d.percent(8) {
				result = "wrong_password"
			}
			if err := emit(id, int64(firstID+i), d.between(from, to), d.ip(), agent, null(lang), result); err != nil {
				return err
			}
		}
		return nil
	}
}

// requestLogs numbers its rows itself: nothing refers to them.
func (m *maker) requestLogs() func(i int, emit emitter) error {
	var id int64
	from, to := m.logWindow()
	return func(i int, emit emitter) error {
		n := m.shape(i).requests
		if n == 0 {
			return nil
		}
		cookie := m.holder(i).cookie
		d := m.dice(streamRequests, i)
		agent, ip := one(d, userAgents), d.ip()
		for range n {
			id++
			if d.percent(20) {
				ip = d.ip()
			}
			if err := emit(id, int64(firstID+i), d.between(from, to), ip, one(d, methods), one(d, paths),
				one(d, statuses), agent, cookie); err != nil {
				return err
			}
		}
		return nil
	}
}

// typedMobile writes a stored mobile as people type it into forms.
func typedMobile(d *dice, stored string) string {
	n := strings.TrimPrefix(stored, "+86")
	switch d.IntN(5) {
	case 0:
		return "+86 " + n[:4] + " " + n[4:7] + " " + n[7:]
	case 1:
		return "0086-" + n
	case 2:
		return n[:3] + "-" + n[3:7] + "-" + n[7:]
	}
	return n
}
