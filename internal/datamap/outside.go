package datamap

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The drivers of systems that are asked and not queried.
const (
	DriverManual  = "manual"  // people do it by hand
	DriverOpenDSR = "opendsr" // a processor's program
	DriverWebhook = "webhook" // a recipient's program, told that a purpose has ended
)

// What a case may ask of such a system.
const (
	RightAccess   = "access"
	RightDeletion = "deletion"
)

// DefaultDue is how long whoever is asked has, where the map does not say.
const DefaultDue = 10 * 24 * time.Hour

// Outside is a system that no query reaches: somebody is asked to act there, and answers with a proof.
type Outside struct {
	Rights       []string      // what is asked there: RightAccess, RightDeletion, RightCorrection
	Tells        []string      // the kinds of identity by which the person is named there
	Due          time.Duration // how long whoever is asked has
	Instructions Text          // what is to be done, for the people who do it
	Evidence     Text          // the proof that must come with the answer; empty: none
	Correct      Text          // what is to be done where something is corrected, for the people who do it
	URL          string        // of a processor: where it is asked, and nowhere else
	Domain       string        // as the processor's certificate says it
	Transfer     string        // of a recipient outside the mainland: what its transfer is filed under
	Stops        []string      // of a webhook: the purposes whose end it is told
}

// Asked lists the systems that are asked in a case of that right, in map order.
func (m *Map) Asked(right string) []*System {
	var found []*System
	for _, s := range m.Systems {
		if s.Outside != nil && slices.Contains(s.Outside.Rights, right) {
			found = append(found, s)
		}
	}
	return found
}

// outside reads what a system says that no query reaches, and refuses the keys of the other sort.
func (f *file) outside(r *record, s *System) {
	if s.Driver == "" {
		return // what belongs to which sort is not known
	}
	asked := known(s.Driver, askedDrivers)
	for _, key := range outsideKeys {
		if n, ok := r.get(key); ok && !asked {
			f.node(n, "%s is for a system that is asked (driver %s), not for a database", key, strings.Join(askedDrivers, ", "))
		}
	}
	if !asked {
		return
	}
	for key, of := range keysOf {
		if n, ok := r.get(key); ok && !known(s.Driver, of) {
			f.node(n, "%s is for the driver %s", key, strings.Join(of, " or "))
		}
	}
	for _, key := range databaseKeys {
		if n, ok := r.get(key); ok {
			f.node(n, "%s is for a database, not for a system that is asked (driver %s)", key, s.Driver)
		}
	}
	o := &Outside{Rights: rights[:2], Due: DefaultDue} // corrections only where the map says so
	s.Outside = o
	if n, ok := r.get("rights"); ok {
		o.Rights = f.words(n, "rights", rights)
	}
	o.tells(f, r)
	if n, ok := r.get("due"); ok {
		o.Due = f.due(n)
	}
	o.Transfer = r.text("transfer")
	switch s.Driver {
	case DriverWebhook:
		o.webhook(f, r, s)
	case DriverManual:
		o.Instructions = f.title(r, "instructions", true)
		o.Evidence = f.title(r, "evidence", false)
		o.Correct = f.title(r, "correct", slices.Contains(o.Rights, RightCorrection))
	default:
		o.processor(f, r, s)
	}
	f.later = append(f.later, func(l *loading) {
		if l.Company.Law == "cn-pipl" && s.Region != "" && s.Region != "cn" && !strings.HasPrefix(s.Region, "cn-") && o.Transfer == "" && s.Recipient != (Text{}) {
			f.node(r.node, "%s lies in %s, outside the mainland: transfer must name what the transfer is filed under (PIPL Art. 38 and 39)", s.Name, s.Region)
		}
	})
}

// processor reads what only another company's program has. It is asked to delete and to correct, and to
// nothing else.
func (o *Outside) processor(f *file, r *record, s *System) {
	if n, ok := r.get("rights"); !ok {
		o.Rights = []string{RightDeletion}
	} else if slices.Contains(o.Rights, RightAccess) {
		f.node(n, "a processor is asked to delete and to correct: rights is [%s, %s], or one of them", RightDeletion, RightCorrection)
	}
	if s.Recipient == (Text{}) {
		r.need("recipient")
	}
	o.address(f, r, "the processor's address, such as https://dsr.partner.example")
	var at ast.Node
	if o.Domain, at = r.needText("domain"); o.Domain != "" && !domainName.MatchString(o.Domain) {
		f.node(at, "domain must be the name in the processor's certificate, such as dsr.partner.example")
	}
	for _, kind := range o.Tells {
		if !known(kind, processorKinds) {
			n, _ := r.get("tells")
			f.node(n, "OpenDSR has no word for %s: it takes %s", quoted(kind), strings.Join(processorKinds, " and "))
		}
	}
}

// webhook reads what only a recipient has that is told when a purpose ends. Nothing else is asked there.
func (o *Outside) webhook(f *file, r *record, s *System) {
	o.Rights = nil
	if s.Recipient == (Text{}) {
		r.need("recipient")
	}
	o.address(f, r, "the recipient's address, such as https://hooks.partner.example/habeas")
	if n, ok := r.need("stops"); ok {
		list := f.names(n, "stops")
		o.Stops = plainNames(list)
		f.later = append(f.later, func(l *loading) {
			for _, one := range list {
				f.knownPurpose(l, one.node, one.name)
			}
		})
	}
}

// address reads where another company's program is reached.
func (o *Outside) address(f *file, r *record, such string) {
	var at ast.Node
	if o.URL, at = r.needText("url"); o.URL == "" {
		return
	}
	u, err := url.Parse(o.URL)
	local := err == nil && u.Scheme == "http" && net.ParseIP(u.Hostname()).IsLoopback()
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && !local) {
		f.node(at, "url must be %s; http:// is for this machine alone", such)
	}
}

// domainName is a name in a certificate.
var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

func (o *Outside) tells(f *file, r *record) {
	n, ok := r.need("tells")
	if !ok {
		return
	}
	list := f.names(n, "tells")
	o.Tells = plainNames(list)
	f.later = append(f.later, func(l *loading) {
		kinds := slices.Clone(identities)
		for _, own := range l.Company.Identities {
			kinds = append(kinds, own.Name)
		}
		for _, one := range list {
			if !known(one.name, kinds) {
				f.choice(one.node, "kind of identity", one.name, kinds)
			}
		}
	})
}

func (f *file) words(n ast.Node, what string, allowed []string) []string {
	list := f.names(n, what)
	for _, one := range list {
		if !known(one.name, allowed) {
			f.choice(one.node, "entry of "+what, one.name, allowed)
		}
	}
	return plainNames(list)
}

func (f *file) due(n ast.Node) time.Duration {
	text, ok := f.str(n, "due")
	if !ok {
		return DefaultDue
	}
	d, good := parsePatience(text)
	if !good {
		f.node(n, `due must be a time such as "10d" or "48h", from one minute to a year`)
		return DefaultDue
	}
	return d
}
