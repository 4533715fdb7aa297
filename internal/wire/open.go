package wire

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/habeas-dsr/habeas/internal/blobs"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/desk"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/jurisdiction"
	"github.com/habeas-dsr/habeas/internal/letters"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/systems"
	_ "github.com/habeas-dsr/habeas/internal/systems/mysql" // drivers of the data map
	"github.com/habeas-dsr/habeas/internal/systems/opendsr"
	_ "github.com/habeas-dsr/habeas/internal/systems/postgres" // …
)

// House is what worker, command line and portal share.
type House struct {
	Config config.Config
	Keys   *seal.Keys
	Map    *datamap.Map
	Store  *casefile.Store
	Blobs  blobs.Store
	Pins   casefile.Pins
	Laws   *jurisdiction.Book
	Peers  *opendsr.Peers // nil: OpenDSR is not spoken
}

// Open opens keys, data map, casefile, blob store and the pinned approvers.
func Open(ctx context.Context, c config.Config) (*House, error) {
	h := &House{Config: c}
	var err error
	if h.Keys, err = seal.Open(c.Keys); err != nil {
		return nil, err
	}
	if h.Map, err = datamap.Load(c.DataMap); err != nil {
		return nil, fault.New(contract.ErrBadInput, "the data map has faults:\n"+err.Error(), err)
	}
	if h.Pins, err = desk.ReadPins(c.Approvers); err != nil {
		return nil, err
	}
	if c.LettersFolder != "" {
		if err = letters.Use(os.DirFS(c.LettersFolder)); err != nil {
			return nil, err
		}
	}
	if h.Laws, err = OpenLaws(c.Laws); err != nil {
		return nil, err
	}
	if c.OpenDSR != "" {
		if h.Peers, err = opendsr.Load(c.OpenDSR, time.Now()); err != nil {
			return nil, err
		}
	}
	if h.Blobs, err = blobs.OpenStore(ctx, c.Blobs); err != nil {
		return nil, err
	}
	h.Store, err = casefile.Open(ctx, c.DatabaseURL, h.Keys, time.Now)
	return h, err
}

// OpenLaws is the embedded book of laws, with the files of a folder over it where one is named.
func OpenLaws(folder string) (*jurisdiction.Book, error) {
	if folder == "" {
		return jurisdiction.Embedded(), nil
	}
	return jurisdiction.Load(os.DirFS(folder))
}

// Desk is the desk in this house; temporal may be nil for operations that only read.
func (h *House) Desk(temporal client.Client) *desk.Desk {
	return &desk.Desk{Store: h.Store, Keys: h.Keys, Map: h.Map, Blobs: h.Blobs, Pins: h.Pins, Laws: h.Laws, Temporal: temporal,
		Now: time.Now, CodesPerHour: h.Config.CodesPerHour}
}

// Close gives the connections back.
func (h *House) Close() error { return h.Store.Close() }

// Systems opens the systems of the map when they are first asked for, and keeps them open.
type Systems struct {
	Map    *datamap.Map
	Getenv func(string) string
	mu     sync.Mutex
	open   map[string]systems.System
}

// Get gives the connection to one system.
func (s *Systems) Get(ctx context.Context, name string) (systems.System, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if system, ok := s.open[name]; ok {
		return system, nil
	}
	described := s.Map.System(name)
	if described == nil {
		return nil, fault.Newf(contract.ErrMapMismatch, "the data map has no system %q", name)
	}
	dsn, err := config.DSN(s.Getenv, name)
	if err != nil {
		return nil, err
	}
	system, err := systems.Open(ctx, described, dsn)
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		s.open = map[string]systems.System{}
	}
	s.open[name] = system
	return system, nil
}

// Close closes every open system.
func (s *Systems) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, system := range s.open {
		_ = system.Close()
	}
	s.open = nil
}

// Post is how letters leave the house.
type Post struct {
	Mailer *letters.Mailer
	Drill  *letters.Mailer // for exercises; nil: there are none
	DKIM   *letters.DKIM
	SMS    *letters.SMSGateway
}

// OpenPost reads the mail settings; it connects to nothing yet.
func OpenPost(c config.Config, company datamap.Company) (Post, error) {
	var p Post
	var err error
	if p.Mailer, err = letters.NewMailer(c.SMTPURL, letters.MailerOptions{Size: c.SMTPSize}); err != nil {
		return p, err
	}
	if c.ExerciseSMTP != "" {
		if p.Drill, err = letters.NewMailer(c.ExerciseSMTP, letters.MailerOptions{Size: c.SMTPSize}); err != nil {
			return p, err
		}
	}
	if c.DKIMKey != "" {
		_, domain, _ := strings.Cut(company.From, "@")
		if p.DKIM, err = letters.LoadDKIM(c.DKIMKey, domain, c.DKIMSelector); err != nil {
			return p, err
		}
	}
	if c.SMSURL == "" {
		return p, nil
	}
	secret, err := os.ReadFile(c.SMSSecretFile)
	if err != nil {
		return p, fault.New(contract.ErrBadInput, "HABEAS_SMS_SECRET_FILE cannot be read: the SMS webhook is only called with a signature", err)
	}
	p.SMS, err = letters.NewSMSGateway(c.SMSURL, []byte(strings.TrimSpace(string(secret))), letters.SMSOptions{})
	return p, err
}
