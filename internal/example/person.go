package example

import (
	"strconv"
	"strings"
	"time"
)

// firstID is the id of the first account; the others follow without gaps.
const firstID = 100_001

// holder is one account holder with all that their rows are made from. Strings that may be NULL
// are empty then.
type holder struct {
	id                                int64
	login, mobile, email              string
	name, idNumber, language          string
	company, enterprise, industry     string
	region, address, fax, website     string
	cookie                            string
	created, mobileSince, emailSince  time.Time
	lastLogin                         time.Time
	marketing                         bool
	bankName, bankAccount, passphrase string
}

// What makes a holder awkward follows from their place in the list, in every hundred of it.
const (
	sharesMobile = 40 // has the mobile of the one before: 1 %
	twinEmail    = 60 // has the e-mail of the one before, written in another case: 1 %
)

// noEmail is true for one holder in ten.
func noEmail(i int) bool { return i%10 == 5 }

// maker makes holders and their rows. It is not safe for use by several goroutines at once; each
// makes its own.
type maker struct {
	o    Options
	d    *dice // of the seed
	cast *dice // of the cast, who are the same whatever the seed
}

func newMaker(o Options) *maker {
	return &maker{o: o, d: newDice(o.Seed), cast: newDice(castSeed)}
}

// dice gives the dice for holder i.
func (m *maker) dice(s stream, i int) *dice {
	if i < len(castHolders) {
		return m.cast.at(s, i)
	}
	return m.d.at(s, i)
}

// holder makes the i-th account holder, 0 ≤ i < Options.People.
func (m *maker) holder(i int) holder {
	d := m.dice(streamPerson, i)
	h := m.stranger(d, i)
	switch {
	case i < len(castHolders):
		m.dress(&h, i)
	case i%100 == sharesMobile:
		h.mobile = m.holder(i - 1).mobile
	case i%100 == twinEmail:
		h.email = otherCase(m.holder(i - 1).email)
	case noEmail(i):
		h.email, h.emailSince = "", time.Time{}
	case i%100 != twinEmail-1 && d.percent(5):
		h.email = otherCase(h.email)
	case i%100 != twinEmail-1 && d.IntN(200) == 0:
		h.email = " " + h.email + " " // pasted with its blanks
	}
	return h
}

// stranger throws every field of a holder, before what their place makes of it.
func (m *maker) stranger(d *dice, i int) holder {
	h := holder{id: int64(firstID + i), mobile: mobile(i), language: "zh"}
	if i >= len(castHolders) && d.percent(10) {
		h.mobile = "+86" + h.mobile
	}
	if d.percent(12) {
		h.language = "en"
	}
	var latin string
	h.name, latin = personName(d, h.language)
	h.login = latin + strconv.Itoa(1000+i)
	h.email = h.login + "@" + one(d, mailDomains)
	h.idNumber = idNumber(d.IntN(100), m.birthday(d), d.IntN(1000))
	h.region, h.industry = one(d, regions), one(d, industries)
	h.address = h.region + one(d, roads) + strconv.Itoa(1+d.IntN(300)) + "号示例大厦" + strconv.Itoa(1+d.IntN(30)) + "层"
	h.cookie = d.uuid()
	h.passphrase = "$argon2id$v=19$m=65536,t=3,p=2$" + d.hex(22) + "$" + d.hex(43)
	h.marketing = d.percent(35)
	h.created = d.between(m.o.Since, m.o.Now.AddDate(0, -8, 0))
	h.mobileSince, h.emailSince = h.created, h.created
	if i >= len(castHolders) && d.percent(2) { // has changed the number within the last month
		h.mobileSince = d.between(m.o.Now.AddDate(0, -1, 0), m.o.Now)
	}
	h.lastLogin = d.between(m.o.Now.AddDate(0, -6, 0), m.o.Now)
	if d.percent(30) {
		m.enterprise(d, &h)
	}
	return h
}

// enterprise makes h sign for a company.
func (m *maker) enterprise(d *dice, h *holder) {
	h.company = strings.TrimSuffix(h.region, "市") + one(d, surnamesZH).text + one(d, givenZH).text + "示例" + one(d, tradesZH) + "有限公司"
	h.enterprise = creditCode(d.IntN(100), d.IntN(100_000_000))
	h.fax = "000-" + strconv.Itoa(10_000_000+d.IntN(89_999_999))
	h.website = "https://www." + h.login + ".example/"
	h.bankName = "示例银行" + h.region + "支行"
	h.bankAccount = "9900" + strconv.FormatInt(1_000_000_000_000+d.Int64N(8_999_999_999_999), 10)
}

// birthday makes everybody between 18 and 70 years old.
func (m *maker) birthday(d *dice) time.Time {
	return d.between(m.o.Now.AddDate(-70, 0, 0), m.o.Now.AddDate(-18, 0, 0))
}

// personName is a name as people of that language write it, and its letters for a login name.
func personName(d *dice, language string) (name, latin string) {
	if language == "en" {
		given, family := one(d, givenEN), one(d, surnamesEN)
		return given.text + " " + family.text, given.latin + "." + family.latin
	}
	family, given := one(d, surnamesZH), one(d, givenZH)
	return family.text + given.text, family.latin + given.latin
}

// otherCase writes the first letter and the domain as some people do: Jane@Post.Example.
func otherCase(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	host, top, _ := strings.Cut(domain, ".")
	return upperFirst(local) + "@" + upperFirst(host) + "." + upperFirst(top)
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
