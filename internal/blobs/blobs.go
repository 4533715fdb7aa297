package blobs

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Store keeps blobs by name. A name has one to sixteen segments joined by "/", each of
// [a-z0-9A-Z._-] and not starting with a dot, 512 bytes at most; any other is
// contract.ErrBadInput. A name that is a blob is not also the beginning of others (folders cannot
// hold both). All methods are safe for concurrent use.
type Store interface {
	// Put writes a blob: write is called once with where the bytes go. The blob appears when Put
	// returns nil, whole, in place of one that was there; after any error all is as before. The
	// error of write comes back as it is. size is the number of bytes written.
	Put(ctx context.Context, name string, write func(io.Writer) error) (size int64, err error)
	// Open reads a blob; contract.ErrNotFound when there is none. Close it. The context holds
	// for reading, too.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Size is the size of a blob in bytes; contract.ErrNotFound when there is none.
	Size(ctx context.Context, name string) (int64, error)
	// Delete removes a blob. One that is not there is no error, so that it can be repeated.
	Delete(ctx context.Context, name string) error
	// DeleteAll removes the blob of that name and all whose name continues it after a "/", and
	// what unfinished writing left among them. Nothing there is no error.
	DeleteAll(ctx context.Context, prefix string) error
}

// OpenStore opens the store that a URL names and tries it once:
//
//	/var/lib/habeas/blobs          a folder, made when missing
//	file:///var/lib/habeas/blobs   the same
//	s3://KEY:SECRET@host:port/bucket[/prefix][?insecure=true][&region=…]
//	s3://host/bucket               with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
//
// insecure=true speaks HTTP without TLS. What is wrong with the URL, the keys or the bucket is
// contract.ErrBadInput; a server that does not answer is contract.ErrUnavailable. No error holds
// a secret.
func OpenStore(ctx context.Context, rawURL string) (Store, error) {
	if !strings.Contains(rawURL, "://") {
		if rawURL == "" {
			return nil, badURL("it is empty")
		}
		dir, err := filepath.Abs(rawURL)
		if err != nil {
			return nil, badURL("the folder cannot be found")
		}
		return openFolder(dir)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, badURL("it is not a URL") // err quotes it, secret and all
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.User != nil {
			return nil, badURL("a folder is written file:///path")
		}
		return openFolder(filepath.Clean(u.Path))
	case "s3":
		return openBucket(ctx, u)
	}
	return nil, badURL("it starts with neither file:// nor s3://")
}

func badURL(why string) error {
	return fault.New(contract.ErrBadInput, "the address of the blob store is wrong: "+why, nil).
		WithHint("set HABEAS_BLOBS to a folder, or to s3://KEY:SECRET@host:port/bucket")
}

const (
	maxName     = 512
	maxSegments = 16
)

// checkName refuses whatever is not plainly a name: there is nothing to clean up, so nothing to
// get around.
func checkName(name string) error {
	segments := strings.Split(name, "/")
	bad := len(name) > maxName || len(segments) > maxSegments
	for _, s := range segments {
		bad = bad || s == "" || s[0] == '.' || strings.ContainsFunc(s, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
		})
	}
	if bad {
		return fault.New(contract.ErrBadInput, "this cannot be the name of a blob", nil)
	}
	return nil
}

func notFound(cause error) error {
	return fault.New(contract.ErrNotFound, "there is no such blob", cause)
}

// counter counts what goes through, and stops when the context ends.
type counter struct {
	ctx context.Context
	w   io.Writer
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
