package scratch

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Folder is a temporary folder of this test process.
type Folder struct {
	Path string
	lock *os.File // held while we live, so that nobody sweeps the folder
}

// NewFolder sweeps away the folders of that prefix whose process was killed, and makes one for us.
// Any user may pass through it.
func NewFolder(prefix string) (*Folder, error) {
	dir := tempFolder()
	sweep(dir, prefix)
	path, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	f := &Folder{Path: path}
	if f.lock, err = lockFile(filepath.Join(path, "lock")); err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o711); err != nil { // the user of the server must pass through it, and need not list it
		return nil, fmt.Errorf("opening the folder: %w", err)
	}
	return f, nil
}

// Remove removes the folder.
func (f *Folder) Remove() error {
	err := os.RemoveAll(f.Path)
	_ = f.lock.Close()
	if err != nil {
		return fmt.Errorf("removing the folder: %w", err)
	}
	return nil
}

// Tail is the end of a file in the folder, on one line.
func (f *Folder) Tail(name string, lines int) string {
	raw, err := os.ReadFile(filepath.Join(f.Path, name))
	if err != nil {
		return "not readable"
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], " | ")
}

// sweep removes the folders of test processes that were killed: nobody holds their lock.
func sweep(dir, prefix string) {
	stale, err := filepath.Glob(filepath.Join(dir, prefix+"*", "lock"))
	if err != nil {
		return
	}
	for _, path := range stale {
		lock, err := lockFile(path)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(filepath.Dir(path)) // a rest is swept by the next one
		_ = lock.Close()
	}
}

// lockFile takes an exclusive lock, or fails at once when somebody else has it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("taking the lock: %w", err)
	}
	return f, nil
}

// tempFolder is the usual one, or /tmp where that is inside a home that another user cannot enter
// and we are root, who runs servers as another user.
func tempFolder() string {
	dir := os.TempDir()
	for p := dir; os.Geteuid() == 0; p = filepath.Dir(p) {
		if st, err := os.Stat(p); err != nil || st.Mode()&0o001 == 0 {
			return "/tmp"
		}
		if p == filepath.Dir(p) {
			break
		}
	}
	return dir
}

// FreePort is a port of 127.0.0.1 that nobody has at the moment.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
