package portal

import "github.com/habeas-dsr/habeas/internal/datamap"

// optOutWords are the texts of the pages on which people ask to be left alone.
var optOutWords = map[string]datamap.Text{
	"optout.title":     {ZH: "停止营销和跟踪", EN: "No more marketing, no more tracking"},
	"optout.lead":      {ZH: "填写邮箱或手机号码，我们将立即停止。无需账号，也无需说明理由。", EN: "Type your e-mail address or mobile number, and we stop at once. You need no account and no reason."},
	"optout.address":   {ZH: "邮箱或手机号码", EN: "E-mail address or mobile number"},
	"optout.marketing": {ZH: "不再向我发送营销信息", EN: "Send me no more marketing"},
	"optout.tracking":  {ZH: "不再跟踪我的使用行为", EN: "Do not track what I do"},
	"optout.gpc":       {ZH: "您的浏览器发送了“全球隐私控制”（GPC）信号。我们将其视为您不希望被跟踪的意愿，只需填写地址，即可让我们知道是谁。", EN: "Your browser sends the signal “Global Privacy Control”. We take it as your wish not to be tracked; the address tells us whose it is."},
	"optout.go":        {ZH: "停止", EN: "Stop"},
	"optout.done":      {ZH: "已记录：从现在起，该地址不再收到您所选择的内容。依法或依合同必须发送的邮件（账单、安全通知）不受影响。", EN: "Done: from now on this address is left alone with what you chose. Letters that the law or a contract asks for (bills, warnings) still come."},
	"optout.nothing":   {ZH: "请填写地址，并选择希望停止的内容。", EN: "Please enter an address, and choose what is to stop."},
	"optout.malformed": {ZH: "这不是有效的邮箱或手机号码，请再检查一次。", EN: "This cannot be an e-mail address or a mobile number. Please check it."},

	"unsubscribe.title": {ZH: "退订", EN: "Unsubscribe"},
	"unsubscribe.lead":  {ZH: "点击按钮，收到该邮件的地址将不再收到此类邮件。依法必须发送的通知不受影响。", EN: "Press the button, and the address that got this letter gets no more of its kind. Notices that the law asks for still come."},
	"unsubscribe.go":    {ZH: "退订", EN: "Unsubscribe"},
	"unsubscribe.done":  {ZH: "已退订。", EN: "Done: you are unsubscribed."},
}
