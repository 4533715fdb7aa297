package blobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// gateway is a real S3 server over a folder: github.com/versity/versitygw.
const gateway = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

const (
	testKey    = "habeas-test"
	testSecret = "a-secret-that-no-error-may-show"
)

// server is the address of the one that TestMain started.
var server string

func TestMain(m *testing.M) {
	code, err := withServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withServer runs the tests beside a server of their own.
func withServer(run func() int) (int, error) {
	binary, err := installGateway()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "habeas-s3-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	server = free.Addr().String()
	_ = free.Close()
	var log bytes.Buffer
	cmd := exec.Command(binary, "--port", server, "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+testKey, "ROOT_SECRET_KEY="+testSecret)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Kill()
		<-exited
	}()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", server, time.Second)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case err := <-exited:
			exited <- err
			return 0, fmt.Errorf("versitygw ended: %w\n%s", err, &log)
		default:
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("versitygw does not answer: %w\n%s", err, &log)
		}
	}
	return run(), nil
}

// installGateway builds the server into .tools/bin of the repository when it is not there yet. A
// lock keeps two test runs from doing it at once.
func installGateway() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, ".tools", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(bin, ".versitygw.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	binary := filepath.Join(bin, "versitygw")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	fmt.Fprintf(os.Stderr, "building %s into .tools/bin, once; about two minutes\n", gateway)
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", gateway)
	cmd.Dir = os.TempDir() // outside of our module
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", gateway, err, out)
	}
	return binary, nil
}

// repository is the folder that holds go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the test")
		}
		dir = parent
	}
}

// newBucket makes a bucket on the test's server.
func newBucket(t testing.TB, name string) *minio.Client {
	t.Helper()
	client, err := minio.New(server, &minio.Options{Creds: credentials.NewStaticV4(testKey, testSecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return client
}

// newCore speaks the single steps of an upload.
func newCore(t testing.TB) *minio.Core {
	t.Helper()
	core, err := minio.NewCore(server, &minio.Options{Creds: credentials.NewStaticV4(testKey, testSecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	return core
}
