package datamap

import (
	"strings"
	"unicode"
)

// clue is what a column's name tells. Words are those of the name in lower case, in order and side
// by side; a name without separators (shoujihao, firstname) is one word.
type clue struct {
	words    string // alternatives, parted by |
	category string
	identity string // what a match by it would look for; may be empty
	weak     bool   // the identity counts only when the values are shaped like it
	third    bool   // speaks of somebody else as often as not
}

// clues are tried in order; the first that fits says it. English and pinyin.
var clues = []clue{
	{words: "password|passwd|pwd|pass hash|password hash|mima|salt|secret|token|api key|refresh token|access token|miyao|otp|pin code", category: "user.authorization.credentials"},
	{words: "agent name|staff name|handler name|operator name|kefu xingming", category: "user.name", third: true},
	{words: "emergency contact|jinji lianxiren|contact name|contact person|lianxiren|recipient|recipient name|receiver|receiver name|consignee|ship name|shoujianren|shouhuoren|referrer|tuijianren|guardian|jianhuren|spouse|peiou", category: "user.name", third: true},
	{words: "emergency phone|recipient phone|receiver phone|receiver mobile|ship phone|shoujianren dianhua", category: "user.contact.phone_number", third: true},
	{words: "id card|idcard|id card no|id card number|idcard no|identity card no|id number|idnumber|id no|idno|national id|identity number|identity card|identity no|citizen id|ssn|shenfenzheng|shenfenzheng hao|shenfenzhenghao|shenfenzhenghaoma|sfz|sfzh|sfzhm|zhengjianhao|zhengjianhaoma", category: "user.government_id.national_identification_number", identity: IdentityNationalID},
	{words: "passport|passport no|passport number|huzhao|huzhaohao", category: "user.government_id.passport_number"},
	{words: "driver license|drivers license|driving licence|jiazhao|jiashizheng", category: "user.government_id.drivers_license_number"},
	{words: "license plate|plate number|plate no|chepai|chepaihao", category: "user.government_id.vehicle_registration"},
	{words: "uscc|credit code|enterprise code|tongyi shehui xinyong daima|xinyongdaima|shuihao", category: "user.unique_id", identity: IdentityEnterpriseCode},
	{words: "email|e mail|mail|mail address|email address|youxiang|dianziyoujian|dianziyouxiang|youjian", category: "user.contact.email", identity: IdentityEmail},
	{words: "mobile|mobile phone|mobile no|mobile number|cell|cell phone|cellphone|msisdn|shouji|shoujihao|shoujihaoma|shouji hao|sjh|sjhm", category: "user.contact.phone_number", identity: IdentityMobile},
	{words: "phone|phone number|phone no|telephone|tel|home phone|work phone|dianhua|dianhuahaoma|lianxidianhua|lxdh", category: "user.contact.phone_number", identity: IdentityMobile, weak: true},
	{words: "fax|chuanzhen", category: "user.contact.fax_number"},
	{words: "wechat|weixin|wx open id|openid|unionid|qq|weibo|skype|twitter|facebook|linkedin|homepage|website", category: "user.contact.social_url"},
	{words: "username|user name|login|login name|loginname|account name|account no|nickname|nick name|nick|screen name|handle|yonghuming|zhanghao|denglu ming|dengluming|nicheng", category: "user.account.username", identity: IdentityAccount},
	{words: "first name|firstname|given name|givenname|forename|ming", category: "user.name.first"},
	{words: "last name|lastname|surname|family name|familyname|xing", category: "user.name.last"},
	{words: "full name|fullname|real name|realname|display name|customer name|user real name|xingming|zhenshixingming|mingzi|xm", category: "user.name"},
	{words: "birth|birthday|birth date|birthdate|date of birth|dob|shengri|chushengriqi|csrq", category: "user.demographic.date_of_birth"},
	{words: "gender|sex|xingbie|xb", category: "user.demographic.gender"},
	{words: "marital status|marital|hunyin|hunyinzhuangkuang", category: "user.demographic.marital_status"},
	{words: "nationality|citizenship|guoji", category: "user.demographic.citizenship_or_immigration_status"},
	{words: "ethnicity|ethnic|race|minzu", category: "user.demographic.race_ethnicity"},
	{words: "religion|zongjiao", category: "user.demographic.religious_belief"},
	{words: "language|lang|locale|yuyan", category: "user.demographic.language"},
	{words: "bank account|bank account no|account number|iban|bank card|card number|card no|yinhangka|yinhangkahao|yinhangzhanghao|kahao", category: "user.financial.bank_account"},
	{words: "credit card|cc number|pan|xinyongka", category: "user.financial.credit_card"},
	{words: "salary|income|wage|balance|gongzi|shouru|yue", category: "user.financial"},
	{words: "amount|price|total|subtotal|fee|freight|discount|cost|paid|jine|jiage|zongjia", category: "user.payment"},
	{words: "invoice|receipt|payment|fapiao", category: "user.payment"},
	{words: "postal code|postalcode|postcode|post code|zip|zip code|zipcode|youbian|youzhengbianma", category: "user.contact.address.postal_code"},
	{words: "city|town|chengshi", category: "user.contact.address.city"},
	{words: "country|guojia", category: "user.contact.address.country"},
	{words: "state province|province|region|district|county|prefecture|shengfen|sheng|qu", category: "user.contact.address.state"},
	{words: "street|road|jiedao", category: "user.contact.address.street"},
	{words: "address|address2|address line|addr|dizhi|zhuzhi|xiangxidizhi", category: "user.contact.address"},
	{words: "latitude|longitude|lat|lng|lon|gps|geo|coordinates|jingdu|weidu", category: "user.location.precise"},
	{words: "location|weizhi", category: "user.location.coarse"},
	{words: "ip|ip address|ipaddress|ip addr|client ip|remote addr|last ip", category: "user.device.ip_address"},
	{words: "device id|deviceid|imei|imsi|mac|mac address|idfa|oaid|android id|shebeihao", category: "user.device.device_id"},
	{words: "cookie|cookie id", category: "user.device.cookie_id"},
	{words: "user agent|useragent|browser|device|os version|shebei", category: "user.device"},
	{words: "fingerprint|face|voice print|zhiwen|renlian", category: "user.biometrics"},
	{words: "diagnosis|medical|health|disease|blood type|allergy|bingli|zhenduan|jibing", category: "user.health"},
	{words: "job title|title|position|occupation|zhiwei|zhiye", category: "user.professional_information.job_title"},
	{words: "company|company name|employer|workplace|organization|organisation|gongsi|danwei|gongsimingcheng", category: "user.professional_information.workplace"},
	{words: "photo|avatar|picture|portrait|touxiang|zhaopian", category: "user.content.self_image"},
	{words: "note|notes|remark|remarks|comment|comments|memo|body|message|content|text|feedback|beizhu|neirong|liuyan", category: "user.content.private", third: true},
	{words: "subject|description|summary|reason|biaoti|miaoshu", category: "user.content.private"},
	{words: "consent|opt in|optin|marketing|newsletter|subscribe|tongyi", category: "user.privacy_preferences"},
	{words: "preferences|settings|options|shezhi|pianhao", category: "user.settings"},
	{words: "attributes|profile|properties|metadata|extra|ziliao", category: "user.demographic.profile"},
	{words: "search|query|keyword|sousuo", category: "user.behavior.search_history"},
	{words: "purchase|order|goumai|dingdan", category: "user.behavior.purchase_history"},
	{words: "status|type|version|is deleted|deleted|row version|zhuangtai|leixing", category: "system.operations"},
}

