package main

import (
	"os"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Who may read a file that a command writes: only whoever ran it, where it may hold personal data; everybody,
// where it goes into a repository.
const (
	private os.FileMode = 0o600
	public  os.FileMode = 0o644
)

// writeNew writes a file that must not be there yet.
func writeNew(path string, data []byte, who os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, who)
	if os.IsExist(err) {
		return fault.Newf(contract.ErrBadInput, "%s is there already, and nothing is overwritten", path).WithHint("name another file, or move that one away")
	}
	if err != nil {
		return fault.New(contract.ErrBadInput, path+" cannot be written", err).WithHint("name a new file in a folder that you may write to")
	}
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fault.New(contract.ErrUnavailable, path+" could not be written whole", err)
	}
	return nil
}
