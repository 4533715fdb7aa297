package mytest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/habeas-dsr/habeas/internal/stack/mariadb"
	"github.com/habeas-dsr/habeas/internal/stack/scratch"
)

const (
	folderPrefix = "habeas-mytest-"
	startTimeout = time.Minute
	stopTimeout  = 20 * time.Second
)

// server is the MariaDB of this test process.
type server struct {
	folder *scratch.Folder
	db     mariadb.Server

	mu      sync.Mutex
	process *scratch.Process
}

// launch makes the data folder and starts the server.
func launch() (*server, error) {
	programs, err := mariadb.Binaries()
	if err != nil {
		return nil, err
	}
	folder, err := scratch.NewFolder(folderPrefix)
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, db: mariadb.Server{Programs: programs, Dir: filepath.Join(folder.Path, "data"), Settings: map[string]string{
		"innodb-flush-log-at-trx-commit": "0", "innodb-doublewrite": "OFF", "innodb-buffer-pool-size": "64M", "innodb-fast-shutdown": "2",
		"sync-frm": "OFF", "max-connections": "200", "aria-pagecache-buffer-size": "8M",
	}}}
	if err := errors.Join(s.certify(), s.launch()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// certify lets the server speak TLS with whoever asks for it.
func (s *server) certify() error {
	as, err := mariadb.Credential()
	if err != nil {
		return err
	}
	c, err := scratch.NewCertificate(s.folder.Path, as)
	s.db.Settings["ssl-cert"], s.db.Settings["ssl-key"] = c.Cert, c.Key
	return err
}

func (s *server) launch() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := s.db.Init(ctx); err != nil {
		return err
	}
	// A free port may be taken by somebody else before the server has it.
	var err error
	for range 5 {
		if s.db.Port, err = scratch.FreePort(); err != nil {
			return err
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	as, err := mariadb.Credential()
	if err != nil {
		return err
	}
	s.process, err = scratch.Start(scratch.Spec{
		Argv: s.db.Argv(), Env: mariadb.Environ(), Dir: "/", As: as, Log: filepath.Join(s.folder.Path, "log"), LastWill: syscall.SIGKILL,
	})
	if err != nil {
		return err
	}
	if err := s.db.WaitReady(ctx, mariadb.DSN(s.db.Port, mariadb.Superuser, "", ""), s.process.Alive); err != nil {
		return fmt.Errorf("%w (its log ends: %s)", err, s.folder.Tail("log", 3))
	}
	return nil
}

// halt stops the server: cleanly, or by SIGKILL.
func (s *server) halt(kill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	s.process.Stop(sig, stopTimeout)
	s.process = nil
}

// close stops the server and removes everything. Nobody wants the data, so it is killed.
func (s *server) close() error {
	s.halt(true)
	return s.folder.Remove()
}
