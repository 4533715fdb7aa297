package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket is a Store in a bucket of an S3-compatible server.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // "" or ends in "/"
}

const (
	// partSize is what one upload holds in memory. S3 takes 10,000 parts: 78 GiB a blob.
	partSize = 8 << 20
	// retries of one request; above that the activity is retried as a whole.
	retries = 4
)

func openBucket(ctx context.Context, u *url.URL) (Store, error) {
	query := u.Query()
	insecure := false
	if v := query.Get("insecure"); v != "" {
		var err error
		if insecure, err = strconv.ParseBool(v); err != nil {
			return nil, badURL("insecure is true or false")
		}
	}
	for key := range query {
		if key != "insecure" && key != "region" {
			return nil, badURL("it may end in insecure=true and region=…, and in nothing else")
		}
	}
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Host == "" || name == "" {
		return nil, badURL("host or bucket is missing")
	}
	if prefix != "" {
		if checkName(prefix) != nil {
			return nil, badURL("what follows the bucket may hold letters, digits and . _ - / only")
		}
		prefix += "/"
	}
	keys := credentials.NewEnvAWS()
	if u.User != nil {
		secret, ok := u.User.Password()
		if !ok {
			return nil, badURL("the secret key is missing")
		}
		keys = credentials.NewStaticV4(u.User.Username(), secret, "")
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: keys, Secure: !insecure, Region: query.Get("region"), MaxRetries: retries,
	})
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the address of the blob store is wrong", err)
	}
	found, err := client.BucketExists(ctx, name)
	if err != nil {
		return nil, reachError(u.Host, err)
	}
	if !found {
		return nil, fault.Newf(contract.ErrBadInput, "the blob store has no bucket %q", name).
			WithHint("make it, or set HABEAS_BLOBS to another one")
	}
	return &bucket{client: client, name: name, prefix: prefix}, nil
}

// writeFailed keeps an error of the caller's apart from those of the upload. Also minio-go takes a
// bare io.EOF or io.ErrUnexpectedEOF for the end of the blob, and would complete what is cut.
type writeFailed struct{ err error }

func (e *writeFailed) Error() string { return "the blob was not written to its end" }

// errAbandoned ends the upload when write panicked.
var errAbandoned = &writeFailed{err: errors.New("abandoned")}

// Put uploads in parts while write writes; the server shows the blob when the last part is there.
func (b *bucket) Put(ctx context.Context, name string, write func(io.Writer) error) (int64, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	r, w := io.Pipe()
	uploaded := make(chan error, 1)
	go func() {
		_, err := b.client.PutObject(ctx, b.name, b.prefix+name, r, -1, minio.PutObjectOptions{
			PartSize: partSize, NumThreads: 1, ContentType: "application/octet-stream",
		})
		_ = r.CloseWithError(err) // write stops when the upload failed
		uploaded <- err
	}()
	finished := false
	defer func() {
		if !finished {
			_ = w.CloseWithError(errAbandoned)
			<-uploaded //nolint:errcheck // the upload was given up
		}
	}()
	out := &counter{ctx: ctx, w: w}
	err := write(out)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = w.CloseWithError(&writeFailed{err: err})
	} else {
		_ = w.Close()
	}
	finished = true
	upload := <-uploaded
	var failed *writeFailed
	switch {
	case upload != nil && !errors.As(upload, &failed) && ctx.Err() == nil:
		return 0, putS3Error(upload) // what write said is only its echo
	case err != nil:
		return 0, err
	case upload != nil:
		return 0, putS3Error(upload)
	}
	return out.n, nil
}

// Open asks for the blob and waits for the answer's head, so that a missing one is noticed here.
func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	object, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, s3Error("reading", err)
	}
	if _, err := object.Stat(); err != nil {
		_ = object.Close()
		return nil, s3Error("reading", err)
	}
	return &objectReader{object}, nil
}

type objectReader struct{ *minio.Object }

func (r *objectReader) Read(p []byte) (int, error) {
	n, err := r.Object.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s3Error("reading", err)
	}
	return n, err
}

