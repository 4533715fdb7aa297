package datamap

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed categories.txt
var categoryFile string

// categories are the names in use, sorted; withdrawn gives the name that stands for an older one.
var categories, withdrawn = readCategories(categoryFile)

func readCategories(text string) ([]string, map[string]string) {
	var names []string
	older := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if old, current, renamed := strings.Cut(line, " -> "); renamed {
			older[old] = current
			continue
		}
		names = append(names, line)
	}
	slices.Sort(names)
	return names, older
}

// Categories lists every category that a column may have, sorted: the dotted names of fideslang
// and the pd: names of the W3C Data Privacy Vocabulary. A name is compared whole: user.contact
// says nothing about user.contact.email.
func Categories() []string { return slices.Clone(categories) }

// category reads a column's category.
func (f *file) category(r *record) string {
	n, ok := r.get("category")
	if !ok {
		return ""
	}
	name, ok := f.str(n, "category")
	if !ok {
		return ""
	}
	if _, found := slices.BinarySearch(categories, name); found {
		return name
	}
	problem := f.node(n, "unknown category %s", quoted(name))
	if current, renamed := withdrawn[name]; renamed {
		problem.Text = "the category " + quoted(name) + " was withdrawn"
		problem.Hint = current
	} else {
		problem.Hint = nearestCategory(name)
	}
	return name
}

// nearestCategory looks among whole names first, then among last parts: "user.email" is nearer
// to user.contact.email than to any name of its length.
func nearestCategory(name string) string {
	if hint := nearest(name, categories); hint != "" {
		return hint
	}
	last := name[strings.LastIndexAny(name, ".:")+1:]
	prefixes := []string{"user.", "pd:"}
	if strings.HasPrefix(name, "pd:") {
		slices.Reverse(prefixes)
	}
	for _, prefix := range prefixes {
		ends := make(map[string]string)
		var words []string
		for _, c := range categories {
			if !strings.HasPrefix(c, prefix) {
				continue
			}
			word := c[strings.LastIndexAny(c, ".:")+1:]
			if _, taken := ends[word]; !taken {
				ends[word] = c
				words = append(words, word)
			}
		}
		if word := nearest(last, words); word != "" {
			return ends[word]
		}
		if word := beginning(last, words); word != "" {
			return ends[word]
		}
	}
	return ""
}

// beginning gives the shortest of words that begins with start: "phone" means "phone_number".
func beginning(start string, words []string) string {
	best := ""
	for _, word := range words {
		if len(start) >= 4 && strings.HasPrefix(plainName(word), plainName(start)) && (best == "" || len(word) < len(best)) {
			best = word
		}
	}
	return best
}

// treatment is what happens to a column in an export when the map does not say.
type treatment struct{ export, mask string }

// treatments by category. What is not listed is shown. ID numbers and bank accounts are masked
// unless the map says otherwise; a secret is never shown, only that one is held.
var treatments = map[string]treatment{
	"user.government_id.national_identification_number": {ExportMask, MaskIDNumber},
	"user.government_id.drivers_license_number":         {ExportMask, MaskIDNumber},
	"user.government_id.passport_number":                {ExportMask, MaskIDNumber},
	"user.government_id.immigration":                    {ExportMask, MaskIDNumber},
	"user.financial.bank_account":                       {ExportMask, MaskBankAccount},
	"user.financial.credit_card":                        {ExportMask, MaskBankAccount},
	"pd:OfficialID":                                     {ExportMask, MaskIDNumber},
	"pd:Passport":                                       {ExportMask, MaskIDNumber},
	"pd:BankAccount":                                    {ExportMask, MaskBankAccount},
	"pd:FinancialAccountNumber":                         {ExportMask, MaskBankAccount},
	"pd:CreditCardNumber":                               {ExportMask, MaskBankAccount},
	"pd:PaymentCardNumber":                              {ExportMask, MaskBankAccount},
	"user.authorization.credentials":                    {ExportHeld, ""},
	"user.authorization.password":                       {ExportHeld, ""},
	"pd:Password":                                       {ExportHeld, ""},
	"pd:PINCode":                                        {ExportHeld, ""},
	"pd:SecretText":                                     {ExportHeld, ""},
}
