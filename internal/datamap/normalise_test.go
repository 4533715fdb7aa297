package datamap

import (
	"strings"
	"testing"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// The ID numbers have an area code that cannot exist (990101), the codes an invented one.
func TestNormalise(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ kind, value, want string }{
		{"email", "li.lei@cloud.example", "li.lei@cloud.example"},
		{"email", " Li.Lei@Cloud.EXAMPLE\t", "li.lei@cloud.example"},
		{"email", "ｌｉ＠ｃｌｏｕｄ．ｅｘａｍｐｌｅ", "li@cloud.example"},
		{"email", "\ufeffli+tag@cloud.example\u3000", "li+tag@cloud.example"},
		{"email", "李雷@例子.EXAMPLE", "李雷@例子.example"},
		{"email", "a@BÜCHER.example", "a@bücher.example"},
		{"email", "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
		{"email", "O'Brien@mail.cloud.example", "o'brien@mail.cloud.example"},

		{"mobile", "13800138000", "+8613800138000"},
		{"mobile", "+8613800138000", "+8613800138000"},
		{"mobile", "008613800138000", "+8613800138000"},
		{"mobile", "8613800138000", "+8613800138000"},
		{"mobile", "+86 138 0013 8000", "+8613800138000"},
		{"mobile", "(+86) 138-0013-8000", "+8613800138000"},
		{"mobile", "+86-138-0013-8000", "+8613800138000"},
		{"mobile", " 138 0013 8000 ", "+8613800138000"},
		{"mobile", "１３８００１３８０００", "+8613800138000"},
		{"mobile", "＋８６１３８００１３８０００", "+8613800138000"},
		{"mobile", "19912345678", "+8619912345678"},
		{"mobile", "+44 7400 123456", "+447400123456"},
		{"mobile", "0044 7400 123456", "+447400123456"},
		{"mobile", "+1 650 253 0000", "+16502530000"},
		{"mobile", "+852 5123 4567", "+85251234567"},
		{"mobile", "010-82345678", ""}, // a landline gets no code
		{"mobile", "+44 20 7946 0000", ""},
		{"mobile", "1380013800", ""},
		{"mobile", "138001380001", ""},
		{"mobile", "12800138000", ""},
		{"mobile", "13800138000 ext 5", ""},
		{"mobile", "138OO138000", ""},
		{"mobile", "1-800-FLOWERS", ""},
		{"mobile", "tel:+8613800138000", ""},
		{"mobile", "138+00138000", ""},
		{"mobile", "++8613800138000", ""},

		{"national_id", "990101199003074518", "990101199003074518"},
		{"national_id", "99010119900307004X", "99010119900307004X"},
		{"national_id", "99010119900307004x", "99010119900307004X"},
		{"national_id", " 990101 19900307 004x ", "99010119900307004X"},
		{"national_id", "９９０１０１１９９００３０７００４Ｘ", "99010119900307004X"},
		{"national_id", "990101199003070041", ""},
		{"national_id", "99010119900307X04X", ""},
		{"national_id", "990101900307002", ""},

		{"account", "Li.Lei", "Li.Lei"},
		{"account", "  ｌｉｌｅｉ ", "lilei"},
		{"account", "李 雷", "李 雷"},
		{"account", "a\x00b", ""},
		{"account", "a\nb", ""},
		{"account", "   ", ""},

		{"enterprise_code", "91990100MA00000001", ""},
		{"enterprise_code", "91990100MA0000000D", "91990100MA0000000D"},
		{"enterprise_code", "91990100ma0000000d ", "91990100MA0000000D"},
		{"enterprise_code", "91990100MAO000000C", ""}, // the letter O is not in the alphabet
		{"enterprise_code", "9199010", ""},
	} {
		got, err := Normalise(v.kind, v.value)
		if got != v.want || (err == nil) != (v.want != "") {
			t.Errorf("%s %q is %q (%v), not %q", v.kind, v.value, got, err, v.want)
		}
		if err != nil {
			refusedWell(t, v.kind, v.value, err)
		}
	}
}

func TestNormaliseRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "li", "@cloud.example", "li@", "li@cloud", "li@@cloud.example", "a@b@cloud.example", "li lei@cloud.example",
		"li@cloud..example", "li@.example", "li@-cloud.example", "li@cloud.example.", "<li@cloud.example>",
		"li@cloud.example,lei@cloud.example", "li@cloud.example\nBcc: x@cloud.example", "li@cl\u0000oud.example",
		"li\xff@cloud.example", strings.Repeat("a", 250) + "@cloud.example", "li@clo_ud.example", "\"li lei\"@cloud.example",
	} {
		got, err := Normalise(IdentityEmail, value)
		if err == nil {
			t.Errorf("%q is taken for %q", value, got)
			continue
		}
		refusedWell(t, IdentityEmail, value, err)
	}
}

func refusedWell(t *testing.T, kind, value string, err error) {
	t.Helper()
	if !fault.Is(err, contract.ErrBadInput) {
		t.Errorf("%s: the error is not classified: %v", kind, err)
	}
	if v := strings.TrimSpace(value); len(v) > 3 && strings.Contains(err.Error(), v) {
		t.Errorf("%s: the error holds the value: %v", kind, err)
	}
}

func TestNormaliseUnknownKind(t *testing.T) {
	t.Parallel()
	_, err := Normalise("e-mail", "li@cloud.example")
	if !fault.Is(err, contract.ErrBadInput) || strings.Contains(err.Error(), "li@") || fault.As(err).Hint != "did you mean email?" {
		t.Errorf("error: %v, hint %q", err, fault.As(err).Hint)
	}
	for _, kind := range Identities() {
		if normalisers[kind] == nil || malformed[kind] == "" {
			t.Errorf("%s has no normaliser", kind)
		}
	}
}

// One wrong digit, and two neighbours that changed places, are what check digits are for.
func TestCheckDigitsFindSlips(t *testing.T) {
	t.Parallel()
	for kind, value := range map[string]string{
		IdentityNationalID: "99010119900307004X", IdentityEnterpriseCode: "91990100MA0000000D",
	} {
		for i := range len(value) {
			for _, r := range []byte("0123456789") {
				slip := value[:i] + string(r) + value[i+1:]
				if got, err := Normalise(kind, slip); err == nil && slip != value {
					t.Errorf("%s: %s passes as %s", kind, slip, got)
				}
			}
			if i > 0 {
				swapped := value[:i-1] + string(value[i]) + string(value[i-1]) + value[i+1:]
				if got, err := Normalise(kind, swapped); err == nil && swapped != value {
					t.Errorf("%s: %s passes as %s", kind, swapped, got)
				}
			}
		}
	}
}

func BenchmarkNormalise(b *testing.B) {
	for kind, value := range map[string]string{
		"email": "Li.Lei@Cloud.example", "mobile": "+86 138 0013 8000", "national_id": "99010119900307004x",
	} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				if _, err := Normalise(kind, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
