package datamap

import (
	_ "embed"
	"slices"
)

//go:embed schema/data-map.v1.json
var mapSchema []byte

//go:embed schema/company.v1.json
var companySchema []byte

// Schema is the JSON Schema (draft 2020-12) of a system's file, with which editors complete and
// check. It knows the shape of one file; only Load knows whether the names in it lead anywhere.
func Schema() []byte { return slices.Clone(mapSchema) }

// CompanySchema is the JSON Schema (draft 2020-12) of company.yaml.
func CompanySchema() []byte { return slices.Clone(companySchema) }
