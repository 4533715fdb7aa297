package example

import "time"

// castSeed makes the cast's throws; it is fixed so that tests may know them.
const castSeed = 1

// Person is somebody whom the directory of the example company knows.
type Person struct {
	Collection string // "accounts.users" or "accounts.contacts"
	ID         int64  // the directory row's key
	Login      string // empty for a contact: they have no login
	Name       string
	Mobile     string // as stored: 11 digits
	Email      string // as stored; empty when there is none
	IDNumber   string // empty for a contact
	Language   string // "zh" or "en"
}

// E164 is the mobile number as Habeas writes it.
func (p Person) E164() string { return "+86" + p.Mobile }

// Characters are the people on whom the demo and the tests rely. They are there with any seed and
// any number of people, always the same.
type Characters struct {
	Plain   Person // speaks Chinese; rows in every collection of every system
	English Person // speaks English; rows in every system; one message speaks of Plain

	SharedMobileA, SharedMobileB Person // one mobile, two accounts; each with an e-mail of their own
	CaseTwinA, CaseTwinB         Person // e-mails that differ only in case; each with a mobile of their own

	NoEmail Person // mobile only; a ticket is found by the mobile alone
	NoData  Person // stands in the directory and nowhere else

	// AlsoContact has an account, and somebody else's account names them as a contact under the
	// same e-mail: AlsoUser is that row. Their mobiles differ.
	AlsoContact, AlsoUser Person
	// Contact is Plain's designated contact and nothing else.
	Contact Person
	// Heavy is the one to whom Options.Heavy gives more log rows.
	Heavy Person
}

// castHolder is what is fixed about one account holder of the cast; the rest is thrown.
type castHolder struct {
	login, name, email, language string
	mobile                       int // index into the cast's mobile numbers
	company                      bool
	shape                        shape
}

// The places of the cast among the holders.
const (
	castPlain = iota
	castEnglish
	castSharedMobileA
	castSharedMobileB
	castCaseTwinA
	castCaseTwinB
	castNoEmail
	castNoData
	castAlsoContact
	castHeavy
)

var castHolders = [...]castHolder{
	castPlain: {login: "linwan", name: "林晚舟", email: "linwan@mail.example", language: "zh", mobile: 0, company: true,
		shape: shape{contacts: 1, logins: 6, requests: 12, orders: 3, tickets: 3}},
	castEnglish: {login: "jane.hart", name: "Jane Hart", email: "jane.hart@post.example", language: "en", mobile: 1, company: true,
		shape: shape{contacts: 1, logins: 4, requests: 9, orders: 2, tickets: 2}},
	castSharedMobileA: {login: "zhouming", name: "周明远", email: "zhouming@inbox.example", language: "zh", mobile: 2,
		shape: shape{logins: 2, requests: 5, orders: 1, tickets: 2}},
	castSharedMobileB: {login: "zhoujing", name: "周静姝", email: "zhoujing@inbox.example", language: "zh", mobile: 2,
		shape: shape{contacts: 1, logins: 3, requests: 4, orders: 1, tickets: 1}},
	castCaseTwinA: {login: "annaberg", name: "Anna Berg", email: "anna.berg@inbox.example", language: "en", mobile: 3,
		shape: shape{logins: 2, requests: 3, orders: 1, tickets: 3}},
	castCaseTwinB: {login: "annaberg2", name: "Anna Bergen", email: "Anna.Berg@Inbox.Example", language: "en", mobile: 4,
		shape: shape{logins: 3, requests: 6, orders: 2, tickets: 2}},
	castNoEmail: {login: "sunfu", name: "孙福生", language: "zh", mobile: 5,
		shape: shape{logins: 1, requests: 2, orders: 1, tickets: 2}},
	castNoData: {login: "xuan", name: "许安", email: "xuan@mail.example", language: "zh", mobile: 6},
	castAlsoContact: {login: "tangning", name: "唐宁", email: "tangning@post.example", language: "zh", mobile: 7,
		shape: shape{logins: 2, requests: 3, orders: 1, tickets: 2}},
	castHeavy: {login: "zhenghai", name: "郑海潮", email: "zhenghai@keji.example", language: "zh", mobile: 8,
		shape: shape{logins: 5, requests: 10, orders: 1, tickets: 1}},
}

// dress puts what is fixed over what was thrown.
func (m *maker) dress(h *holder, i int) {
	c := castHolders[i]
	h.login, h.name, h.email, h.language = c.login, c.name, c.email, c.language
	h.mobile = mobile(mobileCast + c.mobile)
	h.idNumber = idNumber(i+1, time.Date(1980+i, time.Month(1+i), 10+i, 0, 0, 0, 0, time.UTC), 100+i)
	h.created = m.o.Since
	h.mobileSince, h.emailSince = m.o.Since, m.o.Since
	if h.email == "" {
		h.emailSince = time.Time{}
	}
	h.company, h.enterprise, h.fax, h.website, h.bankName, h.bankAccount = "", "", "", "", "", ""
	if c.company {
		m.enterprise(m.cast.at(streamPerson, 1_000+i), h)
	}
}

// castContact is the one designated contact of holder i of the cast.
func castContact(i int) (c contact, ok bool) {
	switch i {
	case castPlain:
		return contact{name: "何苗苗", mobile: mobile(mobileCast + 20), email: "hemiao@bangong.example", role: "finance"}, true
	case castEnglish:
		return contact{name: "Peter Marsh", mobile: mobile(mobileCast + 21), email: "peter.marsh@bangong.example", role: "technical"}, true
	case castSharedMobileB:
		also := castHolders[castAlsoContact]
		return contact{name: also.name, mobile: mobile(mobileCast + 22), email: also.email, role: "business"}, true
	}
	return contact{}, false
}

// Cast names them all. Their rows exist in whatever Generate or Load makes.
func Cast() Characters {
	return Characters{
		Plain: castPerson(castPlain), English: castPerson(castEnglish),
		SharedMobileA: castPerson(castSharedMobileA), SharedMobileB: castPerson(castSharedMobileB),
		CaseTwinA: castPerson(castCaseTwinA), CaseTwinB: castPerson(castCaseTwinB),
		NoEmail: castPerson(castNoEmail), NoData: castPerson(castNoData),
		AlsoContact: castPerson(castAlsoContact), AlsoUser: castContactPerson(castSharedMobileB),
		Contact: castContactPerson(castPlain), Heavy: castPerson(castHeavy),
	}
}

func castPerson(i int) Person {
	var h holder
	now := time.Unix(0, 0)
	m := newMaker(Options{Now: now, Since: now})
	m.dress(&h, i)
	return Person{
		Collection: "accounts.users", ID: int64(firstID + i), Login: h.login, Name: h.name,
		Mobile: h.mobile, Email: h.email, IDNumber: h.idNumber, Language: h.language,
	}
}

func castContactPerson(i int) Person {
	c, _ := castContact(i)
	return Person{
		Collection: "accounts.contacts", ID: contactID(i, 0), Name: c.name,
		Mobile: c.mobile, Email: c.email, Language: "zh",
	}
}
