package datamap

import (
	"strings"
	"testing"
	"testing/fstest"
)

const customerCompany = `name: {en: Example}
from: a@cloud.example
languages: [en]
law: cn-pipl
`

// customerMap is a system of two collections; in both what is given is added.
func customerMap(system, parent, child string) fstest.MapFS {
	text := `version: 1
system: shop
title: {en: Shop}
driver: postgres
region: cn
owner: o@cloud.example
` + system + `collections:
  users:
    table: s.users
    title: {en: Users}
    key: [id]
    purpose: {en: p}
    legal_basis: contract
    retention: {en: r}
    directory: {account: login, channels: [{kind: email, column: email}]}
    match: [{column: email, identity: email}]
    columns:
      id: {category: user.unique_id, title: {en: t}, export: show}
      login: {category: user.account.username, title: {en: t}, export: show}
      email: {category: user.contact.email, title: {en: t}, export: show}
  members:
    table: s.members
    title: {en: Members}
    key: [id]
    purpose: {en: p}
    legal_basis: contract
    retention: {en: r}
` + parent + `    match: [{column: email, identity: email}]
    columns:
      id: {category: user.unique_id, title: {en: t}, export: show}
      email: {category: user.contact.email, title: {en: t}, export: show}
  orders:
    table: s.orders
    title: {en: Orders}
    key: [id]
    purpose: {en: p}
    legal_basis: contract
    retention: {en: r}
` + child + `    links: [{columns: [member], to: members, to_columns: [id], relation: belongs, deletion: deep}]
    columns:
      id: {category: user.unique_id, title: {en: t}, export: show}
      member: {category: user.unique_id, title: {en: t}, export: show}
`
	return fstest.MapFS{"company.yaml": {Data: []byte(customerCompany)}, "shop.yaml": {Data: []byte(text)}}
}

const forShop = "    processed_for: {name: {en: Example Shop}, contact: privacy@shop.example}\n"

// Affiliates are read with their names, and a wrong one is refused.
func TestAffiliates(t *testing.T) {
	t.Parallel()
	files := customerMap("", forShop, forShop)
	files["company.yaml"].Data = []byte(customerCompany + "affiliates:\n  shop-pay: {en: Shop Pay}\n")
	m, err := LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Affiliate("shop-pay"); a == nil || a.Title.EN != "Shop Pay" || m.Affiliate("shop") != nil || len(m.AffiliateNames()) != 1 {
		t.Errorf("affiliates %+v", m.Company.Affiliates)
	}
	for _, wrong := range []string{"affiliates: {Shop Pay: {en: x}}", "affiliates: {shop-pay: }", "affiliates: {shop-pay: {zh: x}}"} {
		files["company.yaml"].Data = []byte(customerCompany + wrong + "\n")
		if _, err := LoadFS(files); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
}

// What is held for a customer shows nothing, and takes no word on what becomes of it.
func TestHeldForACustomer(t *testing.T) {
	t.Parallel()
	m, err := LoadFS(customerMap("", forShop, forShop))
	if err != nil {
		t.Fatal(err)
	}
	for name, shows := range map[string]bool{"users": true, "members": false, "orders": false} {
		c := m.System("shop").Collection(name)
		if c.Shows() != shows || (c.ProcessedFor == nil) != shows {
			t.Errorf("%s shows %v", name, c.Shows())
		}
		if of := m.Portable().System("shop").Collection(name); (of.ProcessedFor == nil) != shows {
			t.Errorf("%s is somebody else's in what is taken along", name)
		}
	}
	if list := m.Customers(); len(list) != 1 || list[0].Contact != "privacy@shop.example" || list[0].Name.EN != "Example Shop" {
		t.Errorf("customers %+v", list)
	}
	for name, v := range map[string]struct{ system, parent, child, want string }{
		"deletion":          {"", forShop + "    deletion: {action: delete}\n", forShop, "deletion cannot stand here"},
		"given":             {"", forShop + "    given: true\n", forShop, "given cannot stand here"},
		"found through it":  {"", forShop, "", `"orders" is only found through rows that are held for a customer`},
		"no mailbox":        {"", strings.Replace(forShop, "privacy@shop.example", "the shop", 1), forShop, "contact must be a plain mail address"},
		"no name":           {"", "    processed_for: {contact: privacy@shop.example}\n", forShop, "name"},
		"a whole directory": {strings.TrimPrefix(forShop, "    "), "", "", "directory cannot stand here"},
	} {
		_, err := LoadFS(customerMap(v.system, v.parent, v.child))
		if err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
