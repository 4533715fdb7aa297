package opendsr

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// Peers is who we are to others and whom we trust: the file that HABEAS_OPENDSR names.
type Peers struct {
	Domain string // ours, as our certificate says it
	Chain  []byte // our certificate and those behind it, PEM
	Listen string // where the server listens; empty: nobody is served
	URL    string // how others reach the server
	Within time.Duration
	// Controllers may ask us to delete.
	Controllers []Controller

	key         crypto.Signer
	authorities *x509.CertPool
	revoked     map[string]bool
}

// Controller is a company whose processor we are.
type Controller struct {
	Domain    string
	Callbacks []string // host:port, the only ones that we call back
	pem       []byte
}

var (
	peerKeys       = []string{"domain", "certificate", "key", "authorities", "revoked", "listen", "url", "within", "controllers"}
	controllerKeys = []string{"domain", "certificate", "callbacks"}
)

// DefaultWithin is how long we say that a deletion takes.
const DefaultWithin = 15 * 24 * time.Hour

// Load reads the file. Paths in it are beside it. What is wrong is a contract.ErrBadInput.
func Load(path string, now time.Time) (*Peers, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the file that HABEAS_OPENDSR names cannot be read: "+path, err)
	}
	p := &Peers{revoked: map[string]bool{}}
	files := map[string]string{}
	const hint = "docs/opendsr.md says what stands in the file that HABEAS_OPENDSR names"
	err = datamap.ReadDocument(filepath.Base(path), raw, "the file of OpenDSR peers", peerKeys, hint, func(d datamap.Record) {
		for _, key := range []string{"domain", "certificate", "key", "authorities"} {
			if d.Need(key) {
				files[key] = d.Text(key)
			}
		}
		p.Domain, p.Listen, p.URL = files["domain"], d.Text("listen"), strings.TrimSuffix(d.Text("url"), "/")
		p.Within = d.Duration("within", time.Hour, 366*24*time.Hour, DefaultWithin)
		for _, number := range d.Names("revoked", nil) {
			p.revoked[strings.ToLower(number)] = true
		}
		if p.Listen != "" {
			d.Need("url")
		}
		if _, err := BaseURL(p.URL); p.URL != "" && err != nil {
			d.Wrong("url", "%s", fault.As(err).Text)
		}
		for _, c := range d.Records("controllers", "a controller", controllerKeys) {
			one := Controller{Domain: c.Text("domain"), Callbacks: c.Names("callbacks", nil)}
			c.Need("domain")
			if c.Need("certificate") {
				files["controller "+one.Domain] = c.Text("certificate")
			}
			for _, host := range one.Callbacks {
				if _, _, err := net.SplitHostPort(host); err != nil {
					c.Wrong("callbacks", "a callback is a host with its port, such as dsr.partner.example:443")
				}
			}
			p.Controllers = append(p.Controllers, one)
		}
	})
	if err != nil {
		return nil, err
	}
	return p, p.read(filepath.Dir(path), files, now)
}

// read reads keys and certificates.
func (p *Peers) read(dir string, files map[string]string, now time.Time) error {
	load := func(key string) ([]byte, error) {
		path := files[key]
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.New(contract.ErrBadInput, "a file that HABEAS_OPENDSR names cannot be read: "+files[key], err)
		}
		return raw, nil
	}
	roots, err := load("authorities")
	if err != nil {
		return err
	}
	p.authorities = x509.NewCertPool()
	if !p.authorities.AppendCertsFromPEM(roots) {
		return fault.New(contract.ErrBadInput, "there is no certificate in "+files["authorities"], nil)
	}
	if p.Chain, err = load("certificate"); err != nil {
		return err
	}
	secret, err := load("key")
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(p.Chain, secret)
	if err != nil {
		return fault.New(contract.ErrBadInput, "certificate and key of OpenDSR do not fit together", err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if _, err := p.Certificate(p.Chain, p.Domain, now); err != nil || !ok {
		return fault.New(contract.ErrBadInput, "our own certificate of OpenDSR would not be accepted by others", err)
	}
	p.key = signer
	for i, c := range p.Controllers {
		if p.Controllers[i].pem, err = load("controller " + c.Domain); err != nil {
			return err
		}
	}
	return nil
}

// Controller finds a controller by its domain, with its certificate as it stands now. Error:
// contract.ErrBadSignature for one that is not on the list, or whose certificate does not hold.
func (p *Peers) Controller(domain string, at time.Time) (Controller, *x509.Certificate, error) {
	i := slices.IndexFunc(p.Controllers, func(c Controller) bool { return c.Domain == domain })
	if i < 0 {
		return Controller{}, nil, fault.New(contract.ErrBadSignature, "no controller of that domain is known here", nil)
	}
	cert, err := p.Certificate(p.Controllers[i].pem, domain, at)
	return p.Controllers[i], cert, err
}

// MayCallBack says whether a URL is one that the controller may be called back on: https (plain http only
// on this machine), and on its list of hosts and ports.
func (c Controller) MayCallBack(raw string) bool {
	u, err := BaseURL(raw)
	return err == nil && slices.Contains(c.Callbacks, hostPort(u))
}

// BaseURL reads an address that something is sent to: https, and plain http only on this machine. Error:
// contract.ErrBadInput.
func BaseURL(raw string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, fault.New(contract.ErrBadInput, "the address of an OpenDSR peer "+why, nil)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return bad("is a plain one, such as https://dsr.partner.example")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return bad("begins with https://")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err != nil || !addr.IsLoopback() {
		return bad("begins with https://; http:// is for this machine alone")
	}
	return u, nil
}

// hostPort is where a URL leads, with the port in any case.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