// guess is what is thought of a column, and why.
type guess struct {
	category, identity string
	third              bool
	why                string
}

// guessColumn judges by the name, then by what the sampled values are shaped like, then by the
// kind of column.
func guessColumn(col CatalogColumn, sample ColumnSample, key, linked bool) guess {
	carries := col.Class == ClassText || col.Class == ClassNumber
	shape, count := sample.most()
	if key && shape == "" && col.Class != ClassTime || linked {
		return guess{category: "user.unique_id", why: map[bool]string{true: "it leads to another table", false: "it is the key"}[linked]}
	}
	if carries && shape != "" && count*2 >= sample.Values && sample.Values >= 3 {
		g := guess{category: shapeCategory[shape], identity: shape, why: countOf(count, sample.Values) + " sampled values are shaped like " + shapeWord[shape]}
		if c, ok := clueOf(col.Name); ok && c.identity == shape {
			g.why = "by its name; " + g.why
		} else if ok && c.third && Expects(c.category, shape) {
			g.third = true
		}
		return g
	}
	switch col.Class {
	case ClassTime:
		if c, ok := clueOf(col.Name); ok && c.category == "user.demographic.date_of_birth" {
			return guess{category: c.category, why: "by its name"}
		}
		return guess{category: "user.behavior", why: "it is a time"}
	case ClassBoolean:
		return guess{category: "user.settings", why: "it is yes or no"}
	}
	c, ok := clueOf(col.Name)
	switch {
	case !ok:
		return guess{category: "user", why: "neither its name nor its values tell"}
	case !carries:
		return guess{category: c.category, third: c.third, why: "by its name"}
	case c.weak || (c.identity != "" && col.Class == ClassNumber && c.identity != IdentityMobile):
		return guess{category: c.category, third: c.third, why: "by its name"}
	case c.identity != "" && c.identity != IdentityAccount && sample.Values >= 10 && sample.Shapes[c.identity] == 0 && shapeCategory[c.identity] != "":
		return guess{category: c.category, third: c.third, why: "by its name, though no sampled value is shaped like " + shapeWord[c.identity]}
	}
	return guess{category: c.category, identity: c.identity, third: c.third, why: "by its name"}
}

