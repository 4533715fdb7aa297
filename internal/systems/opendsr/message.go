package opendsr

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"time"

	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
)

// Version is the version of the protocol, as api_version says it.
const Version = "2.0"

// Root is the path under which everything of this version lies (section 3.4).
const Root = "/v2"

// What a request asks, and how far it is (sections 6 and 7).
const (
	Erasure = "erasure"
	// Rectification is by agreement of both sides: the protocol names it nowhere, and what each field is to
	// be stands in the controller's extension, under RectifyPrefix and the field's name.
	Rectification = "rectification"
	RectifyPrefix = "rectify."

	Pending    = "pending"
	InProgress = "in_progress"
	Completed  = "completed"
	Cancelled  = "cancelled"
)

// maxBody bounds every message, in bytes.
const maxBody = 256 << 10

// Identity is one thing by which the person is named. It is personal data.
type Identity struct {
	Type   string `json:"identity_type"`
	Format string `json:"identity_format"`
	Value  string `json:"identity_value"`
}

// Request is what a controller asks of a processor. It is personal data.
type Request struct {
	Regulation  string                       `json:"regulation"`
	ID          string                       `json:"subject_request_id"` // UUID v4, lower case
	Type        string                       `json:"subject_request_type"`
	Identities  []Identity                   `json:"subject_identities"`
	Submitted   time.Time                    `json:"submitted_time"`
	APIVersion  string                       `json:"api_version"`
	CallbackURL []string                     `json:"status_callback_urls,omitempty"`
	Extensions  map[string]map[string]string `json:"extensions,omitempty"`
}

// Receipt is a processor's answer to a request. Encoded repeats the request, personal data and all: it is
// neither kept nor logged (section 8).
type Receipt struct {
	Controller string    `json:"controller_id"`
	Expected   time.Time `json:"expected_completion_time"`
	Received   time.Time `json:"received_time"`
	Encoded    string    `json:"encoded_request,omitempty"`
	ID         string    `json:"subject_request_id"`
	Signature  string    `json:"processor_signature,omitempty"` // over Encoded
}

// Status is how far a request is. A callback carries it too, with the URL it was sent to.
type Status struct {
	Controller string    `json:"controller_id"`
	Expected   time.Time `json:"expected_completion_time"`
	ID         string    `json:"subject_request_id"`
	Status     string    `json:"request_status"`
	APIVersion string    `json:"api_version"`
	Callback   string    `json:"status_callback_url,omitempty"`
	// Extensions hold under the processor's domain what the protocol has no word for: "outcome".
	Extensions map[string]map[string]string `json:"extensions,omitempty"`
}

// Discovery says what a processor can do.
type Discovery struct {
	APIVersion  string     `json:"api_version"`
	Identities  []Identity `json:"supported_identities"` // without values
	Types       []string   `json:"supported_subject_request_types"`
	Certificate string     `json:"processor_certificate"` // URL
}

// Problem is an answer that is none.
type Problem struct {
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// types are the identity types of the protocol that we know, by our kinds.
var types = map[string]string{datamap.IdentityEmail: "email", datamap.IdentityAccount: "controller_customer_id"}

// TypeOf is the protocol's name of a kind of identity; empty when it has none.
func TypeOf(kind string) string { return types[kind] }

// KindOf is our kind of an identity type; empty when we have none.
func KindOf(identityType string) string {
	for kind, name := range types {
		if name == identityType {
			return kind
		}
	}
	return ""
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// IsID says whether s may be a subject_request_id.
func IsID(s string) bool { return uuid4.MatchString(s) }

// NewID draws a subject_request_id (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// regulations are the protocol's words for the laws that it knows.
var regulations = map[string]string{"us-ca": "ccpa"}

// Regulation is the word for a law. The protocol knows two and none for China: whoever reads
// "gdpr" finds the law itself in the extension.
func Regulation(law string) string {
	if word := regulations[law]; word != "" {
		return word
	}
	return "gdpr"
}

// StatusOf says in the protocol's words how far a case of ours is. It has no word for a refusal or for
// nothing found: those are completed, and the extension says the outcome.
func (p *Peers) StatusOf(id, controller string, expected time.Time, state dsr.State, outcome dsr.Outcome) Status {
	s := Status{ID: id, Controller: controller, Expected: expected.UTC(), APIVersion: Version, Status: InProgress}
	switch {
	case state == dsr.StateReceived || state == dsr.StateVerifying:
		s.Status = Pending
	case state == dsr.StateClosed && (outcome == dsr.Withdrawn || outcome == dsr.Linked || outcome == dsr.Refused || outcome == dsr.PartlyDone):
		s.Status = Cancelled
	case state == dsr.StateClosed:
		s.Status = Completed
	}
	if outcome != "" {
		s.Extensions = map[string]map[string]string{"opendsr." + p.Domain: {"outcome": string(outcome)}}
	}
	return s
}
