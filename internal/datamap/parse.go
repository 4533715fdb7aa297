package datamap

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may hold at most. The parser takes time that grows with the square of a mapping's
// keys and worse with nesting, so both are bounded before it sees the file.
const (
	maxFile  = 4 << 20 // bytes
	maxDepth = 24      // mappings and lists inside each other
	maxKeys  = 5000    // in one mapping
)

// parse reads one YAML document. It gives nil and notes why when the file cannot be understood
// at all.
func (f *file) parse(data []byte) ast.Node {
	switch {
	case len(data) > maxFile:
		f.whole("the file is larger than %d MiB", maxFile>>20)
		return nil
	case !utf8.Valid(data):
		line, column := firstInvalid(data)
		f.at(line, column, "the text is not UTF-8")
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if line := tabbed(data); line > 0 {
		f.at(line, 1, "the line is indented with a tab; YAML takes spaces only")
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if !f.plain(tokens) {
		return nil
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f.syntax(err)
		return nil
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			f.node(doc.Body, "a second YAML document begins here; one file describes one thing")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		f.whole("the file is empty")
	}
	return body
}

// syntax notes the one error at which the parser stopped.
func (f *file) syntax(err error) {
	var known yaml.Error
	if !errors.As(err, &known) || known.GetToken() == nil || known.GetToken().Position == nil {
		f.whole("the file is not YAML")
		return
	}
	text := known.GetMessage()
	if text == "" {
		text = "the file is not YAML"
	}
	at := known.GetToken().Position
	f.at(at.Line, at.Column, "%s", text)
}

// plain refuses what the format does not use and what could make a small file large: anchors,
// aliases, merge keys, tags, directives, keys that are no plain text; nesting and sizes beyond
// any real map.
func (f *file) plain(tokens token.Tokens) bool {
	var shape shape
	for _, t := range tokens {
		if t.Position == nil {
			continue
		}
		word := ""
		switch t.Type {
		case token.AnchorType:
			word = "anchors (&name)"
		case token.AliasType:
			word = "aliases (*name)"
		case token.MergeKeyType:
			word = "merge keys (<<)"
		case token.TagType:
			word = "tags (!name)"
		case token.DirectiveType:
			word = "directives (%name)"
		case token.MappingKeyType:
			word = "keys behind '?'"
		}
		if word != "" {
			f.at(t.Position.Line, t.Position.Column, "%s are not part of the format; write the value out", word)
			return false
		}
		if why := shape.add(t); why != "" {
			f.at(t.Position.Line, t.Position.Column, "%s", why)
			return false
		}
	}
	return true
}

// shape follows how deep the tokens nest and how many keys stand in one mapping.
type shape struct {
	flow  []int // keys of each open {…} or […]
	block []blockLevel
}

type blockLevel struct{ column, keys int }

func (s *shape) add(t *token.Token) string {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		s.flow = append(s.flow, 0)
	case token.MappingEndType, token.SequenceEndType:
		if len(s.flow) > 0 {
			s.flow = s.flow[:len(s.flow)-1]
		}
	case token.CollectEntryType, token.MappingValueType, token.SequenceEntryType:
		if keys := s.count(t); keys > maxKeys {
			return fmt.Sprintf("more than %d entries stand in one place", maxKeys)
		}
	}
	if len(s.flow)+len(s.block) > maxDepth {
		return fmt.Sprintf("the nesting is deeper than %d levels", maxDepth)
	}
	return ""
}

// count adds one entry to the innermost open place and gives how many stand there now.
func (s *shape) count(t *token.Token) int {
	if n := len(s.flow); n > 0 {
		s.flow[n-1]++
		return s.flow[n-1]
	}
	column := t.Position.Column
	if t.Type == token.MappingValueType && t.Prev != nil && t.Prev.Position != nil {
		column = t.Prev.Position.Column
	}
	for n := len(s.block); n > 0 && s.block[n-1].column > column; n = len(s.block) {
		s.block = s.block[:n-1]
	}
	if n := len(s.block); n == 0 || s.block[n-1].column < column {
		s.block = append(s.block, blockLevel{column: column})
	}
	top := &s.block[len(s.block)-1]
	top.keys++
	return top.keys
}

// tabbed gives the first line that is indented with a tab, from 1; 0 when there is none. The
// parser's own word for it is no help to anybody.
func tabbed(data []byte) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && len(indent) < len(line) && line[len(indent)] != '#' {
			return i + 1
		}
	}
	return 0
}

func firstInvalid(data []byte) (line, column int) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line, column = line+1, 0
		}
		data, column = data[size:], column+1
	}
	return line, column
}
