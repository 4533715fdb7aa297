package portal

import "github.com/habeas-dsr/habeas/internal/datamap"

// noticeWords are the texts of the page on which people check a letter that many got.
var noticeWords = map[string]datamap.Text{
	"letter.title":   {ZH: "通知核验", EN: "Check a notice"},
	"letter.lead":    {ZH: "收到了我们的通知邮件？请在这里核实它确实由我们发出。", EN: "Did you get a notice by e-mail? Here you can find out whether it is really ours."},
	"letter.id":      {ZH: "通知编号", EN: "Notice number"},
	"letter.code":    {ZH: "核验码", EN: "Check code"},
	"letter.go":      {ZH: "核验", EN: "Check"},
	"letter.noid":    {ZH: "这不是一个有效的通知编号：编号由 10 个字母和数字组成，其中有一位不对。请对照邮件再输入一次。", EN: "This cannot be a notice number: it has 10 letters and digits, and one of them is wrong. Please compare it with the letter."},
	"letter.wrong":   {ZH: "编号和核验码不相符。请对照邮件再输入一次；如仍不相符，请不要相信该邮件，并拨打我们的热线。", EN: "The number and the check code do not fit. Please compare both with the letter. If they still do not fit, do not trust the letter, and call our hotline."},
	"consent.title":  {ZH: "需要您同意的变更", EN: "What needs your consent"},
	"consent.lead":   {ZH: "下列变更只有在您同意后才对您生效。不勾选即为不同意，您的权利不受影响；您可以随时回到这里更改。", EN: "These changes hold for you only if you agree. What you leave unticked does not hold for you, and your rights stay as they are. You can come back and change your mind."},
	"consent.before": {ZH: "现行", EN: "Until now"},
	"consent.after":  {ZH: "变更后", EN: "From then on"},
	"consent.agree":  {ZH: "我同意第 %s 条的变更", EN: "I agree to the change of clause %s"},
	"consent.save":   {ZH: "保存我的选择", EN: "Save my choice"},
	"consent.saved":  {ZH: "您的选择已保存。", EN: "Your choice is saved."},

	"letter.right": {ZH: "核验无误：该通知由我们发出。", EN: "They fit: this notice is ours."},
	"letter.drill": {ZH: "核验无误：该邮件由我们发出，属于演练（EXERCISE），并未发生任何事件。", EN: "They fit: this letter is ours. It is an EXERCISE; nothing has happened."},
}
