package letters

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needsPostfix ends the tests that need it: a missing peer is never a test less.
const needsPostfix = "run: sh scripts/install-tools.sh postfix"

// The one who logs in, the realm of the account, and whose mail the server keeps.
const (
	peerUser, peerRealm, peerPassword = "mailer", "mail.cloud.example", "hunter2"
	peerReader                        = "zhang.san@reader.example"
)

// postfixMain is a Postfix that takes letters over TLS from those who log in, keeps them for one
// reader, and can hand nothing to anybody else: every transport but the mailbox is an error.
const postfixMain = `compatibility_level = 3.6
queue_directory = @DIR@/queue
data_directory = @DIR@/data
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.cloud.example
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:outside delivery disabled
relay_transport = error:outside delivery disabled
virtual_mailbox_domains = reader.example
virtual_mailbox_base = @DIR@/box
virtual_mailbox_maps = inline:{ zhang.san@reader.example=zhang/ }
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_cert_file = @DIR@/cert.pem
smtpd_tls_key_file = @DIR@/key.pem
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = mail.cloud.example
cyrus_sasl_config_path = @DIR@/sasl
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
maillog_file = @DIR@/log/postfix.log
maillog_file_prefixes = @DIR@
`

const postfixMaster = `127.0.0.1:@PORT@ inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

const saslConf = `pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN
sasldb_path: @DIR@/sasl/users
`

// postfix is a running one.
type postfix struct {
	dir, addr string
	trust     *x509.CertPool
}

// startPostfix runs a Postfix of this test's own, in a folder of its own and on loopback, until the
// test ends. Only root may.
func startPostfix(t *testing.T) *postfix {
	t.Helper()
	for _, program := range []string{"/usr/sbin/postfix", "/usr/sbin/saslpasswd2"} {
		if _, err := os.Stat(program); err != nil {
			t.Fatalf("%s is missing; %s", program, needsPostfix)
		}
	}
	// Postfix's daemons run as others than root and must come through to here: t.TempDir is closed to them.
	dir, err := os.MkdirTemp("/tmp", "habeas-postfix-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &postfix{dir: dir}
	p.lay(t)
	// A port that another program takes in the moment between is no reason to fail.
	for try := 1; ; try++ {
		port := freePort(t)
		p.addr = net.JoinHostPort("127.0.0.1", port)
		p.put(t, "master.cf", strings.ReplaceAll(postfixMaster, "@PORT@", port), 0o644)
		out, err := command(t, "/usr/sbin/postfix", "-c", dir, "start")
		if err == nil {
			break
		}
		if try == 3 {
			t.Fatalf("Postfix does not start: %v\n%s\n%s", err, out, p.log())
		}
	}
	t.Cleanup(func() { p.stop(t) })
	p.awaitGreeting(t)
	return p
}

// lay makes the folders, the certificate and the account.
func (p *postfix) lay(t *testing.T) {
	t.Helper()
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatalf("there is no user postfix; %s", needsPostfix)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	for name, of := range map[string]int{"queue": 0, "data": uid, "box": 65534, "log": 0, "sasl": 0} {
		path := filepath.Join(p.dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, of, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cert, pool := certificate(t)
	p.trust = pool
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})), 0o644)
	p.put(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0o600)
	p.put(t, "main.cf", strings.ReplaceAll(postfixMain, "@DIR@", p.dir), 0o644)
	p.put(t, "sasl/smtpd.conf", strings.ReplaceAll(saslConf, "@DIR@", p.dir), 0o644)
	users := filepath.Join(p.dir, "sasl", "users")
	add := exec.CommandContext(t.Context(), "/usr/sbin/saslpasswd2", "-c", "-p", "-f", users, "-u", peerRealm, peerUser)
	add.Stdin = strings.NewReader(peerPassword)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("adding the account: %v\n%s", err, out)
	}
	if err := os.Chown(users, uid, -1); err != nil {
		t.Fatal(err)
	}
}

func (p *postfix) put(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// command runs a program to its end, for a minute at most.
func command(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	// master keeps what it inherits, and a pipe would never end.
	out, err := os.CreateTemp(t.TempDir(), "out-")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	failed := cmd.Run()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), failed
}

// stop ends this master, by its own process id, and with it its children.
func (p *postfix) stop(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(p.dir, "queue", "pid", "master.pid"))
	if err != nil {
		t.Errorf("Postfix left no process id: %v", err)
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		t.Errorf("Postfix's process id is %q", text)
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // master hands it on to its children
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && bytes.Contains(stat, []byte(") Z ")) {
			return // over, and waiting for a parent to hear of it
		}
		if time.Now().After(deadline) {
			t.Errorf("Postfix's master %d does not end", pid)
			return
		}
	}
}

func (p *postfix) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log", "postfix.log"))
	return string(text)
}

func (p *postfix) awaitGreeting(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Postfix does not listen: %v\n%s", err, p.log())
		}
	}
}

// inbox waits until so many letters lie in the reader's mailbox, and gives them.
func (p *postfix) inbox(t *testing.T, want int) [][]byte {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		paths, err := filepath.Glob(filepath.Join(p.dir, "box", "zhang", "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) >= want {
			var got [][]byte
			for _, path := range paths {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, raw)
			}
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d letters of %d came\n%s", len(paths), want, p.log())
		}
	}
}

func (p *postfix) mailer(t *testing.T, password string) *Mailer {
	t.Helper()
	return newMailer(t, "smtp+starttls://"+peerUser+":"+password+"@"+p.addr,
		MailerOptions{Size: 2, HELO: "worker.cloud.example", TLS: &tls.Config{RootCAs: p.trust}})
}
