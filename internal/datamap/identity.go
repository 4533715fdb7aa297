package datamap

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/text/unicode/norm"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// How the values of a company's own kind of identity are compared.
const (
	NormaliserText     = "text"     // trimmed, full-width letters made plain
	NormaliserCasefold = "casefold" // the same in lower case
	NormaliserDigits   = "digits"   // nothing but the digits
)

// OwnIdentity is a kind of identity that the company names itself, such as a badge number.
type OwnIdentity struct {
	Name       string
	Normaliser string // Normaliser…
	Pattern    string // a regular expression that the whole normalised value must match; may be empty
	Line       int
}

// identities reads the company's own kinds.
func (f *file) identities(n ast.Node) []OwnIdentity {
	list, ok := f.entries(n, "identities")
	if !ok {
		return nil
	}
	var own []OwnIdentity
	for _, e := range list {
		switch {
		case known(e.name, identities):
			f.node(e.key, "%s is a kind of identity that every map has; choose another name", quoted(e.name))
			continue
		case !identityName.MatchString(e.name) || len(e.name) > 40:
			f.node(e.key, "the name of a kind of identity has lower-case letters, digits and '_', begins with a letter and has 40 characters at most")
		}
		if e.value == nil || e.value.Type() == ast.NullType {
			f.node(e.key, "the identity %s says nothing", quoted(e.name))
			continue
		}
		if id, ok := f.identity(e); ok {
			own = append(own, id)
		}
	}
	return own
}

func (f *file) identity(e entry) (OwnIdentity, bool) {
	id := OwnIdentity{Name: e.name}
	id.Line, _ = position(e.key)
	r := f.record(e.value, "the identity "+quoted(e.name), identityKeys)
	if r == nil {
		return id, false
	}
	normaliser, at := r.needText("normaliser")
	if normaliser != "" && !known(normaliser, ownNormalisers) {
		f.choice(at, "normaliser", normaliser, ownNormalisers)
	}
	id.Normaliser = normaliser
	if n, ok := r.get("pattern"); ok {
		if pattern, ok := f.str(n, "pattern"); ok {
			if _, err := regexp.Compile(whole(pattern)); err != nil || len(pattern) > 500 {
				f.node(n, "pattern is no regular expression (RE2) of 500 characters at most")
			}
			id.Pattern = pattern
		}
	}
	return id, true
}

// whole anchors a pattern at both ends.
func whole(pattern string) string { return `\A(?:` + pattern + `)\z` }

// IdentityNames lists the kinds of identity that this map knows: those of every map, then the
// company's own.
func (m *Map) IdentityNames() []string {
	names := slices.Clone(identities)
	for _, own := range m.Company.Identities {
		names = append(names, own.Name)
	}
	return names
}

// Normalise is the package's Normalise, which knows the company's own kinds as well.
func (m *Map) Normalise(kind, value string) (string, error) {
	for _, own := range m.Company.Identities {
		if own.Name == kind {
			return own.Normalise(value)
		}
	}
	return Normalise(kind, value)
}

// Normalise gives value in the one form in which identities of this kind are compared. The error
// is a contract.ErrBadInput whose text never holds the value.
func (o OwnIdentity) Normalise(value string) (string, error) {
	out := normaliseOwn(o.Normaliser, value)
	if out != "" && normaliseOwn(o.Normaliser, out) == out {
		if o.Pattern == "" {
			return out, nil
		}
		if re, err := regexp.Compile(whole(o.Pattern)); err == nil && re.MatchString(out) {
			return out, nil
		}
	}
	return "", fault.Newf(contract.ErrBadInput, "the identity (%s) is malformed", o.Name)
}

func normaliseOwn(normaliser, value string) string {
	if len(value) > maxIdentity {
		return ""
	}
	value = strings.ToValidUTF8(value, "")
	switch normaliser {
	case NormaliserDigits:
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, compact(value))
	case NormaliserCasefold:
		return normaliseAccount(norm.NFKC.String(strings.ToLower(compact(value))))
	}
	return normaliseAccount(value)
}

// Normaliser says how a kind of identity is compared in this system: the kind itself where every
// map has it, otherwise one of Normaliser….
func (s *System) Normaliser(kind string) string {
	if known(kind, identities) {
		return kind
	}
	for _, own := range s.Identities {
		if own.Name == kind {
			return own.Normaliser
		}
	}
	return NormaliserText
}

// SpellingTells reports whether two spellings of the kind may be two people's. Upper and lower
// case in an e-mail or a name may be; +86 and a hyphen in a shared mobile are chance, and going
// by them would hand one person's rows to the other.
func (s *System) SpellingTells(kind string) bool {
	switch s.Normaliser(kind) {
	case IdentityMobile, IdentityNationalID, IdentityEnterpriseCode, NormaliserDigits:
		return false
	}
	return true
}
