package audit

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
)

// packages holds each package that a person has fetched against the casefile and the oracle: the very one
// that was released, with the person's rows and nobody else's.
func (a *auditor) packages(ctx context.Context) error {
	collections, err := readMap(a.h.Map)
	if err != nil {
		return err
	}
	o := &oracle{collections: collections, before: a.before.Rows, now: a.at, swept: map[string]bool{}}
	for _, system := range a.before.Swept {
		o.swept[system] = true
	}
	for _, c := range a.cases {
		if c.Package == "" {
			continue
		}
		a.report.Counts["packages"]++
		var hash []byte
		var whole bool
		err := a.db.QueryRowContext(ctx, `SELECT manifest_hash, released_at IS NOT NULL AND fetched_at IS NOT NULL AND wiped_at IS NOT NULL
			FROM habeas.package WHERE ref = $1`, c.Ref).Scan(&hash, &whole)
		if err != nil {
			return fmt.Errorf("reading a package of %s: %w", c.Ref, err)
		}
		if !whole {
			a.broken(Packages, c.Ref, "(%s) was not released, fetched and wiped", c.Kind)
		}
		z, err := zip.OpenReader(c.Package)
		if err != nil {
			a.broken(Packages, c.Ref, "(%s) has a package that does not open", c.Kind)
			continue
		}
		wrong := a.opened(o, c, z, hash)
		_ = z.Close()
		if wrong != "" {
			a.broken(Packages, c.Ref, "(%s) %s", c.Kind, wrong)
		}
	}
	return nil
}

func (a *auditor) opened(o *oracle, c Case, z *zip.ReadCloser, hash []byte) string {
	raw, err := readFile(z, "manifest.json")
	if sum := sha256.Sum256(raw); err != nil || string(sum[:]) != string(hash) {
		return "has another package than the one that was released"
	}
	var manifest struct {
		Case  string `json:"case"`
		Files []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil || manifest.Case != c.Ref.ID() {
		return "has the package of another case"
	}
	if len(manifest.Files)+2 != len(z.File) {
		return "has files in its package that no manifest lists"
	}
	mine, _, err := o.mine(c.Login)
	if err != nil {
		return err.Error()
	}
	for _, f := range manifest.Files {
		raw, err := readFile(z, f.Name)
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(raw)) != f.SHA256 {
			return "has a file in its package that is not as the manifest says"
		}
		id, isData := strings.CutPrefix(f.Name, "data/")
		if !isData || !strings.HasSuffix(id, ".json") {
			continue
		}
		var rows []map[string]any
		if err := json.Unmarshal(raw, &rows); err != nil {
			return "has a file of rows that does not read"
		}
		id = strings.Replace(strings.TrimSuffix(id, ".json"), "/", ".", 1)
		least, most := o.expected(id, mine[id])
		if len(rows) < least || len(rows) > most {
			return fmt.Sprintf("has %d rows of %s in its package, want %d to %d", len(rows), id, least, most)
		}
		delete(mine, id)
		a.report.Counts["rows in packages"] += len(rows)
	}
	return ""
}

// expected is how many of somebody's rows a package holds: retention may have taken some meanwhile.
func (o *oracle) expected(id string, keys map[string]bool) (least, most int) {
	for key := range keys {
		_, maybe, err := o.expired(o.collections[id], o.before[id][key])
		if err != nil || !maybe {
			least++
		}
		most++
	}
	return least, most
}

func readFile(z *zip.ReadCloser, name string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	return raw, errors.Join(err, f.Close())
}

// refs are the references of the cases that were looked at.
func (a *auditor) refs() map[string]contract.Ref {
	out := map[string]contract.Ref{}
	for _, c := range a.cases {
		out[c.Ref.ID()] = c.Ref
	}
	return out
}
