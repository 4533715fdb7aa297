package bounces

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/letters"
)

// Mailbox reads what came back out of a mailbox on this machine: an mbox file (RFC 4155) or a Maildir.
// It is read and never changed; a message that is read again counts once. Where a mail server puts the
// envelope's address is its own custom: the usual headers are looked at.
type Mailbox struct {
	Listener
	Path  string
	Every time.Duration // how often it is looked at

	read int64           // of an mbox, in bytes
	seen map[string]bool // of a Maildir, by the part of the name that stays
}

// whereto are the headers in which mail servers write whom a message was for, the surest first.
var whereto = []string{"X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To"}

// Watch looks into the mailbox until the context ends. A mailbox that cannot be read is logged and
// tried again.
func (b *Mailbox) Watch(ctx context.Context) error {
	tick := time.NewTicker(b.Every)
	defer tick.Stop()
	for {
		if _, err := b.Look(ctx); err != nil && ctx.Err() == nil {
			b.Log.Warn("the mailbox of bounces could not be read; it is tried again", "type", fault.As(err).Type)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look takes what is new and says how many messages were for letters of ours.
func (b *Mailbox) Look(ctx context.Context) (int, error) {
	at, err := os.Stat(b.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // nothing was delivered yet
	}
	if err != nil {
		return 0, fault.New(contract.ErrUnavailable, "the mailbox of bounces cannot be read", err)
	}
	if at.IsDir() {
		return b.maildir(ctx)
	}
	return b.mbox(ctx, at.Size())
}

func (b *Mailbox) maildir(ctx context.Context) (int, error) {
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	count, there := 0, map[string]bool{}
	for _, folder := range []string{"new", "cur"} {
		list, err := os.ReadDir(filepath.Join(b.Path, folder))
		if err != nil {
			return count, fault.New(contract.ErrUnavailable, "the mailbox of bounces is neither a file nor a Maildir", err)
		}
		for _, file := range list {
			name, _, _ := bytes.Cut([]byte(file.Name()), []byte(":")) // flags change, the rest stays
			there[string(name)] = true
			if b.seen[string(name)] || !file.Type().IsRegular() {
				continue
			}
			raw, err := readFile(filepath.Join(b.Path, folder, file.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // moved meanwhile: the next look finds it
			}
			if err != nil {
				return count, fault.New(contract.ErrUnavailable, "a message of the mailbox cannot be read", err)
			}
			ours, err := b.message(ctx, raw)
			if err != nil {
				return count, err
			}
			count += ours
			b.seen[string(name)] = true
		}
	}
	for name := range b.seen { // bounded by what lies there
		if !there[name] {
			delete(b.seen, name)
		}
	}
	return count, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxMessage))
}

// mbox reads on where it stopped, or from the beginning when the file has become shorter.
func (b *Mailbox) mbox(ctx context.Context, size int64) (int, error) {
	if size < b.read {
		b.read = 0
	}
	if size == b.read {
		return 0, nil
	}
	file, err := os.Open(b.Path)
	if err != nil {
		return 0, fault.New(contract.ErrUnavailable, "the mailbox of bounces cannot be read", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(b.read, io.SeekStart); err != nil {
		return 0, fault.New(contract.ErrUnavailable, "the mailbox of bounces cannot be read", err)
	}
	count := 0
	done, err := eachMessage(io.LimitReader(file, size-b.read), func(raw []byte) error {
		ours, err := b.message(ctx, raw)
		count += ours
		return err
	})
	b.read += done
	return count, err
}

// eachMessage yields the messages of an mbox, each at most maxMessage long, and says behind which byte
// the last one that was yielded whole ends: where its reader may go on. The last message counts when
// it ends with an empty line, as writers of an mbox leave it; one that is still being written does not.
func eachMessage(r io.Reader, yield func([]byte) error) (done int64, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	var message []byte
	var at int64 // behind the line that was read
	inside, blank := false, true
	for {
		line, err := lines.ReadSlice('\n')
		whole := err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return done, fmt.Errorf("reading an mbox: %w", err)
		}
		if begins := blank && bytes.HasPrefix(line, []byte("From ")); begins || errors.Is(err, io.EOF) {
			if inside && (begins || blank && len(line) == 0) {
				if err := yield(message); err != nil {
					return done, err
				}
				done = at
			}
			if errors.Is(err, io.EOF) {
				return done, nil
			}
			message, inside = message[:0], true
		} else if inside && len(message) < maxMessage {
			message = append(message, unescaped(line)...)
		}
		at += int64(len(line))
		blank = whole && len(bytes.TrimRight(line, "\r\n")) == 0
	}
}

// unescaped takes one ">" off a line that would have looked like the beginning of a message.
func unescaped(line []byte) []byte {
	if rest := bytes.TrimLeft(line, ">"); len(rest) < len(line) && bytes.HasPrefix(rest, []byte("From ")) {
		return line[1:]
	}
	return line
}

// message takes one message if it is for a return path of ours, and says so by 1.
func (b *Mailbox) message(ctx context.Context, raw []byte) (int, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return 0, nil //nolint:nilerr // whatever else lies in a mailbox is not ours
	}
	var to []place
	for _, header := range whereto {
		for _, line := range m.Header[header] {
			list, err := mail.ParseAddressList(line)
			if err != nil {
				continue
			}
			for _, address := range list {
				notice, n, ok := letters.ReadVERP(address.Address, b.MAC)
				p := place{contract.NewRef(contract.KindNotice, notice), n}
				if ok && len(to) < maxReaders && !slices.Contains(to, p) {
					to = append(to, p)
				}
			}
		}
	}
	if len(to) == 0 {
		return 0, nil
	}
	bounced := letters.ReadBounce(bytes.NewReader(raw))
	for _, p := range to {
		if err := b.take(ctx, p, bounced, raw); err != nil {
			return 0, err
		}
	}
	return 1, nil
}
