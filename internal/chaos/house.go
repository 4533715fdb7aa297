package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/habeas-dsr/habeas/internal/demo"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/stack"
	"github.com/habeas-dsr/habeas/internal/stack/line"
)

// blobsSize is the small file system that the blob store lies on, so that it can be full.
const blobsSize = "size=64m,mode=0700"

// house is the example company on a stack of its own, with two workers and a line that can be cut.
type house struct {
	*demo.Company
	desk    *desk.Desk
	dir     string // of everything
	bin     string
	blobs   string // of the blob store on its small file system; empty: there is none
	own     map[string]string
	dsns    map[string]string // of the systems, for their owner
	lines   map[string]*line.Line
	workers []worker
	closes  []func()
}

// close gives everything back; keep leaves the folder.
func (h *house) close(keep bool) {
	for i := len(h.closes) - 1; i >= 0; i-- {
		h.closes[i]()
	}
	h.closes = nil
	if !keep {
		_ = os.RemoveAll(h.dir)
	}
}

// setUp builds the programs and sets the company up.
func setUp(ctx context.Context, o options, people int) (*house, error) {
	h := &house{dir: o.dir, bin: o.bin, own: demo.Own(os.Environ()), lines: map[string]*line.Line{}}
	var err error
	if h.dir == "" {
		if h.dir, err = os.MkdirTemp("", "habeas-chaos-"); err != nil {
			return nil, fmt.Errorf("making a folder: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(h.dir, "packages"), 0o700); err != nil {
		return h, fmt.Errorf("making a folder: %w", err)
	}
	if err := os.Chmod(h.dir, 0o711); err != nil { //nolint:gosec // PostgreSQL runs as another user and passes through
		return h, fmt.Errorf("opening the folder to PostgreSQL: %w", err)
	}
	if h.bin == "" {
		h.bin = filepath.Join(h.dir, "bin")
		if err := build(ctx, o.src, h.bin); err != nil {
			return h, err
		}
	}
	if h.own["HABEAS_BLOBS"] == "" {
		h.smallBlobs()
	}
	env := map[string]string{"HABEAS_CODES_PER_HOUR": "20", "HABEAS_CODE_MINUTES": "60", "HABEAS_CODE_TRIES": "10", "HABEAS_COOL_OFF": "1s", "HABEAS_CODEC": "off"}
	if h.blobs != "" {
		env["HABEAS_BLOBS"] = h.blobs
	}
	maps.Copy(env, h.own)
	stackDir := filepath.Join(h.dir, "stack")
	h.closes = append(h.closes, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		if _, err := stack.Down(ctx, stack.Options{Dir: stackDir}); err != nil {
			say("stopping the stack in %s: %v", stackDir, err)
		}
	})
	say("setting the example company up in %s", h.dir)
	h.Company, err = demo.Prepare(ctx, demo.Options{Dir: stackDir, BinDir: h.bin, Env: env, Example: example.Options{People: people, Seed: 7}, Say: quietly})
	if err != nil {
		return h, err
	}
	return h, h.furnish(ctx)
}

func quietly(string, ...any) {}

// furnish puts the line in, starts the workers and opens the desk.
func (h *house) furnish(ctx context.Context) error {
	var err error
	if h.dsns, err = h.LoadDSNs(); err != nil {
		return err
	}
	if h.own[stack.DSNVariable(cutSystem)] == "" {
		straight := h.Stack.Env(stack.RoleApp)[stack.DSNVariable(cutSystem)]
		u, err := url.Parse(straight)
		if err != nil {
			return errors.New("the address of the system on MariaDB is no URL")
		}
		l, err := line.New(u.Host)
		if err != nil {
			return err
		}
		h.closes = append(h.closes, l.Down)
		u.Host = l.At()
		h.lines[cutSystem] = l
		h.Reach(cutSystem, u.String())
	}
	h.workers = []worker{{"worker", h.Env["HABEAS_METRICS_LISTEN"]}}
	second, err := freeAddress()
	if err != nil {
		return err
	}
	h.workers = append(h.workers, worker{"worker-b", second})
	for _, w := range h.workers {
		if err := h.StartWorkerAs(ctx, w.name, w.metrics); err != nil {
			return err
		}
	}
	d, done, err := h.Desk(ctx)
	if err != nil {
		return err
	}
	h.desk, h.closes = d, append(h.closes, done)
	return nil
}

// smallBlobs mounts a small file system for the blob store, where the machine lets us.
func (h *house) smallBlobs() {
	at := filepath.Join(h.dir, "small")
	if err := os.MkdirAll(at, 0o700); err != nil {
		return
	}
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, blobsSize); err != nil {
		return
	}
	h.blobs = filepath.Join(at, "blobs")
	h.closes = append(h.closes, func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			say("%s is still mounted: %v", at, err)
		}
	})
}

// build makes programs from a checkout: both, or those that are named.
func build(ctx context.Context, from, into string, only ...string) error {
	for name, pkg := range map[string]string{"habeas": "./starter", "habeas-worker": "./worker"} {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(into, name), pkg)
		command.Dir = from
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

func freeAddress() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
