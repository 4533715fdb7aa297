// Package datamap reads and checks the data map: YAML files, one a system, that say what the
// company holds about people, where, and how a person is found there; and company.yaml beside
// them, which says who the company is.
//
// It promises that a map it returns is whole: every name resolves, every column is classified or
// ignored on purpose, and whatever is wrong has been said with file, line and column. What does
// not belong here: reaching a system (internal/systems) and finding a person (internal/subject).
package datamap
