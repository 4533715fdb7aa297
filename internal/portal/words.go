package portal

import (
	"maps"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

// words are all texts of the pages by key.
var words = func() map[string]datamap.Text {
	all := maps.Clone(pageWords)
	maps.Copy(all, caseWords)
	maps.Copy(all, noticeWords)
	maps.Copy(all, optOutWords)
	maps.Copy(all, proofWords)
	return all
}()

// pageWords are the texts around a case.
var pageWords = map[string]datamap.Text{
	"service": {ZH: "个人信息权利请求", EN: "Your data, your request"},
	"skip":    {ZH: "跳到正文", EN: "Skip to the content"},
	"home":    {ZH: "返回首页", EN: "Back to the start"},

	"home.title":  {ZH: "查看您的请求", EN: "Look up your request"},
	"home.lead":   {ZH: "在这里，您可以核验身份、查看办理进度、下载您的个人信息副本。", EN: "Here you can confirm who you are, see how far your request is, and download the copy of your data."},
	"home.id":     {ZH: "请求编号", EN: "Case number"},
	"home.idhint": {ZH: "编号写在我们发给您的信函里，共 10 个字母和数字，例如 7QK2M-9XH4T。大小写和连字符都不影响。", EN: "It stands in the letter we sent you: 10 letters and digits, like 7QK2M-9XH4T. Capitals and the hyphen do not matter."},
	"home.go":     {ZH: "继续", EN: "Continue"},
	"home.safe":   {ZH: "请留意", EN: "Good to know"},
	"home.safe1":  {ZH: "您不需要注册账号，我们也不会在这里询问您的密码。", EN: "You need no account, and we never ask for a password here."},
	"home.safe2":  {ZH: "验证码只会发送到您早已登记的邮箱或手机号码。请不要把验证码告诉任何人。", EN: "Codes go only to an e-mail address or mobile number that you registered with us before. Do not pass a code on to anybody."},
	"home.safe3":  {ZH: "本页面不使用脚本，不跟踪访客，也不加载第三方内容。", EN: "These pages use no scripts, track nobody and load nothing from third parties."},

	"contact":         {ZH: "联系我们", EN: "Contact"},
	"contact.hotline": {ZH: "热线", EN: "Hotline"},
	"contact.officer": {ZH: "个人信息保护负责人", EN: "Data protection officer"},
	"contact.address": {ZH: "地址", EN: "Address"},

	"error.heading":  {ZH: "请检查您填写的内容", EN: "Please check what you typed"},
	"error.id":       {ZH: "这不是一个有效的请求编号：编号由 10 个字母和数字组成，其中有一位不对。请对照信函再输入一次。", EN: "This cannot be a case number: it has 10 letters and digits, and one of them is wrong. Please compare it with our letter."},
	"error.noid":     {ZH: "请输入请求编号。", EN: "Please enter your case number."},
	"error.codeform": {ZH: "验证码只包含数字。请再输入一次。", EN: "A code has digits only. Please enter it again."},
	"error.code":     {ZH: "验证码或请求编号不正确，或者验证码已过期、已使用。请核对后再试，或重新获取验证码。", EN: "The code or the case number is not right, or the code has run out or was used. Please check both, or ask for a new code."},
	"error.token":    {ZH: "令牌无效或已过期。", EN: "The token is not valid, or has run out."},

	"notice.sent":      {ZH: "如果该请求存在，并且您登记过邮箱或手机号码，我们正在把验证码发送过去。验证码 10 分钟内有效；每小时最多发送 3 次。", EN: "If there is such a case, and you registered an e-mail address or mobile number with us, a code is on its way there. It is good for 10 minutes; we send at most three an hour."},
	"notice.ended":     {ZH: "为了保护您的信息，查看时间已结束。请重新获取验证码。", EN: "To protect you, your visit has ended. Please ask for a new code."},
	"notice.left":      {ZH: "您已安全退出。", EN: "You have left safely."},
	"notice.withdrawn": {ZH: "您的请求已撤回，我们会以信函确认。", EN: "Your request is taken back. We confirm that by letter."},
	"notice.signedin":  {ZH: "已登录。Temporal 界面现在可以解码内容。", EN: "Signed in. The Temporal UI can decode payloads now."},

	"problem.missing":      {ZH: "没有这个页面", EN: "There is no such page"},
	"problem.missing.text": {ZH: "地址可能输错了。请从首页重新开始。", EN: "The address may be mistyped. Please begin at the start."},
	"problem.method":       {ZH: "无法这样打开此页面", EN: "This page cannot be opened like that"},
	"problem.method.text":  {ZH: "请从首页重新开始，并使用页面上的按钮。", EN: "Please begin at the start and use the buttons on the pages."},
	"problem.origin":       {ZH: "请求来自其他网站", EN: "This came from another site"},
	"problem.origin.text":  {ZH: "为了保护您，我们没有执行任何操作。请在本网站上重新填写。", EN: "To protect you, nothing was done. Please fill in the form on this site."},
	"problem.form":         {ZH: "表单内容无法读取", EN: "The form could not be read"},
	"problem.form.text":    {ZH: "请从首页重新开始。", EN: "Please begin at the start."},
	"problem.limited":      {ZH: "尝试次数过多", EN: "Too many tries"},
	"problem.limited.text": {ZH: "请稍等几分钟再试。", EN: "Please wait a few minutes and try again."},
	"problem.busy":         {ZH: "现在比较繁忙", EN: "It is busy right now"},
	"problem.busy.text":    {ZH: "请过一分钟再试。", EN: "Please try again in a minute."},
	"problem.down":         {ZH: "暂时无法办理", EN: "This does not work right now"},
	"problem.down.text":    {ZH: "问题出在我们这边，您的请求没有受到影响。请稍后再试，或拨打热线。", EN: "The fault is on our side, and your request is not affected. Please try again later, or call the hotline."},
	"problem.gone":         {ZH: "信息副本已无法下载", EN: "The package is no longer here"},
	"problem.gone.text":    {ZH: "副本只能下载一次，到期后会被销毁。如果您没有收到，请联系我们。", EN: "It can be downloaded once and is destroyed when its time is over. If you did not get it, please contact us."},

	"operator.title": {ZH: "运维人员登录", EN: "Operator sign-in"},
	"operator.lead":  {ZH: "登录后，Temporal 界面可通过本服务解码内容。请在其编解码服务器设置中启用跨源凭据。", EN: "Once signed in, the Temporal UI can decode payloads through this service. Switch on cross-origin credentials in its codec server settings."},
	"operator.token": {ZH: "令牌", EN: "Token"},
	"operator.hint":  {ZH: "在命令行中获取。", EN: "The command line prints one for you."},
	"operator.go":    {ZH: "登录", EN: "Sign in"},
}
