package mariadb

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrNoBinaries says that no MariaDB is installed, and what to type.
var ErrNoBinaries = errors.New("no MariaDB 10.11 or later found on this machine; run: scripts/install-tools.sh mariadb")

// Programs are those that a server needs.
type Programs struct {
	Server  string // mariadbd
	Install string // mariadb-install-db
}

// Binaries finds the programs: mariadbd where Debian keeps it or on PATH, mariadb-install-db on
// PATH. HABEAS_MARIADB_BIN, a folder with both, goes before. The error is ErrNoBinaries when one
// is missing.
func Binaries() (Programs, error) {
	if dir := os.Getenv("HABEAS_MARIADB_BIN"); dir != "" {
		p := Programs{Server: filepath.Join(dir, "mariadbd"), Install: filepath.Join(dir, "mariadb-install-db")}
		if !runnable(p.Server) || !runnable(p.Install) {
			return Programs{}, fmt.Errorf("HABEAS_MARIADB_BIN holds no mariadbd and mariadb-install-db: %w", ErrNoBinaries)
		}
		return p, nil
	}
	p := Programs{Server: find("mariadbd"), Install: find("mariadb-install-db")}
	if p.Server == "" || p.Install == "" {
		return Programs{}, ErrNoBinaries
	}
	return p, nil
}

// find looks beyond PATH, on which the folder of servers is often missing.
func find(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin"} {
		if path := filepath.Join(dir, name); runnable(path) {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func runnable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// Credential is whom a server runs as: nil when that is ourselves, the user mysql when we are
// root, who may not run it.
func Credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		return nil, fmt.Errorf("MariaDB is not run as root, and there is no user mysql to run it as; run: scripts/install-tools.sh mariadb: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the id of the user mysql: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the group of the user mysql: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
