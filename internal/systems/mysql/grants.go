package mysql

import (
	"regexp"
	"strings"
)

var (
	grantLine   = regexp.MustCompile("^GRANT (.+) ON (?:TABLE )?(\\*|`(?:[^`]|``)+`)\\.(\\*|`(?:[^`]|``)+`) TO ")
	deleteRight = regexp.MustCompile(`(^|, )(DELETE|ALL PRIVILEGES)(,|$)`)
)

// rights settles where the account may delete: the catalog says nothing of that for rights that
// come by a role, the account's own grants do.
func (r *reading) rights() error {
	var grants []string
	if err := r.conn.SelectContext(r.ctx, &grants, r.note+"SHOW GRANTS"); err != nil {
		return err
	}
	for _, grant := range grants {
		parts := grantLine.FindStringSubmatch(grant)
		if parts == nil || !deleteRight.MatchString(parts[1]) {
			continue
		}
		for i := range r.cat.Tables {
			t := &r.cat.Tables[i]
			t.Delete = t.Delete || (granted(parts[2], t.Schema, parts[3] == "*") && granted(parts[3], t.Name, false))
		}
	}
	return nil
}

// granted reports whether a name of a grant is this one. That of a whole database is a pattern.
func granted(in, name string, pattern bool) bool {
	if in == "*" {
		return true
	}
	in = strings.ReplaceAll(in[1:len(in)-1], "``", "`")
	if !pattern {
		return in == name
	}
	var expr strings.Builder
	for rest := in; rest != ""; rest = rest[1:] {
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			expr.WriteString(regexp.QuoteMeta(rest[1:2]))
			rest = rest[1:]
		case rest[0] == '%':
			expr.WriteString(".*")
		case rest[0] == '_':
			expr.WriteString(".")
		case rest[0] < 0x80:
			expr.WriteString(regexp.QuoteMeta(rest[:1]))
		default:
			expr.WriteByte(rest[0])
		}
	}
	matched, err := regexp.MatchString("^(?s:"+expr.String()+")$", name)
	return err == nil && matched
}
