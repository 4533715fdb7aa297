package export

// words is every text of the pages in one language. "%s" and "%d" are filled in.
type words struct {
	Lang                                                    string // of the html element
	Title, Subtitle, CaseNo, Received, Generated            string
	Intro, Keep                                             string
	Contents, System, Collection, Rows, Files, Total        string
	AttachedText                                            string
	MissingTitle, MissingText                               string
	DisclosedTitle, DisclosedText                           string
	NotesTitle, NoteMasked, NoteHeld, NoteOthers, NoteFiles string
	ReadTitle, ReadCSV, ReadQuote, ReadJSON, ReadManifest   string
	ReadContext                                             string
	ContactTitle, ContactText, Officer, Hotline, Mail, Post string
	Purpose, LegalBasis, Retention, Source, Recipients      string
	StoredIn, ThirdParty, NoRecipients, NotStated           string
	FirstRows, NoRows, OneRow, ManyRows                     string
	LeftOut, Others, OthersLater, PartlyHidden              string
	Yes, No, Nothing, IsHeld, NotHeld, Cut                  string
	ContextTitle, ContextIntro, Back, Column, InFile, What  string
	Date, Separator, End                                    string
	Treatment                                               map[string]string
	Bases                                                   map[string]string
}

var languages = map[string]*words{"zh": &chinese, "en": &english}

var chinese = words{
	Lang:  "zh-CN",
	Title: "您的个人信息副本", Subtitle: "由%s提供",
	CaseNo: "编号", Received: "收到请求", Generated: "生成时间",
	Intro: "您请求查阅、复制我们所持有的您的个人信息。这里是我们在各业务系统中找到的全部内容，以及我们为什么持有这些信息、保存多久、提供给谁。",
	Keep:  "请妥善保管：任何拿到此文件的人都能读到其中的内容。不再需要时请删除。",

	Contents: "目录", System: "业务系统", Collection: "内容", Rows: "条数", Files: "文件", Total: "合计",
	AttachedText:   "以下文件由工作人员从无法自动查询的系统中取出：",
	DisclosedTitle: "向有关机关的提供",
	DisclosedText:  "我们曾依法向以下机关提供您的个人信息：",
	MissingTitle:   "暂缺的部分",
	MissingText:    "以下部分未包含在本副本中：",
	NotesTitle:     "有些内容不是原样",
	NoteMasked:     "部分隐藏：证件号码、银行账号等只显示一部分，以防此文件落入他人之手时被冒用。",
	NoteHeld:       "仅说明是否持有：例如密码。我们不保存密码原文，只说明是否存有其校验值。",
	NoteOthers:     "涉及他人：自由填写的文字可能提到其他人。这些内容经人工审核后，可能被隐去或者不予提供，以保护他人的权益。",
	NoteFiles:      "每一部分下方都写明了哪些字段作了处理。",
	ReadTitle:      "如何使用这些文件",
	ReadCSV:        "CSV 文件可以直接用 Excel、WPS 表格或 Numbers 打开，每行一条记录。",
	ReadQuote:      "为防止表格软件把内容当作公式执行，以 =、+、-、@ 开头的文字前加了一个单引号（'）。长数字在表格软件中可能显示为科学计数法，请以 JSON 文件为准。",
	ReadJSON:       "JSON 文件内容相同，供程序读取，或供您转移到其他服务。",
	ReadManifest:   "manifest.json 列出每个文件的 SHA-256 校验值，manifest.sig 是我们的签名，可用来证明文件未被改动。",
	ReadContext:    "处理目的、合法性基础、保存期限和接收方的完整说明",
	ContactTitle:   "有疑问，或发现有误？",
	ContactText:    "您可以要求我们更正、补充或删除您的个人信息。联系时请告知编号 %s。",
	Officer:        "个人信息保护负责人", Hotline: "电话", Mail: "电子邮箱", Post: "地址",

	Purpose: "处理目的", LegalBasis: "合法性基础", Retention: "保存期限", Source: "信息来源", Recipients: "接收方",
	StoredIn: "存储地点", ThirdParty: "由第三方%s处理", NoRecipients: "不向他人提供", NotStated: "未说明",
	FirstRows: "这里显示前 %s 条，共 %s 条；全部内容在文件中。",
	NoRows:    "没有找到与您有关的记录。", OneRow: "1 条", ManyRows: "%s 条",
	LeftOut: "未提供", Others: "因涉及他人，经审核后未提供", OthersLater: "可能涉及他人，未提供", PartlyHidden: "部分隐藏",
	Yes: "是", No: "否", Nothing: "—", IsHeld: "持有（不显示）", NotHeld: "未持有", Cut: "…（全文见文件）",

	ContextTitle: "我们如何处理您的个人信息",
	ContextIntro: "下面逐项说明每一类信息的处理目的、合法性基础、保存期限、来源、接收方和存储地点，以及每个字段在本副本中的呈现方式。",
	Back:         "返回您的个人信息", Column: "字段", InFile: "文件中的名称", What: "在本副本中",
	Date: "2006年1月2日 15:04（UTC-07:00）", Separator: "、", End: "。",
	Treatment: map[string]string{
		Shown: "原样显示", Masked: "部分隐藏", Held: "仅说明是否持有",
		Redacted: "为保护他人权益，已全部或部分隐去", Dropped: "因涉及他人，经审核后未提供", Withheld: "可能涉及他人，未提供",
	},
	Bases: map[string]string{
		"consent": "您的同意", "contract": "为订立、履行您作为一方当事人的合同所必需",
		"legal-obligation": "为履行法定职责或者法定义务所必需", "legitimate-interest": "我们或第三方的正当利益",
		"vital-interest": "为保护自然人的生命健康和财产安全所必需", "public-task": "为公共利益所必需",
		"human-resources": "实施人力资源管理所必需", "public-health": "为应对突发公共卫生事件所必需",
		"public-information": "在合理范围内处理您自行公开或其他已合法公开的信息",
	},
}

