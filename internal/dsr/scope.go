package dsr

import "strings"

// What a case is about, where its kind alone does not say: of a restriction the purposes that end, of
// an access that no data is handed over, of a deletion that the account is closed.
const (
	ScopeMarketing  = "marketing"
	ScopeTracking   = "tracking"
	ScopeAll        = "all"      // every purpose
	scopePurpose    = "purpose:" // one purpose of the map, by name
	ScopeCategories = "categories"
	ScopeAccount    = "account"
)

// ScopePurpose is the scope of a restriction of one purpose.
func ScopePurpose(name string) string { return scopePurpose + name }

// PurposeOf is the purpose that the scope of a restriction names; empty for ScopeAll and what is none.
func PurposeOf(scope string) string {
	if scope == ScopeMarketing || scope == ScopeTracking {
		return scope
	}
	name, ok := strings.CutPrefix(scope, scopePurpose)
	if !ok {
		return ""
	}
	return name
}

// AtOnce says whether what a case asks for is done without a proof of who asks, a review or an
// approval: an objection to marketing or tracking needs no reason and no more than the address that it
// comes from (GDPR Art. 21(3), 消费者权益保护法 29(3), 11 CCR 7026).
func AtOnce(kind CaseKind, scope string) bool {
	return kind == Restriction && (scope == ScopeMarketing || scope == ScopeTracking)
}
