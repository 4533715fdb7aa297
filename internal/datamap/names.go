package datamap

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kinds of identity by which a person is known.
const (
	IdentityEmail          = "email"
	IdentityMobile         = "mobile"
	IdentityNationalID     = "national_id"
	IdentityAccount        = "account"
	IdentityEnterpriseCode = "enterprise_code"
)

// Masks that hide a part of a value.
const (
	MaskIDNumber    = "id_number"
	MaskBankAccount = "bank_account"
	MaskEmail       = "email"
	MaskMobile      = "mobile"
	MaskName        = "name"
	MaskAll         = "all"
)

// What a link says of deletion (DELF, USENIX Security 2020).
const (
	Deep     = "deep"     // the row goes along
	Shallow  = "shallow"  // the reference goes, the row stays
	Refcount = "refcount" // the row goes when nobody else refers to it
)

// What a system gets when its file does not say.
const (
	DefaultPatience    = 24 * time.Hour
	DefaultConnections = 4
)

var (
	identities = []string{IdentityEmail, IdentityMobile, IdentityNationalID, IdentityAccount, IdentityEnterpriseCode}
	drivers    = []string{"postgres", "mariadb", "mysql", DriverManual, DriverOpenDSR, DriverWebhook}
	channels   = []string{IdentityEmail, IdentityMobile}
	exports    = []string{ExportShow, ExportHeld, ExportMask}
	masks      = []string{MaskIDNumber, MaskBankAccount, MaskEmail, MaskMobile, MaskName, MaskAll}
	relations  = []string{Belongs, Refers}
	deletions  = []string{Deep, Shallow, Refcount}
	languages  = []string{"zh", "en"}
	laws       = []string{"cn-pipl", "eu-gdpr", "uk-gdpr", "us-ca", "br-lgpd"}
	legalBases = []string{"consent", "contract", "legal-obligation", "vital-interest", "public-interest", "legitimate-interest", "employment", "publicly-available", "other-law"}
	systemKeys = []string{"version", "system", "title", "driver", "region", "owner", "owner_staff", "deputy", "recipient", "patience", "connections", "backups", "sweep", "collections", "ignore_tables", "processed_for",
		"rights", "tells", "due", "instructions", "evidence", "correct", "url", "domain", "transfer", "stops"}
	tableKeys    = []string{"table", "title", "key", "purpose", "legal_basis", "retention", "source", "given", "recipients", "deletion", "expiry", "stops", "closure", "processed_for", "directory", "match", "links", "columns"}
	customerKeys = []string{"name", "contact"}
	dirKeys      = []string{"account", "language", "own_record_only", "channels"}
	channelKeys  = []string{"kind", "column", "since"}
	matchKeys    = []string{"column", "identity", "widens", "valid"}
	linkKeys     = []string{"columns", "to", "to_columns", "relation", "deletion", "expr", "follow", "valid", "shared"}
	columnKeys   = []string{"category", "title", "export", "mask", "third_party", "purpose", "legal_basis", "source", "given", "sensitivity", "paths", "free_text", "correct", "erase", "fact", "ignore"}
	companyKeys  = []string{"name", "from", "reply_to", "hotline", "officer", "address", "languages", "law", "identities", "purposes", "affiliates", "deletion", "correction"}

	askedDrivers   = []string{DriverManual, DriverOpenDSR, DriverWebhook}
	rights         = []string{RightAccess, RightDeletion, RightCorrection}
	outsideKeys    = []string{"rights", "tells", "due", "instructions", "evidence", "correct", "url", "domain", "transfer", "stops"}
	processorKinds = []string{IdentityEmail, IdentityAccount}
	keysOf         = map[string][]string{"rights": {DriverManual, DriverOpenDSR}, "instructions": {DriverManual}, "evidence": {DriverManual}, "correct": {DriverManual},
		"url": {DriverOpenDSR, DriverWebhook}, "domain": {DriverOpenDSR}, "stops": {DriverWebhook}}
	databaseKeys = []string{"collections", "ignore_tables", "connections", "processed_for"}

	identityKeys    = []string{"normaliser", "pattern"}
	pathKeys        = []string{"category", "title", "export", "mask", "sensitivity"}
	exprKeys        = []string{"json_path", "array_element", "prefix"}
	validKeys       = []string{"from", "until", "at", "when"}
	conditionKeys   = []string{"all", "any", "column", "op", "value"}
	operators       = []string{OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpIn, OpIsNull, OpNotNull}
	follows         = []string{FollowDown, FollowUp, FollowNone}
	sharings        = []string{SharedShow, SharedHide}
	sensitivities   = []string{Ordinary, Sensitive, Special}
	deletionActions = []string{DeletionDelete, DeletionAnonymise, DeletionKeep}
	deletionKeys    = []string{"action", "basis", "law", "since", "for", "until", "then", "blocked"}
	blockedKeys     = []string{"column", "value"}
	strategies      = []string{StrategyNull, StrategyConstant, StrategyEmpty, StrategyHash, StrategyPseudonym, StrategyRandom, StrategyPlaceholder, StrategyTruncate, StrategyScrub}
	strategyKeys    = []string{"with", "value", "to", "keep"}
	truncations     = []string{TruncateNetwork, TruncateYear, TruncatePrefix}
	boundKeys       = []string{"limit_rows", "limit_percent", "strong"}
	expiryKeys      = []string{"after", "since", "missing", "zone", "when", "action", "marked", "until", "at_least", "no_floor", "purpose", "legal_basis", "usual"}
	expiryActions   = []string{ExpiryDelete, ExpiryAnonymise, ExpiryBlock}
	sinceKeys       = []string{"parent", "column"}
	missingKeys     = []string{"since"}
	nulls           = []string{NullNever, NullDue}
	floorKeys       = []string{"for", "since", "law"}
	stopKeys        = []string{"purpose", "set", "lift", "delete"}
	closureKeys     = []string{"title", "when"}
	sweepKeys       = []string{"at", "zone", "rate", "window", "yield"}
	correctKeys     = []string{"never", "copies", "disputed"}
	copyKeys        = []string{"column", "path", "as"}
	copyForms       = []string{CopySame, CopyLower, CopyDigits}
	correctionKeys  = []string{"fields", "real_name"}
	fieldKeys       = []string{"category", "title", "strict", "evidence"}
	realNameKeys    = []string{"collection", "name", "number", "since"}
	ownNormalisers  = []string{NormaliserText, NormaliserCasefold, NormaliserDigits}
)