var english = words{
	Lang:  "en",
	Title: "Your personal data", Subtitle: "from %s",
	CaseNo: "Case", Received: "Request received", Generated: "Prepared",
	Intro: "You asked us what we hold about you. This is a copy of everything that we found in our systems, and with it why we hold it, for how long, and who receives it.",
	Keep:  "Please keep it safe: anyone who has this file can read what is in it. Delete it when you no longer need it.",

	Contents: "Contents", System: "System", Collection: "What", Rows: "Records", Files: "Files", Total: "Total",
	AttachedText:   "These files were taken by our staff from systems that cannot be searched automatically:",
	DisclosedTitle: "Given to authorities",
	DisclosedText:  "The law had us give data about you to these authorities:",
	MissingTitle:   "What is not in here",
	MissingText:    "These parts are missing from this copy:",
	NotesTitle:     "Some things are not shown as they stand",
	NoteMasked:     "Partly hidden: ID numbers, bank accounts and the like show only a part, so that nobody who finds this file can misuse them.",
	NoteHeld:       "Only whether we hold it: passwords, for example. We do not keep the password itself, and say only that there is a value to check it against.",
	NoteOthers:     "Other people: text that somebody wrote may speak of others. A person here has looked at it, and it may be hidden or left out to protect them.",
	NoteFiles:      "Below each part you see which of its fields this concerns.",
	ReadTitle:      "How to use the files",
	ReadCSV:        "The CSV files open in Excel, WPS, Numbers or LibreOffice, one record a line.",
	ReadQuote:      "Text that begins with =, +, - or @ has an apostrophe (') before it, so that a spreadsheet does not run it as a formula. A spreadsheet may show long numbers rounded: the JSON file has every digit.",
	ReadJSON:       "The JSON files hold the same for programs, or for taking your data to another service.",
	ReadManifest:   "manifest.json lists the SHA-256 of every file, and manifest.sig is our signature: together they prove that nothing was changed.",
	ReadContext:    "Purposes, legal bases, retention and recipients in full",
	ContactTitle:   "A question, or something wrong?",
	ContactText:    "You may ask us to correct, complete or delete your data. Please mention case %s.",
	Officer:        "Data protection officer", Hotline: "Telephone", Mail: "E-mail", Post: "Address",

	Purpose: "Why we hold it", LegalBasis: "Legal basis", Retention: "How long", Source: "Where it comes from", Recipients: "Who receives it",
	StoredIn: "Where it is stored", ThirdParty: "processed by %s", NoRecipients: "Nobody else", NotStated: "Not stated",
	FirstRows: "The first %s of %s records; the files have all of them.",
	NoRows:    "We found no record about you here.", OneRow: "1 record", ManyRows: "%s records",
	LeftOut: "Left out", Others: "left out on review, because it concerns other people", OthersLater: "left out, because it may concern other people", PartlyHidden: "partly hidden",
	Yes: "yes", No: "no", Nothing: "–", IsHeld: "held (not shown)", NotHeld: "not held", Cut: "… (in full in the files)",

	ContextTitle: "How we use your personal data",
	ContextIntro: "For every kind of data: why we hold it, on what legal basis, how long, where it comes from, who receives it and where it is stored; and how each field appears in this copy.",
	Back:         "Back to your data", Column: "Field", InFile: "Name in the files", What: "In this copy",
	Date: "2 January 2006, 15:04 (UTC-07:00)", Separator: ", ", End: ".",
	Treatment: map[string]string{
		Shown: "shown as it stands", Masked: "partly hidden", Held: "only whether we hold it",
		Redacted: "hidden, wholly or in part, to protect other people", Dropped: "left out on review, because it concerns other people",
		Withheld: "left out, because it may concern other people",
	},
	Bases: map[string]string{
		"consent": "Your consent", "contract": "Needed for a contract with you",
		"legal-obligation": "Needed to comply with the law", "legitimate-interest": "A legitimate interest of ours or of a third party",
		"vital-interest": "Needed to protect life, health or property", "public-task": "Needed for a task in the public interest",
		"human-resources": "Needed for human resources management", "public-health": "Needed to respond to a public health emergency",
		"public-information": "Information that you or others have lawfully made public",
	},
}
