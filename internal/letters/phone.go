package letters

import (
	texttemplate "text/template"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// phone holds, for each language, what is said where there is a letter to be read out, and where a code
// could not be sent.
var phone = map[string]*texttemplate.Template{
	"zh-CN": texttemplate.Must(texttemplate.ParseFS(files, "templates/phone.zh-CN.txt")),
	"en":    texttemplate.Must(texttemplate.ParseFS(files, "templates/phone.en.txt")),
}

// PhoneScript is what staff do and say when a letter did not reach somebody, in "zh", "zh-CN" or "en": how the
// person can check who is calling, what is asked before anything is said, and what is never said. told says
// that there is a letter to be read out; a code never is.
func PhoneScript(lang string, f Fields, told bool) (string, error) {
	if lang == "zh" {
		lang = "zh-CN"
	}
	t := phone[lang]
	if t == nil {
		return "", fault.Newf(contract.ErrBadInput, "there is no script in the language %q", lang).WithHint("use zh or en")
	}
	name := "code"
	if told {
		name = "letter"
	}
	text, err := execute(t, name, lang, f)
	if err != nil {
		return "", stopped("phone", err)
	}
	return text, nil
}
