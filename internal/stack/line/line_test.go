package line

import (
	"bufio"
	"io"
	"net"
	"testing"
)

// echo is a server that says back what it is told.
func echo(t *testing.T) string {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	go func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return door.Addr().String()
}

// ask sends a line of text and reads the answer.
func ask(conn net.Conn) (string, error) {
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

func TestALineIsCutAndJoined(t *testing.T) {
	t.Parallel()
	l, err := New(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Down)
	at := l.At()
	for range 3 {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ask(conn); err != nil || got != "hello\n" {
			t.Errorf("over the line came %q, %v", got, err)
		}
		l.Down()
		if got, err := ask(conn); err == nil {
			t.Errorf("a line that is cut carried %q", got)
		}
		if again, err := net.Dial("tcp", at); err == nil {
			_ = again.Close()
			t.Error("a line that is cut let somebody in")
		}
		if err := l.Up(); err != nil || l.At() != at {
			t.Fatalf("joined again at %s, it was at %s: %v", l.At(), at, err)
		}
	}
}
