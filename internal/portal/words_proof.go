package portal

import "github.com/habeas-dsr/habeas/internal/datamap"

// proofWords are the texts of the page on which a person proves more than one code.
var proofWords = map[string]datamap.Text{
	"proof.title":    {ZH: "还需要一步", EN: "One more step"},
	"proof.lead":     {ZH: "验证码正确。由于该请求一旦落入他人之手可能损害您的权益，请再完成以下任意一项。", EN: "Your code was right. As this request could do you harm in the wrong hands, please do any one of these as well."},
	"proof.second":   {ZH: "第二个验证码", EN: "A second code"},
	"proof.sectext":  {ZH: "我们会把它发送到您的另一个登记邮箱或手机号码。", EN: "We send it to your other registered e-mail address or mobile number."},
	"proof.facts":    {ZH: "回答问题", EN: "Answer questions"},
	"proof.facttext": {ZH: "答案是我们已掌握的信息，须全部正确。最多可以尝试 3 次。", EN: "We hold the answers already. All of them must be right; you have three tries."},
	"proof.answer":   {ZH: "提交答案", EN: "Send my answers"},
	"proof.document": {ZH: "上传证件", EN: "Add a document"},
	"proof.doctext":  {ZH: "请上传身份证件的照片或扫描件：PDF、JPEG、PNG、HEIC 或压缩包，每个文件不超过 25 MB，最多 5 个。请遮盖照片等我们不需要的内容。", EN: "A picture or scan of an identity document: PDF, JPEG, PNG, HEIC or an archive, 25 MB at most a file, five files. Please cover what we do not need, such as your photograph."},
	"proof.docsafe":  {ZH: "文件加密存放，仅供负责比对的工作人员查看，并在作出决定后 72 小时内删除。", EN: "It is stored under lock, shown only to the member of staff who compares it, and deleted within 72 hours of the decision."},
	"proof.file":     {ZH: "文件", EN: "File"},
	"proof.add":      {ZH: "上传", EN: "Add"},
	"proof.files":    {ZH: "已收到 %d 个文件，工作人员会尽快比对。", EN: "Files we have received: %d. A member of staff will compare them soon."},
	"proof.later":    {ZH: "暂时无法接收文件，请过几分钟刷新此页。", EN: "Files cannot be taken just now. Please load this page again in a few minutes."},
	"proof.nothing":  {ZH: "在线方式已用完。请致电热线，我们会协助您以其他方式核实身份。", EN: "There is nothing more that you can do here. Please call our hotline, and we will find another way."},
	"proof.minutes":  {ZH: "此页面在您输入验证码 30 分钟后自动关闭。之后可重新获取验证码继续。", EN: "This page closes by itself 30 minutes after you entered your code. A new code lets you go on."},

	"error.facts":             {ZH: "至少有一个答案不正确，或者已没有剩余次数。", EN: "At least one answer is not right, or there are no tries left."},
	"error.document.toolarge": {ZH: "文件太大：每个文件不超过 25 MB，合计不超过 60 MB。没有保存任何内容。", EN: "The file is too large: 25 MB at most a file, 60 MB together. Nothing of it was kept."},
	"error.document.type":     {ZH: "无法接收这种文件。请上传 PDF、JPEG、PNG、HEIC 或压缩包；文件类型由内容决定，与文件名无关。", EN: "We cannot take a file like this. Please add a PDF, JPEG, PNG, HEIC or an archive; what counts is what is in it, and not its name."},
	"error.document.toomany":  {ZH: "最多可以上传 5 个文件。", EN: "Five files are the most that you can add."},
	"error.document.empty":    {ZH: "请选择一个非空的文件。", EN: "Please choose a file that is not empty."},
	"error.document.closed":   {ZH: "目前不需要上传文件。", EN: "No document is waited for now."},
	"notice.secondsent":       {ZH: "我们正在把第二个验证码发送到您的另一个登记联系方式，10 分钟内有效。", EN: "A second code is on its way to your other registered address or number. It is good for 10 minutes."},
	"notice.added":            {ZH: "已收到您的文件。", EN: "We have received your file."},
}
