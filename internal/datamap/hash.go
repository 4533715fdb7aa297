package datamap

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/goccy/go-yaml/ast"
)

// hash is SHA-256 over what the files say: a JSON array of the format's version, company.yaml and
// every system in the order of their names. A mapping is a list of [key, value] in file order,
// because the order of collections and columns is the order in which people see them. Comments,
// quotes and indentation do not count, nor does the name of a file.
func (l *loading) hash() string {
	systems := make([]any, 0, len(l.Systems))
	for _, s := range l.Systems {
		systems = append(systems, []any{s.Name, canonical(l.trees[s.Name])})
	}
	data, err := json.Marshal([]any{Version, canonical(l.own), systems})
	if err != nil {
		// Strings, booleans and lists of them always marshal.
		panic("datamap: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func canonical(n ast.Node) any {
	switch v := n.(type) {
	case *ast.MappingNode:
		return canonicalPairs(v.Values)
	case *ast.MappingValueNode:
		return canonicalPairs([]*ast.MappingValueNode{v})
	case *ast.SequenceNode:
		list := make([]any, 0, len(v.Values))
		for _, item := range v.Values {
			list = append(list, canonical(item))
		}
		return list
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	case *ast.BoolNode:
		return v.Value
	case *ast.IntegerNode:
		// In a list of its own, so that 1 is not "1".
		return []any{"number", v.GetToken().Value}
	}
	return nil
}

func canonicalPairs(values []*ast.MappingValueNode) any {
	pairs := make([]any, 0, len(values))
	for _, v := range values {
		key, _ := keyText(v.Key)
		pairs = append(pairs, []any{key, canonical(v.Value)})
	}
	return map[string]any{"pairs": pairs}
}
