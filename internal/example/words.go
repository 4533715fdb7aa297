package example

// word is a written form and the letters it makes in a login name.
type word struct{ text, latin string }

// Chinese surnames and given names; any likeness is by chance.
var (
	surnamesZH = []word{
		{"王", "wang"}, {"李", "li"}, {"张", "zhang"}, {"刘", "liu"}, {"陈", "chen"}, {"杨", "yang"},
		{"黄", "huang"}, {"赵", "zhao"}, {"吴", "wu"}, {"周", "zhou"}, {"徐", "xu"}, {"孙", "sun"},
		{"马", "ma"}, {"朱", "zhu"}, {"胡", "hu"}, {"郭", "guo"}, {"何", "he"}, {"高", "gao"},
		{"林", "lin"}, {"罗", "luo"}, {"郑", "zheng"}, {"梁", "liang"}, {"谢", "xie"}, {"宋", "song"},
		{"唐", "tang"}, {"许", "xu"}, {"邓", "deng"}, {"韩", "han"}, {"冯", "feng"}, {"曹", "cao"},
		{"彭", "peng"}, {"曾", "zeng"}, {"欧阳", "ouyang"}, {"司徒", "situ"}, {"上官", "shangguan"},
	}
	givenZH = []word{
		{"伟", "wei"}, {"芳", "fang"}, {"娜", "na"}, {"敏", "min"}, {"静", "jing"}, {"磊", "lei"},
		{"强", "qiang"}, {"洋", "yang"}, {"艳", "yan"}, {"勇", "yong"}, {"杰", "jie"}, {"涛", "tao"},
		{"明", "ming"}, {"超", "chao"}, {"秀兰", "xiulan"}, {"霞", "xia"}, {"平", "ping"}, {"刚", "gang"},
		{"桂英", "guiying"}, {"子涵", "zihan"}, {"雨桐", "yutong"}, {"浩然", "haoran"}, {"思远", "siyuan"},
		{"晓彤", "xiaotong"}, {"俊熙", "junxi"}, {"欣怡", "xinyi"}, {"梓萱", "zixuan"}, {"文博", "wenbo"},
		{"海燕", "haiyan"}, {"志强", "zhiqiang"}, {"建国", "jianguo"}, {"丽华", "lihua"}, {"一诺", "yinuo"},
	}
	surnamesEN = []word{
		{"Hart", "hart"}, {"Brook", "brook"}, {"Fielding", "fielding"}, {"Marsh", "marsh"}, {"Quill", "quill"},
		{"O'Dell", "odell"}, {"Søberg", "soberg"}, {"Núñez Vale", "nunezvale"}, {"Lindqvist", "lindqvist"},
		{"van der Wold", "vanderwold"}, {"Müllerin", "mullerin"}, {"Ashgrove", "ashgrove"}, {"Tarn", "tarn"},
		{"Pellow", "pellow"}, {"Okonjo", "okonjo"}, {"Ravel-Stone", "ravelstone"}, {"Kestrel", "kestrel"},
	}
	givenEN = []word{
		{"Jane", "jane"}, {"Tom", "tom"}, {"Anna", "anna"}, {"Peter", "peter"}, {"Zoë", "zoe"}, {"Hugh", "hugh"},
		{"Mary Ann", "maryann"}, {"José", "jose"}, {"Ingrid", "ingrid"}, {"Samuel", "samuel"}, {"Priya", "priya"},
		{"Walter", "walter"}, {"Lucía", "lucia"}, {"Femi", "femi"}, {"Nora", "nora"}, {"Émile", "emile"},
	}
)

// mailDomains end in .example (RFC 2606): nothing can be delivered there.
var mailDomains = []string{
	"mail.example", "post.example", "inbox.example", "youxiang.example", "bangong.example", "keji.example",
}

var (
	regions    = []string{"北京市", "上海市", "浙江省", "广东省", "江苏省", "四川省", "湖北省", "陕西省", "福建省", "山东省"}
	industries = []string{"软件和信息服务", "电子商务", "游戏", "教育", "制造", "金融服务", "物流", "医疗健康", "个人开发"}
	roads      = []string{"云栈路", "示例大道", "样本街", "虚构巷", "演示一路"}
	tradesZH   = []string{"科技", "网络", "信息技术", "数据", "软件"}
	roles      = []string{"finance", "technical", "security", "business"}
	agents     = []string{"客服小云", "客服小栈", "工程师阿示", "工程师阿例", "Support Ada", "Support Ben"}
)

var userAgents = []string{
	"Mozilla/5.0 (Desktop; x86_64; rv:127.0) ExampleBrowser/127.0",
	"Mozilla/5.0 (Desktop; arm64) ExampleKit/605.1.15 (HTML, like others) Version/17.5",
	"Mozilla/5.0 (Phone; zh-CN) ExampleKit/537.36 Mobile/125.0.0.0",
	"Mozilla/5.0 (Tablet; en) ExampleKit/537.36 Mobile/124.0.1.2",
	"yunzhan-cli/2.4.1 (linux; amd64)",
	"yunzhan-sdk-go/1.19.0",
}

var (
	methods = []string{"GET", "GET", "GET", "GET", "POST", "PUT", "DELETE"}
	paths   = []string{
		"/console/overview", "/console/instances", "/console/instances/new", "/console/billing/orders",
		"/console/billing/invoices?page=2", "/api/v2/instances", "/api/v2/buckets/backup/objects?prefix=2026%2F",
		"/api/v2/keys", "/console/support/tickets", "/console/账户/安全设置",
	}
	statuses = []int64{200, 200, 200, 200, 201, 204, 302, 304, 400, 403, 404, 429, 500}
)

// product is something the company sells.
type product struct {
	sku, text string
	cents     int64
}

var products = []product{
	{"ecs.s2.small", "云服务器 1核2G，包月", 4_900}, {"ecs.s2.large", "云服务器 4核16G，包月", 39_900},
	{"rds.pg.2c4g", "云数据库 PostgreSQL 版 2核4G", 28_800}, {"oss.1t", "对象存储 1 TB 资源包", 9_900},
	{"cdn.500g", "CDN 流量包 500 GB", 7_500}, {"ssl.dv", "DV SSL 证书，一年", 6_800},
	{"domain.example", "域名注册（.example），一年", 5_500}, {"support.pro", "专业支持计划 \"Pro\", monthly", 120_000},
}
