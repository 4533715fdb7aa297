package desk

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Enrol proposes to let somebody sign. Two approvers must say so before it counts.
func (d *Desk) Enrol(ctx context.Context, name string, public ed25519.PublicKey, roles []dsr.Role, by string) (contract.Ref, error) {
	if !validName(name) {
		return "", fault.Newf(contract.ErrBadInput, "a name has 2 to 32 lower-case letters, digits, dots or hyphens")
	}
	if len(roles) == 0 {
		return "", fault.Newf(contract.ErrBadInput, "say at least one role with --role")
	}
	for _, r := range roles {
		if !slices.Contains(dsr.Roles, r) {
			return "", fault.Newf(contract.ErrBadInput, "unknown role %q", r).WithHint("the known ones are " + join(dsr.Roles))
		}
	}
	ref, err := d.Store.ProposeStaff(ctx, casefile.Staff{Name: name, PublicKey: public, Roles: roles}, by)
	if err != nil {
		return "", err
	}
	return ref, d.start(ctx, ref, "")
}

func validName(s string) bool {
	if len(s) < 2 || len(s) > 32 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

func join(roles []dsr.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// ReadPins reads the approvers file: "NAME ROLE[,ROLE] PUBLIC-KEY [until=TIME]" a line, # for
// remarks. Somebody who leaves gets an until= and keeps the line: what they signed before stands.
func ReadPins(path string) (casefile.Pins, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the approvers file cannot be read", err).WithHint("set HABEAS_APPROVERS to it; docs/configuration.md shows its form")
	}
	defer func() { _ = file.Close() }()
	pins := casefile.Pins{}
	lines := bufio.NewScanner(io.LimitReader(file, 1<<16))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 || len(fields) > 4 || !validName(fields[0]) {
			return nil, fault.Newf(contract.ErrBadInput, "line %d of the approvers file is not NAME ROLE[,ROLE] PUBLIC-KEY [until=TIME]", n)
		}
		public, err := seal.DecodePublic(fields[2])
		if err != nil {
			return nil, fault.New(contract.ErrBadInput, fmt.Sprintf("line %d of the approvers file has a key that is none", n), err)
		}
		pin := casefile.Pin{PublicKey: public}
		if len(fields) == 4 {
			if pin.Until, err = until(fields[3]); err != nil {
				return nil, fault.New(contract.ErrBadInput, fmt.Sprintf("line %d of the approvers file: the end is not until=2026-11-23 or until=2026-11-23T09:00:00Z", n), err)
			}
		}
		for word := range strings.SplitSeq(fields[1], ",") {
			if !slices.Contains(dsr.Roles, dsr.Role(word)) {
				return nil, fault.Newf(contract.ErrBadInput, "line %d of the approvers file names the unknown role %q", n, word)
			}
			pin.Roles = append(pin.Roles, dsr.Role(word))
		}
		pins[fields[0]] = pin
	}
	return pins, lines.Err()
}

// until reads until=DATE (the beginning of that day, UTC) or until=TIME (RFC 3339).
func until(field string) (time.Time, error) {
	text, ok := strings.CutPrefix(field, "until=")
	if !ok {
		return time.Time{}, errors.New("no until=")
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	return time.Parse(time.RFC3339, text)
}
