package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/certificate"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/stack/catcher"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
	"github.com/habeas-dsr/habeas/internal/systems/opendsr/opendsrtest"
)

const (
	controllerDomain = "dsr.yunzhan.example"
	processorDomain  = "dsr.mailing.example"
)

const mailing = `version: 1
system: mailing
title: {zh: 邮件群发, en: Mailing service}
driver: opendsr
region: cn
owner: marketing@yunzhan.example
recipient: {zh: 示例邮件服务商, en: Example Mailing Ltd}
rights: [deletion, correction]
tells: [account, email]
url: http://%s
domain: dsr.mailing.example
`

// peering is what two companies need to speak OpenDSR: an authority, certificates, a file each.
type peering struct {
	dir       string
	at        map[string]string // listening addresses by domain
	authority *opendsrtest.Authority
}

func newPeering(t *testing.T) *peering {
	t.Helper()
	p := &peering{dir: t.TempDir(), at: map[string]string{controllerDomain: freeAddress(t), processorDomain: freeAddress(t)}}
	p.authority = opendsrtest.New(t, p.dir)
	for domain := range p.at {
		p.authority.Issue(domain)
	}
	return p
}

// file writes the file of one of them; more are its controllers.
func (p *peering) file(t *testing.T, domain, more string) string {
	t.Helper()
	path := filepath.Join(p.dir, domain+".yaml")
	text := fmt.Sprintf("domain: %[1]s\ncertificate: %[1]s.crt\nkey: %[1]s.key\nauthorities: ca.pem\nlisten: %[2]s\nurl: http://%[2]s\n%[3]s", domain, p.at[domain], more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// One deletion over everything at once: PostgreSQL, MariaDB, paper in a cabinet, and another company's Habeas
// as processor, which is asked, signed; its staff decide on a case of their own; it calls back. The certificate
// has both proofs, and afterwards nothing of the person stands in a dump of any database of either company
// but what the two certificates list as kept. The history of the child that waits is kept with those of
// TestHistories, so its name begins like that one's.
func TestHistoriesWithAProcessor(t *testing.T) {
	t.Parallel()
	p := newPeering(t)
	controllers := fmt.Sprintf("controllers:\n  - {domain: %[1]s, certificate: %[1]s.crt, callbacks: ['%[2]s']}\n", controllerDomain, p.at[controllerDomain])
	theirs := companyWith(t, map[string]string{"HABEAS_OPENDSR": p.file(t, processorDomain, controllers)}, map[string]string{"billing.yaml": withProfiles(t)})
	ours := companyWith(t, map[string]string{"HABEAS_CODEC": "off", "HABEAS_OPENDSR": p.file(t, controllerDomain, "")},
		map[string]string{"mailing.yaml": fmt.Sprintf(mailing, p.at[processorDomain]), "billing.yaml": withProfiles(t)})
	correction := correctMobile(newStubborn(t, ours, example.Cast().Plain, 8*time.Minute), newStubborn(t, theirs, example.Cast().Plain, 8*time.Minute))
	person := ordinary(t, ours, 1)[0]
	us, them := newStubborn(t, ours, person, 5*time.Minute), newStubborn(t, theirs, person, 5*time.Minute)
	refusesTheUnsigned(us, p)

	sides := map[string]*side{"the controller": newSide(us), "the processor": newSide(them)}
	ref := us.askDeletion()
	plan, err := us.d.Task(us.ctx, us.task(ref, dsr.TaskPlan).ID)
	for system, action := range map[string]string{"mailing": "ask", "paper": "ask", "accounts": "anonymise", "support": "delete"} {
		if err != nil || !slices.ContainsFunc(plan.Shown.Entries, func(e dsr.ShownEntry) bool { return e.System == system && e.Action == action }) {
			t.Errorf("the plan that is signed does not say %q of %s: %v", action, system, err)
		}
	}
	us.agreeOn(ref)
	asked := them.askedBy(controllerDomain, dsr.Deletion)
	them.agreeOn(asked)
	us.waitsFor(ref, "mailing")
	them.ended(asked, dsr.Fulfilled)
	if sent, err := them.d.Store.Letters(them.ctx, asked); err != nil || len(sent) != 0 {
		t.Errorf("the processor wrote %d letters to a person who does not know it, %v", len(sent), err)
	}
	us.byHandNeedsItsProof(ref)
	us.ended(ref, dsr.Fulfilled)
	provenByProcessor(us, ref)
	us.provenByHand(ref)
	us.told(ref, "deletion_ack", "deletion_approved", "deletion_done")
	us.letterSays(ref, "deletion_done", "Example Mailing Ltd", "Contracts on paper", us.certifiedFile(ref))
	sides["the controller"].onlyWhatIsKept(ref)
	sides["the processor"].onlyWhatIsKept(asked)
	them.until("the callback", func(ctx context.Context) (bool, error) {
		c, err := them.d.Store.ControllerOf(ctx, asked)
		return err == nil && c.CalledAt != nil, err
	})
	for _, s := range []*stubborn{us, them} {
		s.ledgerHolds()
	}
	r := &recorder{t: t, c: ours, d: us.d, ctx: us.ctx, dir: os.Getenv("HABEAS_HISTORIES")}
	if r.dir == "" {
		r.dir = t.TempDir()
	}
	r.record("processor-completed", contract.ProcessorID(ref, "mailing"))
	r.record("deletion-with-processor", string(ref))
	r.record("correction-with-processor", string(correction))
}

// side is one of the two companies as it was before the person asked.
type side struct {
	*stubborn
	before map[string]map[string]string
	mine   map[string]map[string]bool
	dumped map[string]int
}

func newSide(s *stubborn) *side {
	return &side{stubborn: s, before: s.rows(), mine: s.mine(), dumped: s.dumped(s.values()...)}
}

// onlyWhatIsKept holds the company against what it was: everybody else's rows are byte for byte the same, the
// person's are what the map makes of them, and their values stand in a dump of every database, that of the
// cases too, only where the case's certificate says that the law keeps them.
func (s *side) onlyWhatIsKept(ref contract.Ref) {
	s.t.Helper()
	s.othersUntouched(s.before, s.mine)
	s.wantDeleted(s.before, s.mine, time.Now())
	s.onlyKept(ref, s.dumped)
}

// letterSays wants the person's letter of that template to hold each of the words.
func (s *stubborn) letterSays(ref contract.Ref, template string, words ...string) {
	s.t.Helper()
	sent, err := s.d.Store.Letters(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	inbox, err := s.c.Stack.Catcher().List(s.ctx, s.p.Email)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range sent {
		i := slices.IndexFunc(inbox, func(m catcher.Summary) bool { return strings.Trim(m.MessageID, "<>") == l.MessageID })
		if l.Template != template || i < 0 {
			continue
		}
		letter, err := s.c.Stack.Catcher().Letter(s.ctx, inbox[i].ID)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(letter.Text, word) {
				s.t.Errorf("the letter %s does not say %q", template, word)
			}
		}
		return
	}
	s.t.Errorf("no letter %s has arrived", template)
}

// certifiedFile is the hash of the certificate's file, as letters name it.
func (s *stubborn) certifiedFile(ref contract.Ref) string {
	s.t.Helper()
	kept, err := s.d.Store.Certificate(s.ctx, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%x", kept.Hash)
}

// askedBy waits for the case of that kind that a controller has opened.
func (s *stubborn) askedBy(controller string, kind dsr.CaseKind) (ref contract.Ref) {
	s.t.Helper()
	s.until("the controller's request", func(ctx context.Context) (bool, error) {
		cases, err := s.d.Store.ListCases(ctx, casefile.Filter{})
		for _, c := range cases {
			if c.Kind == kind && c.Requester == dsr.RequesterController && c.OpenedBy == "controller "+controller {
				ref = c.Ref
			}
		}
		return ref != "", err
	})
	return ref
}

// waitsFor looks that the case is not certified before the processor has answered.
func (s *stubborn) waitsFor(ref contract.Ref, system string) {
	s.t.Helper()
	rows, err := s.d.Store.ProcessorRequests(s.ctx, ref)
	if err != nil || len(rows) != 1 || rows[0].System != system || rows[0].EndedAt != nil {
		s.t.Errorf("%d requests to processors, %v", len(rows), err)
	}
	if _, err := s.d.Store.Certificate(s.ctx, ref); !fault.Is(err, contract.ErrNotFound) {
		s.t.Errorf("certified before %s has answered: %v", system, err)
	}
}

func provenByProcessor(s *stubborn, ref contract.Ref) {
	s.t.Helper()
	got := s.certified(ref)
	i := slices.IndexFunc(got.Systems, func(c certificate.System) bool { return c.Recipient.EN == "Example Mailing Ltd" })
	if i < 0 || got.Systems[i].Proof == nil {
		s.t.Fatalf("the certificate does not name the processor: %+v", got.Systems)
	}
	rows, err := s.d.Store.ProcessorRequests(s.ctx, ref)
	if err != nil || len(rows) != 1 || rows[0].Proof == nil {
		s.t.Fatalf("%d requests, %v", len(rows), err)
	}
	proof := got.Systems[i].Proof
	if proof.By != "opendsr" || proof.Domain != processorDomain || proof.Request != rows[0].RequestID || proof.Outcome != opendsr.Completed || proof.Signature == "" {
		s.t.Errorf("the proof: %+v", proof)
	}
	kept, err := json.Marshal(rows)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, value := range []string{s.p.Login, s.p.Email, "encoded_request"} {
		if strings.Contains(string(kept), value) {
			s.t.Error("what is kept of the request holds what was sent")
		}
	}
}

// refusesTheUnsigned has strangers and a controller with bad manners call the processor: no case is opened.
func refusesTheUnsigned(s *stubborn, p *peering) {
	s.t.Helper()
	base := "http://" + p.at[processorDomain] + opendsr.Root
	post := func(path string, header http.Header, body []byte) int {
		r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, base+path, bytes.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		for name, values := range header {
			r.Header[name] = values
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if got := post("/requests", nil, []byte(`{}`)); got != http.StatusForbidden {
		s.t.Errorf("a request without signature: %d", got)
	}
	if got := post("/callbacks", http.Header{opendsr.HeaderProcessor: {controllerDomain}}, []byte(`{}`)); got != http.StatusForbidden {
		s.t.Errorf("a callback of nobody's: %d", got)
	}
	peers, err := opendsr.Load(filepath.Join(p.dir, controllerDomain+".yaml"), time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	late := opendsr.Client{Peers: peers, Now: func() time.Time { return time.Now().Add(-time.Hour) }}
	good := opendsr.Client{Peers: peers, Now: time.Now}
	to := opendsr.Processor{System: "mailing", URL: "http://" + p.at[processorDomain], Domain: processorDomain}
	request := func() opendsr.Request {
		return opendsr.Request{Regulation: "gdpr", ID: opendsr.NewID(), Type: opendsr.Erasure, APIVersion: opendsr.Version, Submitted: time.Now().UTC(),
			Identities: []opendsr.Identity{{Type: "email", Format: "raw", Value: "nobody@persons.example"}}}
	}
	for name, change := range map[string]func(*opendsr.Request){
		"another type":           func(r *opendsr.Request) { r.Type = "portability" },
		"a number that is none":  func(r *opendsr.Request) { r.ID = "1" },
		"no identity":            func(r *opendsr.Request) { r.Identities = nil },
		"a callback to anywhere": func(r *opendsr.Request) { r.CallbackURL = []string{"http://127.0.0.1:1/"} },
		"a hashed identity":      func(r *opendsr.Request) { r.Identities[0].Format = "sha256" },
	} {
		r := request()
		change(&r)
		if _, err := good.Ask(s.ctx, to, r); !fault.Is(err, contract.ErrRefused) {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := late.Ask(s.ctx, to, request()); !fault.Is(err, contract.ErrRefused) {
		s.t.Errorf("a signature of an hour ago: %v", err)
	}
}