var shapeCategory = map[string]string{
	IdentityEmail: "user.contact.email", IdentityMobile: "user.contact.phone_number",
	IdentityNationalID: "user.government_id.national_identification_number",
}

var shapeWord = map[string]string{
	IdentityEmail: "an e-mail address", IdentityMobile: "a mobile", IdentityNationalID: "an ID number",
}

// clueOf finds the first clue that the name gives: all of the name first, then its end, then
// anything in it.
func clueOf(name string) (clue, bool) {
	spaced := strings.Join(wordsOf(name), " ")
	joined := strings.ReplaceAll(spaced, " ", "")
	fits := []func(words string) bool{
		func(words string) bool { return spaced == words || joined == strings.ReplaceAll(words, " ", "") },
		func(words string) bool { return strings.HasSuffix(spaced, " "+words) },
		func(words string) bool { return strings.Contains(" "+spaced+" ", " "+words+" ") },
	}
	for _, fit := range fits {
		for _, c := range clues {
			for words := range strings.SplitSeq(c.words, "|") {
				if fit(words) {
					return c, true
				}
			}
		}
	}
	return clue{}, false
}

// wordsOf parts a name at separators, capitals and digits: "ShipPostalCode" is ship, postal, code.
func wordsOf(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words, word = append(words, strings.ToLower(string(word))), nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))):
			end()
			word = append(word, r)
		default:
			word = append(word, r)
		}
	}
	end()
	return words
}

// Words in the names of tables: who is in them.
var (
	customerWords = []string{"user", "users", "customer", "customers", "client", "clients", "account", "accounts", "member", "members",
		"person", "persons", "people", "patient", "patients", "student", "students", "subscriber", "subscribers", "passenger", "passengers", "borrower", "borrowers", "tenant", "tenants", "guest", "guests",
		"yonghu", "kehu", "huiyuan", "chengyuan", "zhanghu", "huanzhe", "xuesheng"}
	staffWords = []string{"staff", "employee", "employees", "operator", "operators", "agent", "agents", "admin", "admins", "clerk", "clerks",
		"rep", "reps", "salesperson", "yuangong", "kefu", "guanliyuan", "zhigong"}
)

func namesOneOf(name string, words []string) bool {
	for _, word := range wordsOf(name) {
		for _, w := range words {
			if word == w {
				return true
			}
		}
	}
	return false
}