func (b *bucket) Size(ctx context.Context, name string) (int64, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	info, err := b.client.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return 0, s3Error("looking for", err)
	}
	return info.Size, nil
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err = s3Error("deleting", err); err != nil && !fault.Is(err, contract.ErrNotFound) {
		return err
	}
	return nil
}

func (b *bucket) DeleteAll(ctx context.Context, prefix string) error {
	if err := b.Delete(ctx, prefix); err != nil {
		return err
	}
	under := b.prefix + prefix + "/"
	listing, stop := context.WithCancel(ctx) // ends the lister where we return early
	defer stop()
	for object := range b.client.ListObjects(listing, b.name, minio.ListObjectsOptions{Prefix: under, Recursive: true}) {
		if object.Err != nil {
			return s3Error("listing", object.Err)
		}
		err := b.client.RemoveObject(ctx, b.name, object.Key, minio.RemoveObjectOptions{})
		if err = s3Error("deleting", err); err != nil && !fault.Is(err, contract.ErrNotFound) {
			return err
		}
	}
	// Uploads that were cut off keep their parts until they are told to go.
	for upload := range b.client.ListIncompleteUploads(listing, b.name, under, true) {
		if upload.Err != nil {
			return s3Error("listing", upload.Err)
		}
		err := b.client.RemoveIncompleteUpload(ctx, b.name, upload.Key)
		if err = s3Error("deleting", err); err != nil && !fault.Is(err, contract.ErrNotFound) {
			return err
		}
	}
	return nil
}

// refusedKeys is what to say when the server knows neither us nor what we may.
func refusedKeys(cause error) error {
	return fault.New(contract.ErrBadInput, "the blob store refused our keys", cause).
		WithHint("look at the keys in HABEAS_BLOBS, or at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
}

// reachError is s3Error for the first request: servers have codes of their own for keys that they
// do not know.
func reachError(host string, err error) error {
	out := atRest(s3Error("reaching", err))
	status := minio.ToErrorResponse(err).StatusCode
	if fault.Is(out, contract.ErrUnavailable) && status >= 400 && status < 500 {
		return refusedKeys(err)
	}
	if fault.Is(out, contract.ErrUnavailable) {
		return fault.New(contract.ErrUnavailable, "the blob store at "+host+" does not answer", err).
			WithHint("start it, or set HABEAS_BLOBS to another one")
	}
	return out
}

// putS3Error is s3Error where "not there" can only mean that somebody swept while we wrote.
func putS3Error(err error) error {
	if out := s3Error("writing", err); !fault.Is(out, contract.ErrNotFound) {
		return out
	}
	return fault.New(contract.ErrUnavailable, "writing a blob failed in the bucket of the blob store", err)
}

// s3Error classifies what the server said; nil stays nil. Names and addresses stay in the private
// cause.
func s3Error(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s a blob: %w", doing, err)
	}
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case "NoSuchKey", "NoSuchUpload":
		return notFound(err)
	case "NoSuchBucket":
		return settings("the bucket of the blob store is not there", err)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied":
		return settings("the blob store refused our keys", err)
	case "SlowDown", "TooManyRequests":
		return fault.New(contract.ErrBusy, "the blob store asked us to slow down", err)
	}
	if answer.StatusCode == http.StatusForbidden { // an answer to HEAD has no body to say more
		return settings("the blob store refused our keys", err)
	}
	return fault.New(contract.ErrUnavailable, doing+" a blob failed in the bucket of the blob store", err)
}

// misconfigured marks what an operator has to put right. While a case runs it is passing: the step
// waits until the setting is right again, and nobody is asked to leave a system out for it.
type misconfigured struct{ cause error }

func (m misconfigured) Error() string { return m.cause.Error() }
func (m misconfigured) Unwrap() error { return m.cause }

func settings(text string, cause error) *fault.Error {
	return fault.New(contract.ErrUnavailable, text, misconfigured{cause})
}

// atRest is the same fault at start-up, where it is bad input.
func atRest(err error) error {
	var m misconfigured
	var e *fault.Error
	if errors.As(err, &m) && errors.As(err, &e) {
		return fault.New(contract.ErrBadInput, e.Text, err).WithHint(e.Hint)
	}
	return err
}
