package export

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// blobsOf is a blob store in memory.
type blobsOf map[string][]byte

func (b blobsOf) open(name string) (io.ReadCloser, error) {
	content, ok := b[name]
	if !ok {
		return nil, fmt.Errorf("no blob %s", name)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// bench is a package in the making: keys, parts, entries.
type bench struct {
	t     testing.TB
	id    *age.X25519Identity
	keys  *seal.Keys
	blobs blobsOf
	pkg   Package
}

func newBench(t testing.TB, lang string) *bench {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := seal.Init(dir); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("", 8*3600)
	return &bench{t: t, id: id, keys: keys, blobs: blobsOf{}, pkg: Package{
		CaseID: "7QK2M-9XH4T", Lang: lang, GeneratedAt: time.Date(2026, 3, 9, 10, 30, 7, 0, zone),
		Company: datamap.Company{
			Name:    datamap.Text{ZH: "青云栈科技", EN: "Cloudstack Azure-Sparrow"},
			Officer: "dpo@sparrow.example", Hotline: "400-000-0000", ReplyTo: "privacy@sparrow.example",
			Address: datamap.Text{ZH: "云州市栈道路1号", EN: "1 Trestle Road, Yunzhou"},
		},
		Facts: Facts{
			ReceivedAt:   time.Date(2026, 3, 2, 1, 5, 0, 0, time.UTC),
			Installation: keys.Installation(), Signer: keys.PublicKey(),
		},
	}}
}

// part seals plain as a part and gives its source.
func (b *bench) part(name string, rows int64, write func(io.Writer)) PartSource {
	b.t.Helper()
	var out bytes.Buffer
	w, err := NewPartWriter(&out, b.id.Recipient())
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Abort()
	write(w)
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.blobs[name] = out.Bytes()
	return PartSource{Name: name, Info: w.Info(rows)}
}

// add puts a collection in, with rows as the database writes them.
func (b *bench) add(c *datamap.Collection, jsonRows, csvRows []string, choices map[string]string) *Entry {
	b.t.Helper()
	array := "[\n" + strings.Join(jsonRows, ",\n")
	if len(jsonRows) > 0 {
		array += "\n"
	}
	array += "]\n"
	table := byteOrderMark + strings.Join(append([]string{headerRow(c)}, csvRows...), "\r\n") + "\r\n"
	rows := int64(len(jsonRows))
	b.pkg.Entries = append(b.pkg.Entries, Entry{
		Collection: c, Choices: choices,
		JSON: b.part(c.ID()+".json", rows, func(w io.Writer) { _, _ = io.WriteString(w, array) }),
		CSV:  b.part(c.ID()+".csv", rows, func(w io.Writer) { _, _ = io.WriteString(w, table) }),
	})
	return &b.pkg.Entries[len(b.pkg.Entries)-1]
}

func headerRow(c *datamap.Collection) string {
	var names []string
	for _, col := range c.Columns {
		if col.Ignore == "" {
			names = append(names, `"`+col.Name+`"`)
		}
	}
	return strings.Join(names, ",")
}

func (b *bench) sign(m []byte) ([]byte, error) { return b.keys.Sign(SignatureDomain, m) }

// assemble makes the package and gives manifest and decrypted ZIP.
func (b *bench) assemble() (Manifest, []byte) {
	b.t.Helper()
	m, zipped, err := b.tryAssemble()
	if err != nil {
		b.t.Fatal(err)
	}
	return m, zipped
}

func (b *bench) tryAssemble() (Manifest, []byte, error) {
	b.t.Helper()
	var out bytes.Buffer
	m, err := Assemble(b.t.Context(), b.pkg, b.blobs.open, b.id, b.id.Recipient(), b.sign, &out)
	if err != nil {
		return m, nil, err
	}
	plain, err := OpenPackage(&out, b.id)
	if err != nil {
		return m, nil, err
	}
	zipped, err := io.ReadAll(plain)
	return m, zipped, err
}

// unzip gives every file of a ZIP.
func unzip(t testing.TB, zipped []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		_ = r.Close()
		files[f.Name] = string(content)
	}
	return files
}

func verify(zipped []byte, pub ed25519.PublicKey) error {
	return VerifyPackage(bytes.NewReader(zipped), int64(len(zipped)), pub)
}

func tx(zh, en string) datamap.Text { return datamap.Text{ZH: zh, EN: en} }

// example is a company with three systems, as a person would see it.
func example(t testing.TB, lang string) *bench {
	b := newBench(t, lang)
	accounts := &datamap.System{Name: "accounts", Title: tx("账号系统", "Accounts"), Region: "cn"}
	billing := &datamap.System{Name: "billing", Title: tx("计费系统", "Billing"), Region: "cn"}
	support := &datamap.System{Name: "support", Title: tx("客服工单", "Support"), Region: "sg", Recipient: tx("听澜客服外包", "Tinglan Service Desk")}
	b.add(&datamap.Collection{
		System: accounts, Name: "users", Title: tx("账号资料", "Your account"),
		Purpose: tx("开立和管理您的账号", "To open and manage your account"), LegalBasis: "contract",
		Retention: tx("账号注销后 30 天", "30 days after the account is closed"), Source: tx("您注册时提供", "You, when you signed up"),
		Columns: []*datamap.Column{
			{Name: "id", Category: "user.unique_id", Title: tx("账号编号", "Account number")},
			{Name: "login", Category: "user.account.username", Title: tx("登录名", "Login name")},
			{Name: "real_name", Category: "user.name", Title: tx("姓名", "Name")},
			{Name: "email", Category: "user.contact.email", Title: tx("电子邮箱", "E-mail")},
			{Name: "mobile", Category: "user.contact.phone_number", Title: tx("手机号", "Mobile")},
			{Name: "id_number", Category: "user.government_id.national_identification_number", Title: tx("身份证号", "ID number"), Export: datamap.ExportMask, Mask: "id_number"},
			{Name: "password_hash", Category: "user.authorization.password", Title: tx("密码", "Password"), Export: datamap.ExportHeld},
			{Name: "enterprise", Category: "user.workplace", Title: tx("企业认证", "Company verified")},
			{Name: "created_at", Category: "user.behavior", Title: tx("注册时间", "Signed up")},
			{Name: "shard", Ignore: "technical"},
		},
	}, []string{
		`{"id":10245,"login":"wang_xm","real_name":"王小明","email":"Wang.XM@post.example","mobile":"+8613900000001","id_number":"9901**********1234","password_hash":true,"enterprise":false,"created_at":"2021-06-03T02:11:45.123456+00:00"}`,
	}, []string{
		`"10245","wang_xm","王小明","Wang.XM@post.example","'+8613900000001","9901**********1234","true","false","2021-06-03 02:11:45+00"`,
	}, nil)
	logins := &datamap.Collection{
		System: accounts, Name: "logins", Title: tx("登录记录", "Log-ins"),
		Purpose: tx("保护账号安全", "To keep accounts safe"), LegalBasis: "legal-obligation",
		Retention: tx("6 个月", "6 months"), Source: tx("您登录时自动产生", "Recorded when you log in"),
		Columns: []*datamap.Column{
			{Name: "id", Category: "system.operations", Title: tx("序号", "No.")},
			{Name: "at", Category: "user.behavior", Title: tx("时间", "Time")},
			{Name: "ip", Category: "user.device.ip_address", Title: tx("IP 地址", "IP address")},
			{Name: "user_agent", Category: "user.device", Title: tx("浏览器", "Browser")},
			{Name: "ok", Category: "user.behavior", Title: tx("成功", "Succeeded")},
		},
	}
	var j, c []string
	for i := range 457 {
		at := time.Date(2025, 11, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * 7 * time.Hour)
		agent := "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"
		j = append(j, fmt.Sprintf(`{"id":%d,"at":%q,"ip":"192.0.2.%d","user_agent":%q,"ok":%t}`, 880000+i, at.Format(time.RFC3339), i%200, agent, i%9 != 4))
		c = append(c, fmt.Sprintf(`"%d",%q,"192.0.2.%d",%q,"%t"`, 880000+i, at.Format(time.RFC3339), i%200, agent, i%9 != 4))
	}
	b.add(logins, j, c, nil)
	b.add(&datamap.Collection{
		System: billing, Name: "invoices", Title: tx("发票", "Invoices"),
		Purpose: tx("开具发票、记账", "To invoice and to keep accounts"), LegalBasis: "legal-obligation",
		Retention: tx("30 年（会计档案）", "30 years (accounting records)"), Source: tx("您填写的开票信息", "The billing details you gave us"),
		Recipients: []datamap.Text{tx("税务机关", "Tax authority"), tx("收款银行", "Our bank")},
		Columns: []*datamap.Column{
			{Name: "number", Category: "user.financial", Title: tx("发票号", "Invoice")},
			{Name: "title", Category: "user.name", Title: tx("抬头", "Issued to")},
			{Name: "amount", Category: "user.financial", Title: tx("金额（元）", "Amount (CNY)")},
			{Name: "bank_account", Category: "user.financial.bank_account", Title: tx("银行账号", "Bank account"), Export: datamap.ExportMask, Mask: "bank_account"},
			{Name: "address", Category: "user.contact.address", Title: tx("邮寄地址", "Postal address")},
			{Name: "issued_at", Category: "user.financial", Title: tx("开票时间", "Issued")},
		},
	}, []string{
		`{"number":"IN-2025-000117","title":"王小明","amount":1280.50,"bank_account":"6217 **** **** 0042","address":"云州市 桃溪区 5 号楼 <b>201</b> 室","issued_at":"2025-12-01T00:00:00+08:00"}`,
		`{"number":"IN-2026-000002","title":"王小明","amount":99999999999999999999.10,"bank_account":null,"address":"","issued_at":"2026-01-15T00:00:00+08:00"}`,
	}, []string{
		`"IN-2025-000117","王小明","1280.50","6217 **** **** 0042","云州市 桃溪区 5 号楼 <b>201</b> 室","2025-12-01"`,
		`"IN-2026-000002","王小明","99999999999999999999.10",,"","2026-01-15"`,
	}, nil)
	b.add(&datamap.Collection{
		System: billing, Name: "refunds", Title: tx("退款", "Refunds"),
		Purpose: tx("退还款项", "To pay money back"), LegalBasis: "contract", Retention: tx("30 年", "30 years"),
		Columns: []*datamap.Column{{Name: "id", Category: "user.financial"}},
	}, nil, nil, nil)
	b.add(messages(support), []string{
		`{"id":1,"author":"王小明","body":"您好，我同事李雷（13800000002，li.lei@post.example）也无法登录。\n请一并处理，谢谢！","agent":"陈晓","internal_note":"cc manager","sent_at":"2026-02-01T09:00:00+08:00"}`,
		`{"id":2,"author":"客服","body":"=SUM(A1) 已处理，工单 \"T-20260201\" 关闭 <script>alert(1)</script>","agent":"陈晓","internal_note":null,"sent_at":"2026-02-01T10:20:00+08:00"}`,
	}, []string{
		"\"1\",\"王小明\",\"您好，我同事李雷（13800000002，li.lei@post.example）也无法登录。\n请一并处理，谢谢！\",\"陈晓\",\"cc manager\",\"2026-02-01 09:00\"",
		`"2","客服","'=SUM(A1) 已处理，工单 ""T-20260201"" 关闭 <script>alert(1)</script>","陈晓",,"2026-02-01 10:20"`,
	}, map[string]string{"body": "mask", "agent": "mask", "author": "keep"})
	b.pkg.Facts.Missing = []Missing{{Title: tx("旧论坛存档", "Old forum archive"), Reason: tx("系统正在恢复，内容将另行提供", "it is being restored; we will send it to you later")}}
	return b
}

// messages is a collection in which others are spoken of.
func messages(s *datamap.System) *datamap.Collection {
	return &datamap.Collection{
		System: s, Name: "messages", Title: tx("工单留言", "Ticket messages"),
		Purpose: tx("回答您的问题", "To answer your questions"), LegalBasis: "contract",
		Retention: tx("结单后 3 年", "3 years after the ticket is closed"), Source: tx("您和客服人员的往来", "What you and our staff wrote"),
		Columns: []*datamap.Column{
			{Name: "id", Category: "system.operations", Title: tx("序号", "No.")},
			{Name: "author", Category: "user.name", Title: tx("作者", "Author"), ThirdParty: true},
			{Name: "body", Category: "user.content", Title: tx("内容", "Text"), ThirdParty: true},
			{Name: "agent", Category: "employee.name", Title: tx("客服人员", "Agent"), ThirdParty: true},
			{Name: "internal_note", Category: "user.content", Title: tx("内部备注", "Internal note"), ThirdParty: true},
			{Name: "sent_at", Category: "user.behavior", Title: tx("时间", "Sent")},
		},
	}
}

// rezip packs files again, with nothing of the original's headers.
func rezip(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
