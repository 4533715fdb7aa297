package conformance

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/habeas-dsr/habeas/internal/datamap"
)

const walkCompany = `name: {zh: 示例公司, en: Example Company}
from: privacy@company.example
languages: [zh, en]
law: cn-pipl
`

// walkCollections are the two systems of the walk: for each collection its columns, the first
// being the key unless parts says otherwise, and what the map says beside.
var walkCollections = map[string][]struct{ name, key, columns, says string }{
	"shop": {
		{"member", "id", "id login email mobile since until invited_by", `
    directory:
      account: login
      channels: [{kind: email, column: email}]
    match:
      - {column: login, identity: account}
      - {column: email, identity: email}
      - {column: mobile, identity: mobile, valid: {from: since, until: until}}
    links:
      - {columns: [invited_by], to: member, relation: refers, deletion: shallow, follow: none}`},
		// Several links between the same tables, of which one may be empty.
		{"orders", "shop, no", "shop no buyer collector ship_to", `
    links:
      - {columns: [buyer], to: member, relation: belongs, deletion: deep}
      - {columns: [collector], to: member, relation: belongs, deletion: shallow}`},
		// A composite key.
		{"line", "shop, no, pos", "shop no pos", `
    links:
      - {columns: [shop, no], to: orders, to_columns: [shop, no], relation: belongs, deletion: deep}`},
		// A row that is pointed at and may be shared.
		{"address", "id", "id street", `
    links:
      - {columns: [id], to: orders, to_columns: [ship_to], relation: refers, deletion: refcount}`},
		// m:n, and the way through it.
		{"membership", "team_id, member_id", "team_id member_id", `
    links:
      - {columns: [member_id], to: member, relation: belongs, deletion: deep}`},
		{"team", "id", "id title", `
    links:
      - {columns: [id], to: membership, to_columns: [team_id], relation: refers, deletion: refcount}`},
		// Self-references: from a row to those below it, and to the one above it.
		{"folder", "id", "id inside owner", `
    links:
      - {columns: [owner], to: member, relation: belongs, deletion: deep}
      - {columns: [inside], to: folder, relation: belongs, deletion: deep, follow: down}`},
		{"post", "id", "id answers author", `
    links:
      - {columns: [author], to: member, relation: belongs, deletion: deep}
      - {columns: [answers], to: post, relation: refers, deletion: shallow, follow: up}`},
		// A circle: a draft has a current version, a version has its draft.
		{"draft", "id", "id writer current", `
    links:
      - {columns: [writer], to: member, relation: belongs, deletion: deep}
      - {columns: [current], to: version, relation: belongs, deletion: shallow}`},
		{"version", "id", "id draft", `
    links:
      - {columns: [draft], to: draft, relation: belongs, deletion: deep}`},
		// Links by a part of a column.
		{"event", "id", "id doc", `
    links:
      - {columns: [doc], to: member, relation: belongs, deletion: deep, expr: {json_path: [who, id]}}`},
		{"mailing", "id", "id people", `
    links:
      - {columns: [people], to: member, relation: belongs, deletion: deep, expr: {array_element: true}}`},
		{"card", "id", "id code", `
    links:
      - {columns: [code], to: member, to_columns: [login], relation: belongs, deletion: deep, expr: {prefix: 4}}`},
		// Validity in time: a mobile had another owner before; a lease holds while its line does.
		{"callrec", "id", "id number at", `
    match:
      - {column: number, identity: mobile, valid: {at: at}}`},
		{"simcard", "id", "id member_id starts ends", `
    links:
      - {columns: [member_id], to: member, relation: belongs, deletion: deep}`},
		{"traffic", "id", "id card at", `
    links:
      - {columns: [card], to: simcard, relation: belongs, deletion: deep, valid: {at: at, from: starts, until: ends}}`},
		{"notice", "id", "id member_id state", `
    links:
      - {columns: [member_id], to: member, relation: belongs, deletion: deep, valid: {when: {column: state, op: in, value: [sent, read]}}}`},
		// A row about two people.
		{"transfer", "id", "id giver taker", `
    links:
      - {columns: [giver], to: member, relation: belongs, deletion: shallow}
      - {columns: [taker], to: member, relation: belongs, deletion: shallow}`},
		// What widens a search, and what must not.
		{"profile", "id", "id member_id second_email old_email", `
    match:
      - {column: second_email, identity: email, widens: true}
      - {column: old_email, identity: email}
    links:
      - {columns: [member_id], to: member, relation: belongs, deletion: deep}`},
		// Back from the other system.
		{"refund", "id", "id ticket", `
    links:
      - {columns: [ticket], to: desk.ticket, relation: belongs, deletion: deep}`},
	},
	"desk": {
		{"ticket", "id", "id account email", `
    match:
      - {column: email, identity: email}
    links:
      - {columns: [account], to: shop.member, relation: belongs, deletion: deep}`},
		{"reply", "id", "id ticket", `
    links:
      - {columns: [ticket], to: ticket, relation: belongs, deletion: deep}`},
	},
}

// walkMap loads the map of the walk as a map is always loaded; at are the schemas by system.
func walkMap(t *testing.T, driver string, at map[string]Database) *datamap.Map {
	t.Helper()
	files := fstest.MapFS{datamap.CompanyFile: {Data: []byte(walkCompany)}}
	for system, collections := range walkCollections {
		var b strings.Builder
		fmt.Fprintf(&b, "version: 1\nsystem: %s\ntitle: {zh: 系统, en: System}\ndriver: %s\nregion: cn\nowner: the team\ncollections:\n", system, driver)
		for _, c := range collections {
			fmt.Fprintf(&b, "  %s:\n    table: %s.%s\n    title: {zh: 表, en: Table}\n    key: [%s]\n    purpose: {zh: 试, en: To try}\n"+
				"    legal_basis: contract\n    retention: {zh: 一年, en: A year}%s\n    columns:\n", c.name, at[system].Schema, c.name, c.key, c.says)
			for column := range strings.FieldsSeq(c.columns) {
				fmt.Fprintf(&b, "      %s: {category: user}\n", column)
			}
		}
		files[system+".yaml"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	m, err := datamap.LoadFS(files)
	if err != nil {
		t.Fatalf("the map of the walk does not load:\n%v", err)
	}
	return m
}
