package letters

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The script names company, hotline and case, and tells nothing of the letter's content; the one for a code
// says that codes are not read out.
func TestPhoneScript(t *testing.T) {
	t.Parallel()
	f := full()
	for lang, never := range map[string]string{"zh": "绝不宣读验证码", "zh-CN": "绝不宣读验证码", "en": "Never read a code out"} {
		for _, told := range []bool{true, false} {
			text, err := PhoneScript(lang, f, told)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{f.Company.Hotline, f.CaseNo} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: %q is missing", lang, want)
				}
			}
			for _, value := range []string{f.Code, f.Salutation, f.Facts} {
				if strings.Contains(text, value) {
					t.Errorf("%s: the script says %q", lang, value)
				}
			}
			if strings.Contains(text, never) == told {
				t.Errorf("%s: what is said of codes, told %v:\n%s", lang, told, text)
			}
		}
	}
	if _, err := PhoneScript("fr", f, true); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("a language that is not written: %v", err)
	}
	f.Company.Hotline = ""
	if _, err := PhoneScript("en", f, true); !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("without a hotline: %v", err)
	}
}
