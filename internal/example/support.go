package example

import (
	"strconv"
	"strings"
	"time"
)

// ticket is one question of a holder.
type ticket struct {
	id             int64
	account        any // nil when nobody was signed in
	email, mobile  string
	subject        string
	status         string
	created, ended time.Time
}

var subjects = []string{
	"服务器无法连接", "发票抬头要修改", "域名解析不生效", "How do I rotate my access keys?",
	"-5% 折扣没有生效", "备案资料被退回", "Backup \"nightly\" failed, twice", "账单与用量不一致",
}

// ticket makes the j-th ticket of holder i.
func (m *maker) ticket(h holder, i, j int, s shape) ticket {
	d := m.dice(streamTickets, i*maxTickets+j)
	t := ticket{id: ticketID(i, j), account: h.id, email: h.email, mobile: h.mobile, subject: one(d, subjects), status: "closed"}
	t.created = d.between(m.o.Now.AddDate(-1, 0, 0), m.o.Now.AddDate(0, 0, -3))
	if d.percent(15) {
		t.status = one(d, []string{"open", "waiting"})
	} else {
		t.ended = d.between(t.created, m.o.Now)
	}
	if i < len(castHolders) {
		m.castTicket(d, &t, i, j)
		return t
	}
	switch p := d.IntN(100); {
	case p < 15: // nobody was signed in: one way to answer is all there is
		t.account = nil
		if h.email == "" || d.percent(40) {
			t.email, t.mobile = "", typedMobile(d, h.mobile)
		} else {
			t.mobile = ""
			if r := i % 100; r != twinEmail && r != twinEmail-1 && d.percent(30) {
				t.email = strings.ToUpper(strings.TrimSpace(h.email))
			}
		}
	case p < 25 && s.contacts > 0: // a designated contact wrote for the account
		c := m.contact(h, i, 0)
		t.email, t.mobile = c.email, c.mobile
	case p < 60:
		t.mobile = typedMobile(d, h.mobile)
	}
	return t
}

// castTicket: the first ticket of each was opened signed in; of the second and third nobody knows
// more than an e-mail or a mobile.
func (m *maker) castTicket(d *dice, t *ticket, i, j int) {
	if j == 0 {
		if i == castPlain {
			t.subject = "=SUM(A1:A3) 报表打不开"
		}
		return
	}
	t.account = nil
	switch {
	case t.email == "" || i == castSharedMobileA || (i == castPlain && j == 2):
		t.email, t.mobile = "", "+86 "+t.mobile[:4]+" "+t.mobile[4:7]+" "+t.mobile[7:]
	case i == castCaseTwinA && j == 2, i == castPlain, i == castEnglish:
		t.email, t.mobile = strings.ToUpper(t.email), ""
	default:
		t.mobile = ""
	}
}

func (m *maker) tickets(i int, emit emitter) error {
	s := m.shape(i)
	if s.tickets == 0 {
		return nil
	}
	h := m.holder(i)
	for j := range s.tickets {
		t := m.ticket(h, i, j, s)
		if err := emit(t.id, t.account, null(t.email), null(t.mobile), t.subject, t.status, t.created,
			nullTime(t.ended)); err != nil {
			return err
		}
	}
	return nil
}

// messages take turns: the customer writes, staff answer.
func (m *maker) messages(i int, emit emitter) error {
	s := m.shape(i)
	if s.tickets == 0 {
		return nil
	}
	h := m.holder(i)
	for j := range s.tickets {
		at := m.ticket(h, i, j, s).created
		for k := range s.messages[j] {
			d := m.dice(streamMessages, (i*maxTickets+j)*maxMessages+k)
			author, agent, body, files := "customer", "", m.question(d, h, i, j, k), "[]"
			if k%2 == 1 {
				author, agent, body = "staff", one(d, agents), answer(d, h)
			} else if d.percent(20) {
				files = attachments(d)
			}
			if err := emit(messageID(i, j, k), ticketID(i, j), author, null(agent), body, files, at); err != nil {
				return err
			}
			at = at.Add(time.Duration(60+d.IntN(7_200)) * time.Second)
		}
	}
	return nil
}

// question is what a customer writes; four in ten speak of somebody else by name and number.
func (m *maker) question(d *dice, h holder, i, j, k int) string {
	text := one(d, []string{
		"您好，控制台提示“连接超时”，重启后仍然如此。\n请尽快处理，谢谢！",
		"发票上的地址写错了，应为" + h.address + "，请重开。",
		"昨天的账单比平时高很多，麻烦核对一下用量明细。😟",
		"Hello,\nthe API answers 403 since Monday.\tPlease have a look; our path is C:\\backup\\\"nightly\".",
	})
	if h.language == "en" {
		text = "Hello, this is " + h.name + ".\nOur instance does not come up after the update; the console only says \"pending\"."
	}
	if i < len(castHolders) && j == 0 && k == 0 {
		switch i {
		case castPlain:
			return text + m.mention(d, m.holder(castEnglish)) + m.mention(d, m.outsider(d))
		case castEnglish:
			return text + m.mention(d, m.holder(castPlain))
		}
	}
	if !d.percent(40) {
		return text
	}
	if d.percent(50) {
		return text + m.mention(d, m.holder(len(castHolders)+d.IntN(m.o.People-len(castHolders))))
	}
	return text + m.mention(d, m.outsider(d))
}

// outsider is somebody with a name and a mobile who stands in no directory.
func (m *maker) outsider(d *dice) holder {
	name, _ := personName(d, "zh")
	return holder{name: name, mobile: mobile(mobileOthers + d.IntN(mobileRoom-mobileOthers))}
}

// mention speaks of somebody else.
func (m *maker) mention(d *dice, other holder) string {
	if d.percent(50) {
		return "\n如联系不上我，请找我的同事" + other.name + "，电话 " + other.mobile + "。"
	}
	return "\nYou may also reach " + other.name + " on " + other.mobile + "."
}

// answer is what staff write back.
func answer(d *dice, h holder) string {
	if h.language == "en" {
		return "Dear " + h.name + ",\nthank you for writing. We have restarted the service and see no further errors."
	}
	return one(d, []string{
		h.name + "您好，已为您重启相关服务，请再次尝试。",
		"尊敬的用户，您反馈的问题已转交技术人员，预计一个工作日内答复。",
		h.name + "您好，发票已作废重开，请在控制台下载。",
	})
}

// attachments is the list of files that came with a message; names may tell who is in them.
func attachments(d *dice) string {
	name, _ := personName(d, "zh")
	file := one(d, []string{"截图.png", "console \\\"error\\\".txt", name + "-授权书.pdf"})
	return `[{"name": "` + file + `", "size": ` + strconv.Itoa(1_000+d.IntN(900_000)) + `, "sha256": "` + d.hex(64) + `"}]`
}
