package letters

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// received is one message as the server took it.
type received struct {
	from, to string
	data     []byte
}

// mailServer is a real SMTP server in this process whose answers a test may choose. A hook gets the
// number of the call, from 1, and its error is the answer.
type mailServer struct {
	t       *testing.T
	onMail  func(n int) error
	onRcpt  func(n int, to string) error
	onData  func(n int, c *smtp.Conn) error // after the whole message was read
	login   [2]string                       // when set, AUTH is offered
	stopped chan struct{}                   // closed when the test ends; hooks that hang wait on it

	mails, rcpts, datas atomic.Int32
	accepted, open      atomic.Int32
	most                atomic.Int32 // connections open at once
	resets              atomic.Int32

	mu    sync.Mutex
	inbox []received
	addr  string
}

// start runs s until the test ends. wrap is "", "starttls" or "tls".
func (s *mailServer) start(t *testing.T, wrap string, cert tls.Certificate) *mailServer {
	t.Helper()
	s.t, s.stopped = t, make(chan struct{})
	server := smtp.NewServer(s)
	server.Domain = "mail.cloud.example"
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	listener = &countingListener{listener, s}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	switch wrap {
	case "starttls":
		server.TLSConfig = config
		server.AllowInsecureAuth = false
	case "tls":
		listener = tls.NewListener(listener, config)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		close(s.stopped)
		server.Close()
		listener.Close() // Serve may not have told the server of it yet
		<-done
	})
	return s
}

func (s *mailServer) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.inbox...)
}

type countingListener struct {
	net.Listener
	s *mailServer
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.s.accepted.Add(1)
	open := l.s.open.Add(1)
	for most := l.s.most.Load(); open > most && !l.s.most.CompareAndSwap(most, open); {
		most = l.s.most.Load()
	}
	return &countedConn{Conn: c, s: l.s}, nil
}

type countedConn struct {
	net.Conn
	s    *mailServer
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.s.open.Add(-1) })
	return c.Conn.Close()
}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	if s.login[0] == "" {
		return &session{s: s, c: c}, nil
	}
	return &authSession{session{s: s, c: c, locked: true}}, nil
}

type session struct {
	s      *mailServer
	c      *smtp.Conn
	locked bool
	now    received
}

func (x *session) Reset()        { x.s.resets.Add(1); x.now = received{} }
func (x *session) Logout() error { return nil }

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	if x.locked {
		return smtp.ErrAuthRequired
	}
	n := int(x.s.mails.Add(1))
	if x.s.onMail != nil {
		if err := x.s.onMail(n); err != nil {
			return err
		}
	}
	x.now.from = from
	return nil
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	n := int(x.s.rcpts.Add(1))
	if x.s.onRcpt != nil {
		if err := x.s.onRcpt(n, to); err != nil {
			return err
		}
	}
	x.now.to = to
	return nil
}

func (x *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	n := int(x.s.datas.Add(1))
	if x.s.onData != nil {
		if err := x.s.onData(n, x.c); err != nil {
			return err
		}
	}
	x.now.data = bytes.Clone(data)
	x.s.mu.Lock()
	x.s.inbox = append(x.s.inbox, x.now)
	x.s.mu.Unlock()
	return nil
}

// authSession is a session that wants a login.
type authSession struct{ session }

func (x *authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != x.s.login[0] || password != x.s.login[1] {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no " + user + " here"}
		}
		x.locked = false
		return nil
	}), nil
}

// answer is an SMTP answer that quotes an address, as real servers do.
func answer(code int, enhanced ...int) *smtp.SMTPError {
	e := &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "<zhang.san@reader.example>: quoted words"}
	if len(enhanced) == 3 {
		e.EnhancedCode = smtp.EnhancedCode(enhanced)
	}
	return e
}

var errHungUp = errors.New("hung up")

// certificate makes a self-signed one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.cloud.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