var (
	systemName     = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	collectionName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	identityName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	purposeName    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	regionName     = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]{1,3})?$`)
)

// Identities lists the kinds of identity that every map has; see Map.IdentityNames for all.
func Identities() []string { return slices.Clone(identities) }

// Drivers lists the drivers that a system may name.
func Drivers() []string { return slices.Clone(drivers) }

// LegalBases lists the legal bases that a collection may name: those of PIPL Art. 13 and GDPR
// Art. 6(1).
func LegalBases() []string { return slices.Clone(legalBases) }

// Masks lists the masks that a column may name.
func Masks() []string { return slices.Clone(masks) }

// tableName splits "schema.table". A name with a dot of its own stands in double quotes, and a
// double quote in it is doubled, as in SQL. Letters keep their case with and without quotes.
func tableName(s string) (schema, table string, ok bool) {
	var parts []string
	for {
		part, rest, good := firstPart(s)
		if !good || part == "" || len(part) > 128 || strings.ContainsFunc(part, isControl) {
			return "", "", false
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		s = rest[1:]
	}
	if len(parts) != 2 {
		return "", "", false
	}
	return parts[0], parts[1], true
}

// firstPart takes one name off s; rest is empty or begins with the dot.
func firstPart(s string) (part, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexByte(s, '.'); i >= 0 {
			return s[:i], s[i:], !strings.Contains(s[:i], `"`)
		}
		return s, "", !strings.Contains(s, `"`)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			rest = s[i+1:]
			return b.String(), rest, rest == "" || rest[0] == '.'
		}
	}
	return "", "", false
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }
