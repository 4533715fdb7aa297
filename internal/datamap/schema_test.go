package datamap

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is what an editor's schema check sees of a YAML file.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemaTakesTheExample(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string][]byte{
		"accounts.yaml": Schema(), "billing.yaml": Schema(), CompanyFile: CompanySchema(),
	} {
		text, err := os.ReadFile(filepath.Join(exampleDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled(t, schema).Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is wrong within one file is wrong for the schema too; what needs other names is not its
// business.
func TestSchemaRefusesWhatLoadRefuses(t *testing.T) {
	t.Parallel()
	systems, company := compiled(t, Schema()), compiled(t, CompanySchema())
	for _, name := range []string{
		"typo-in-key", "typo-in-nested-key", "key-of-another-spelling", "key-unlike-any", "unclassified-column",
		"unclassified-column-with-title", "ignored-and-classified", "wrong-type-text", "wrong-type-list", "wrong-type-mapping",
		"wrong-type-number", "wrong-type-truth", "newer-version", "unknown-driver", "unknown-category", "category-by-prefix",
		"withdrawn-category", "unknown-channel", "unknown-language", "bad-patience", "bad-region",
		"bad-system-name", "bad-table",
	} {
		i := slices.IndexFunc(wrongs, func(w struct {
			name, file string
			changes    []string
		}) bool {
			return w.name == name
		})
		if i < 0 {
			t.Errorf("there is no mistake %s", name)
			continue
		}
		w := wrongs[i]
		schema := systems
		if w.file == CompanyFile {
			schema = company
		}
		if schema.Validate(asJSON(t, exampleFS(t, w.file, w.changes...)[w.file].Data)) == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}

// part follows a path of keys into a schema.
func part(t *testing.T, schema []byte, path string) any {
	t.Helper()
	var at any
	if err := json.Unmarshal(schema, &at); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Split(path, "/") {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			at = v[int(key[0]-'0')]
		}
	}
	if at == nil {
		t.Fatalf("the schema has no %s", path)
	}
	return at
}

func TestSchemaKnowsTheSameNamesAsLoad(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"properties":                                               systemKeys,
		"$defs/collection/properties":                              tableKeys,
		"$defs/directory/properties":                               dirKeys,
		"$defs/channel/properties":                                 channelKeys,
		"$defs/match/properties":                                   matchKeys,
		"$defs/link/properties":                                    linkKeys,
		"$defs/column/oneOf/0/properties":                          columnKeys[:len(columnKeys)-1],
		"$defs/column/oneOf/1/properties":                          {"ignore", "erase"},
		"$defs/correct/properties":                                 correctKeys,
		"$defs/correct/properties/copies/items/properties":         copyKeys,
		"$defs/correct/properties/copies/items/properties/as/enum": copyForms,
		"$defs/deletion/properties":                                deletionKeys,
		"$defs/deletion/properties/action/enum":                    deletionActions,
		"$defs/deletion/properties/basis/enum":                     legalBases,
		"$defs/deletion/properties/blocked/properties":             blockedKeys,
		"$defs/expiry/properties":                                  expiryKeys,
		"$defs/expiry/properties/action/enum":                      expiryActions,
		"$defs/expiry/properties/legal_basis/enum":                 legalBases,
		"$defs/floor/properties":                                   floorKeys,
		"properties/sweep/properties":                              sweepKeys,
		"$defs/strategy/oneOf/2/properties":                        strategyKeys,
		"$defs/strategy/oneOf/2/properties/with/enum":              strategies,
		"$defs/strategy/oneOf/2/properties/to/enum":                truncations,
		"$defs/text/properties":                                    languages,
		"$defs/category/enum":                                      categories,
		"properties/driver/enum":                                   drivers,
		"properties/rights/items/enum":                             rights,
		"$defs/channel/properties/kind/enum":                       channels,
		"$defs/match/properties/identity/anyOf/0/enum":             identities,
		"$defs/link/properties/relation/enum":                      relations,
		"$defs/link/properties/deletion/enum":                      deletions,
		"$defs/collection/properties/legal_basis/enum":             legalBases,
		"$defs/column/oneOf/0/properties/export/enum":              exports,
		"$defs/column/oneOf/0/properties/mask/enum":                masks,
		"$defs/path/properties":                                    pathKeys,
		"$defs/path/properties/sensitivity/enum":                   sensitivities,
		"$defs/expr/properties":                                    exprKeys,
		"$defs/valid/properties":                                   validKeys,
		"$defs/condition/properties":                               conditionKeys,
		"$defs/condition/properties/op/enum":                       operators,
		"$defs/link/properties/follow/enum":                        follows,
		"$defs/link/properties/shared/enum":                        sharings,
	} {
		sameNames(t, path, want, part(t, Schema(), path))
	}
	sameNames(t, "identity", identityKeys, part(t, CompanySchema(), "$defs/identity/properties"))
	sameNames(t, "normaliser", ownNormalisers, part(t, CompanySchema(), "$defs/identity/properties/normaliser/enum"))
	sameNames(t, "bounds of a deletion", boundKeys, part(t, CompanySchema(), "properties/deletion/properties"))
	sameNames(t, "correction", correctionKeys, part(t, CompanySchema(), "properties/correction/properties"))
	sameNames(t, "a field", fieldKeys, part(t, CompanySchema(), "properties/correction/properties/fields/additionalProperties/properties"))
	sameNames(t, "real name", realNameKeys, part(t, CompanySchema(), "properties/correction/properties/real_name/properties"))
	sameNames(t, "company", companyKeys, part(t, CompanySchema(), "properties"))
	sameNames(t, "laws", laws, part(t, CompanySchema(), "properties/law/enum"))
	sameNames(t, "languages", languages, part(t, CompanySchema(), "properties/languages/items/enum"))
}

func sameNames(t *testing.T, path string, want []string, got any) {
	t.Helper()
	var names []string
	switch v := got.(type) {
	case map[string]any:
		for name := range v {
			names = append(names, name)
		}
	case []any:
		for _, name := range v {
			names = append(names, name.(string))
		}
	}
	want = slices.Clone(want)
	slices.Sort(want)
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("%s (-loader +schema):\n%s", path, diff)
	}
}

func TestCategories(t *testing.T) {
	t.Parallel()
	if list := Categories(); len(list) < 300 || !slices.IsSorted(list) || len(slices.Compact(list)) != len(categories) {
		t.Errorf("%d categories", len(list))
	}
	for old, current := range withdrawn {
		if !known(current, categories) || known(old, categories) {
			t.Errorf("%s -> %s", old, current)
		}
	}
	for name := range treatments {
		if !known(name, categories) {
			t.Errorf("the treatment of %s is of no category", name)
		}
	}
	for wrong, want := range map[string]string{
		"user.email": "user.contact.email", "user.contact.e-mail": "user.contact.email", "pd:Email": "pd:EmailAddress",
		"pd:emailaddress": "pd:EmailAddress", "email": "user.contact.email", "user.phone": "user.contact.phone_number", "quite something": "",
	} {
		if got := nearestCategory(wrong); got != want {
			t.Errorf("near %q is %q, not %q", wrong, got, want)
		}
	}
}
