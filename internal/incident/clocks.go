package incident

import (
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// Clock is one authority that must hear of a breach, and until when.
type Clock struct {
	Authority string       `json:"authority"` // a word, such as "cn-cac"
	Law       string       `json:"law"`
	Name      datamap.Text `json:"name"`
	From      time.Time    `json:"from"`
	Due       time.Time    `json:"due"`
	Source    string       `json:"source"`
	Phases    bool         `json:"phases"` // what is not known yet may follow
}

// Levels of a Chinese incident by the number of people: 较大, 重大, 特别重大 include the number itself
// (国家网络安全事件报告管理办法, annex).
const largerPersons = 1_000_000

// Clocks lists the authorities that must hear of the breach, the earliest first. A law without a
// number ("immediately") gets the house's own: four hours.
func Clocks(f File) []Clock {
	if f.Kind != Breach {
		return nil
	}
	var list []Clock
	add := func(law, authority string, name datamap.Text, due time.Time, source string, phases bool) {
		if slices.Contains(f.Laws, law) {
			list = append(list, Clock{authority, law, name, f.AwareAt, due, source, phases})
		}
	}
	within, source := 4*time.Hour, "PIPL 57: immediately; four hours are the house's own number"
	if f.Severity.Persons >= largerPersons || f.Severity.Level == "larger" || f.Severity.Level == "major" || f.Severity.Level == "extreme" {
		source = "国家网络安全事件报告管理办法: 4 h"
		switch f.Severity.Operator {
		case "critical":
			within, source = time.Hour, "国家网络安全事件报告管理办法: 1 h, critical infrastructure"
		case "central":
			within, source = 2*time.Hour, "国家网络安全事件报告管理办法: 2 h, central organs"
		}
	}
	add("cn-pipl", "cn-cac", datamap.Text{ZH: "省级网信部门", EN: "Provincial cyberspace administration (CAC)"}, f.AwareAt.Add(within), source, true)
	if f.Severity.Risk != "none" {
		add("eu-gdpr", "eu-lead", datamap.Text{ZH: "欧盟主导监管机构", EN: "Lead supervisory authority (EU)"}, f.AwareAt.Add(72*time.Hour), "GDPR 33(1)", true)
		add("uk-gdpr", "uk-ico", datamap.Text{ZH: "英国信息专员办公室", EN: "Information Commissioner (UK)"}, f.AwareAt.Add(72*time.Hour), "UK GDPR 33(1)", true)
		add("br-lgpd", "br-anpd", datamap.Text{ZH: "巴西国家数据保护局", EN: "ANPD (Brazil)"}, businessDays(f.AwareAt, 3, "America/Sao_Paulo"), "Res. CD/ANPD 15/2024 Art. 6", true)
	}
	slices.SortStableFunc(list, func(a, b Clock) int { return a.Due.Compare(b.Due) })
	return list
}

// businessDays is the end of the n-th business day after a moment, in the zone. Holidays count as
// business days: the strict date is never later than the legal one.
func businessDays(from time.Time, n int, zone string) time.Time {
	place, err := time.LoadLocation(zone)
	if err != nil {
		place = time.UTC
	}
	y, m, d := from.In(place).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, place)
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			n--
		}
	}
	return day.AddDate(0, 0, 1)
}

// ClosingReport is when the closing report is due once handling has ended (30 days, 国家网络安全事件报告
// 管理办法), where Chinese law applies.
func ClosingReport(f File, ended time.Time) (Clock, bool) {
	if f.Kind != Breach || !slices.Contains(f.Laws, "cn-pipl") {
		return Clock{}, false
	}
	return Clock{
		Authority: "cn-cac-closing", Law: "cn-pipl", Name: datamap.Text{ZH: "省级网信部门（总结报告）", EN: "Provincial CAC (closing report)"},
		From: ended, Due: ended.AddDate(0, 0, 30), Source: "国家网络安全事件报告管理办法: 30 days after handling ends",
	}, true
}

// Due is until when people must have been told: California's 30 days from discovery and Brazil's
// three business days are the laws' numbers; three days are the house's own elsewhere ("without
// undue delay").
func (f File) Due(opened time.Time) time.Time {
	switch {
	case f.Policy != nil:
		return f.Policy.Effective
	case f.To != nil && !f.To.On.IsZero():
		return f.To.On
	case f.Kind != Breach:
		return opened.Add(7 * 24 * time.Hour)
	}
	return f.AwareAt.Add(72 * time.Hour)
}
