package stack

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
)

// CatcherOptions say where a catcher listens and what it checks.
type CatcherOptions = catcher.Options

// RunCatcher catches mail and short messages until the context ends.
func RunCatcher(ctx context.Context, o CatcherOptions) error { return catcher.Run(ctx, o) }

// CatcherMain is the hidden command `habeas stack catcher`; args are what follows these words. It
// runs until SIGINT or SIGTERM.
func CatcherMain(ctx context.Context, args []string) error {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var o CatcherOptions
	var secretFile string
	f := flag.NewFlagSet("stack catcher", flag.ContinueOnError)
	f.StringVar(&o.Dir, "dir", "", "folder for what is caught")
	f.StringVar(&o.SMTP, "smtp", "127.0.0.1:0", "address to take mail on")
	f.StringVar(&o.HTTP, "http", "127.0.0.1:0", "address of page, API and SMS webhook")
	f.StringVar(&secretFile, "secret-file", "", "file with the webhook's secret")
	if err := f.Parse(args); err != nil {
		return fault.New(contract.ErrBadInput, "stack catcher: "+err.Error(), err)
	}
	secret, err := os.ReadFile(secretFile)
	if err != nil {
		return fault.New(contract.ErrBadInput, "stack catcher: cannot read the secret", err)
	}
	o.SMSSecret = bytes.TrimSpace(secret)
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return RunCatcher(ctx, o)
}

func (s *session) catcher() part {
	return part{
		name:  "catcher",
		title: "the catcher for mail and short messages",
		ports: []portUse{
			{"mail", &s.state.Ports.SMTP, s.opts.Ports.SMTP},
			{"the mail page", &s.state.Ports.Catcher, s.opts.Ports.Catcher},
		},
		spec: func(context.Context) (spec, error) {
			dir := filepath.Join(s.dir, "catcher")
			if err := mkdir(dir, 0o700); err != nil {
				return spec{}, err
			}
			if !exists(s.smsSecretFile()) {
				if err := replaceFile(s.smsSecretFile(), []byte(randomHex(32)+"\n")); err != nil {
					return spec{}, err
				}
			}
			self := s.opts.BinSelf
			if self == "" {
				var err error
				if self, err = os.Executable(); err != nil {
					return spec{}, fmt.Errorf("finding our own program: %w", err)
				}
			}
			return spec{dir: dir, env: os.Environ(), argv: []string{
				self, "stack", "catcher", "--dir", dir, "--secret-file", s.smsSecretFile(),
				"--smtp", loopback(s.state.Ports.SMTP), "--http", loopback(s.state.Ports.Catcher),
			}}, nil
		},
		ready: func(ctx context.Context) error {
			return catcher.NewClient("http://" + loopback(s.state.Ports.Catcher)).Healthy(ctx)
		},
	}
}

func (s *session) smsSecretFile() string { return smsSecretFile(s.dir) }

func smsSecretFile(dir string) string { return filepath.Join(dir, "sms.secret") }
