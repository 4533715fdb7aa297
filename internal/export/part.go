package export

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"

	"filippo.io/age"
	"github.com/klauspost/compress/flate"
)

// PartInfo is what is known of a part when it has been written.
type PartInfo struct {
	Rows     int64
	Size     int64  // bytes of plain text
	Deflated int64  // bytes after deflating, before encrypting
	CRC32    uint32 // of the plain text, as ZIP has it
	SHA256   []byte // of the plain text
}

const (
	blockSize = 256 << 10
	// inFlight blocks lie between the one who reads a database and the one who deflates.
	inFlight = 3
	// level 1 of this implementation is about as fast as the database builds JSON.
	level = 1
)

// Blocks and deflaters are big and short-lived where a case has many small collections.
var (
	blocks    = sync.Pool{New: func() any { b := make([]byte, 0, blockSize); return &b }}
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriter(io.Discard, level)
		if err != nil {
			panic("export: the level of deflate is wrong: " + err.Error())
		}
		return w
	}}
)

// ErrAborted is what writing to an aborted part gives.
var ErrAborted = errors.New("the part was aborted")

// PartWriter writes one part: plain bytes in, deflated and encrypted bytes out. Hashing, deflating
// and encrypting run in a goroutine of its own, beside the reading of the database. It is for one
// goroutine; Close or Abort must be called.
type PartWriter struct {
	block  *[]byte
	queue  chan *[]byte
	done   chan struct{} // closed when the goroutine is through
	failed chan struct{} // closed before done when err is set
	abort  chan struct{}
	closed bool
	err    error // valid after failed or done
	info   PartInfo
}

// NewPartWriter starts a part on w, encrypted to a recipient.
func NewPartWriter(w io.Writer, to age.Recipient) (*PartWriter, error) {
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return nil, fmt.Errorf("encrypting a part: %w", err)
	}
	p := &PartWriter{
		block:  blocks.Get().(*[]byte),
		queue:  make(chan *[]byte, inFlight-1),
		done:   make(chan struct{}),
		failed: make(chan struct{}),
		abort:  make(chan struct{}),
	}
	go p.run(sealed)
	return p, nil
}

// Write takes plain bytes. An error of the writer below comes with this call or a later one.
func (p *PartWriter) Write(plain []byte) (int, error) {
	if p.closed {
		return 0, ErrAborted
	}
	n := len(plain)
	for len(plain) > 0 {
		free := (*p.block)[len(*p.block):blockSize]
		taken := copy(free, plain)
		*p.block = (*p.block)[:len(*p.block)+taken]
		plain = plain[taken:]
		if len(*p.block) == blockSize {
			if err := p.send(); err != nil {
				return n - len(plain), err
			}
		}
	}
	return n, nil
}

// send hands the block on and takes an empty one.
func (p *PartWriter) send() error {
	select {
	case <-p.failed:
		return p.err
	case p.queue <- p.block:
		p.block = blocks.Get().(*[]byte)
		return nil
	}
}

// Close writes what is left and ends the part. Only after it returned nil is the part whole and
// Info true.
func (p *PartWriter) Close() error {
	if p.closed {
		<-p.done
		return p.err
	}
	err := p.send()
	p.closed = true
	close(p.queue)
	<-p.done
	p.release()
	if err == nil {
		err = p.err
	}
	return err
}

// Abort ends the part without completing it: what was written does not decrypt to its end. It
// does nothing after Close, so it can be deferred.
func (p *PartWriter) Abort() {
	if p.closed {
		return
	}
	p.closed = true
	close(p.abort)
	close(p.queue)
	<-p.done
	p.release()
}

func (p *PartWriter) release() {
	if p.block != nil {
		*p.block = (*p.block)[:0]
		blocks.Put(p.block)
		p.block = nil
	}
}

// Info describes the part after Close; rows is what the caller counted.
func (p *PartWriter) Info(rows int64) PartInfo {
	info := p.info
	info.Rows = rows
	return info
}

// run hashes, deflates and encrypts until the queue is closed.
func (p *PartWriter) run(sealed io.WriteCloser) {
	defer close(p.done)
	out := &counting{w: sealed}
	deflater := deflaters.Get().(*flate.Writer)
	deflater.Reset(out)
	defer func() {
		deflater.Reset(io.Discard)
		deflaters.Put(deflater)
	}()
	sum, crc := sha256.New(), crc32.NewIEEE()
	for block := range p.queue {
		if p.err == nil {
			if p.err = p.take(*block, deflater, sum, crc); p.err != nil {
				close(p.failed)
			}
		}
		*block = (*block)[:0]
		blocks.Put(block)
	}
	if p.err == nil {
		p.err = p.finish(deflater, sealed)
	}
	p.info.Deflated = out.n
	p.info.CRC32 = crc.Sum32()
	p.info.SHA256 = sum.Sum(nil)
}

func (p *PartWriter) take(block []byte, deflater io.Writer, sum, crc hash.Hash) error {
	select {
	case <-p.abort:
		return ErrAborted
	default:
	}
	_, _ = sum.Write(block)
	_, _ = crc.Write(block)
	p.info.Size += int64(len(block))
	if _, err := deflater.Write(block); err != nil {
		return fmt.Errorf("writing a part: %w", err)
	}
	return nil
}

func (p *PartWriter) finish(deflater, sealed io.Closer) error {
	select {
	case <-p.abort:
		return ErrAborted
	default:
	}
	if err := deflater.Close(); err != nil {
		return fmt.Errorf("writing a part: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("writing a part: %w", err)
	}
	return nil
}

// counting counts the bytes that go through.
type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
