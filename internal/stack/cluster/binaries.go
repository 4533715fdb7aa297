package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// minMajor is the oldest PostgreSQL that Habeas runs on.
const minMajor = 15

// ErrNoBinaries says that no PostgreSQL is installed, and what to type.
var ErrNoBinaries = errors.New("no PostgreSQL 15 or later found on this machine; run: make tools")

// Binaries returns the folder that holds initdb and postgres: the newest under
// /usr/lib/postgresql (Debian), otherwise the one of `postgres` on PATH. HABEAS_PG_BIN goes
// before both. The error is ErrNoBinaries when there is none.
func Binaries() (string, error) {
	if dir := os.Getenv("HABEAS_PG_BIN"); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("HABEAS_PG_BIN holds no initdb and postgres: %w", ErrNoBinaries)
		}
		return dir, nil
	}
	if dir := newest("/usr/lib/postgresql"); dir != "" {
		return dir, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	return "", ErrNoBinaries
}

// newest looks for <root>/<major>/bin as Debian lays it out; PostgreSQL 15, the one we test with,
// goes before later ones.
func newest(root string) string {
	entries, err := os.ReadDir(root)
	if err != nil {
		return ""
	}
	var majors []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err == nil && n >= minMajor && complete(filepath.Join(root, e.Name(), "bin")) {
			majors = append(majors, n)
		}
	}
	if len(majors) == 0 {
		return ""
	}
	return filepath.Join(root, strconv.Itoa(slices.Min(majors)), "bin")
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// Credential is whom a cluster runs as: nil when that is ourselves. PostgreSQL refuses to run as
// root, so root becomes the user postgres, which the Debian package creates.
func Credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres to run it as; run: make tools: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the id of the user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the group of the user postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
