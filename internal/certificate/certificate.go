package certificate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Version is the version of the format.
const Version = 1

// SignatureDomain is the domain in which certificates are signed; see seal.Keys.Sign.
const SignatureDomain = "certificate"

// Certificate is the statement. The same facts give the same bytes.
type Certificate struct {
	Version      int          `json:"version"`
	Installation string       `json:"installation"`
	Company      datamap.Text `json:"company"`
	Case         string       `json:"case"`
	Laws         []string     `json:"laws"`
	Ground       string       `json:"ground"` // one of dsr's
	Outcome      string       `json:"outcome"`
	Received     time.Time    `json:"received"`
	Agreed       time.Time    `json:"agreed"`
	Begun        time.Time    `json:"begun"`
	Ended        time.Time    `json:"ended"`
	PlanHash     string       `json:"plan_hash"`               // hex; keyed, so that nothing can be guessed from it
	EarlierPlans []string     `json:"earlier_plans,omitempty"` // their hashes, where one was not enough
	MapHash      string       `json:"map_hash"`
	Approvals    []string     `json:"approvals"` // the tasks whose signatures stand behind it
	Systems      []System     `json:"systems"`
}

// The states of a system.
const (
	Done     = "done"     // as planned, and read back
	LeftOut  = "left-out" // staff signed to go on without it
	Unproven = "unproven" // done, but the read-back found something: see Remains
)

// System is what happened in one system.
type System struct {
	Name      datamap.Text `json:"name"`
	Region    string       `json:"region"`
	Recipient datamap.Text `json:"recipient,omitzero"` // where it is a third party's
	State     string       `json:"state"`
	Classes   []Class      `json:"classes,omitempty"`
	Remains   []Remain     `json:"remains,omitempty"`
	// BackupsUntil is when the last backup with a deleted row is gone; zero where the map does not say.
	BackupsUntil time.Time `json:"backups_until,omitzero"`
	// Proof is the answer of a system that was asked; nil for a database, and for one left out.
	Proof *Proof `json:"proof,omitempty"`
}

// Class is what happened to the rows of one kind.
type Class struct {
	Name    datamap.Text `json:"name"`
	Action  string       `json:"action"` // delete, anonymise, unlink, refcount, block, keep, leave
	Planned int64        `json:"planned"`
	Deleted int64        `json:"deleted"`
	Changed int64        `json:"changed"`
	Arrived int64        `json:"arrived,omitempty"` // after the plan was made, under its keys
	Law     string       `json:"law,omitempty"`     // of what is kept
	Until   string       `json:"until,omitempty"`
	Reason  string       `json:"reason,omitempty"`
}

// Proof is what whoever was asked to delete has answered.
type Proof struct {
	By       string    `json:"by"` // the driver: manual, opendsr
	Outcome  string    `json:"outcome"`
	Rows     int64     `json:"rows"`
	At       time.Time `json:"at"`
	Task     string    `json:"task,omitempty"`     // whose signed answer it is
	Evidence []string  `json:"evidence,omitempty"` // SHA-256 of the files, hex
	// Of a processor: the number of our request, the domain that answered, and its signature over the
	// answer, which we keep.
	Request   string `json:"request,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// Remain is something that is still there.
type Remain struct {
	Name   datamap.Text `json:"name"`
	Rows   int64        `json:"rows"`
	Reason string       `json:"reason"`
}

// envelope is the file: the statement as it was signed, and the signature.
type envelope struct {
	Certificate json.RawMessage `json:"certificate"`
	Signer      string          `json:"signer"`    // hk1:…
	Signature   string          `json:"signature"` // base64
}

// Sign writes the signed certificate as JSON.
func Sign(c Certificate, public ed25519.PublicKey, sign func(domain string, message []byte) ([]byte, error)) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing a certificate: %w", err)
	}
	signature, err := sign(SignatureDomain, body)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	raw, err := json.MarshalIndent(envelope{Certificate: body, Signer: seal.EncodePublic(public),
		Signature: base64.StdEncoding.EncodeToString(signature)}, "", "  ")
	return append(raw, '\n'), err
}

// The marks between which a page carries the signed certificate.
const (
	openMark  = `<script type="application/json" id="habeas-certificate">`
	closeMark = `</script>`
)

// maxFile is the largest file that Verify reads.
const maxFile = 8 << 20

// Verify checks a file, JSON or a page made from it, and gives the statement and who signed it. With
// a key it must be that one's. A file that was changed is a contract.ErrTampered, another signer a
// contract.ErrBadSignature.
func Verify(file []byte, key ed25519.PublicKey) (Certificate, ed25519.PublicKey, error) {
	var c Certificate
	tampered := func(why string) (Certificate, ed25519.PublicKey, error) {
		return Certificate{}, nil, fault.Newf(contract.ErrTampered, "this is no certificate, or it was changed: %s", why)
	}
	if len(file) > maxFile {
		return tampered("it is larger than 8 MiB")
	}
	if _, rest, isPage := bytes.Cut(file, []byte(openMark)); isPage {
		inside, _, closed := bytes.Cut(rest, []byte(closeMark))
		if !closed || bytes.Contains(rest[len(inside):], []byte(openMark)) {
			return tampered("it does not carry exactly one")
		}
		file = inside
	}
	var e envelope
	if err := json.Unmarshal(file, &e); err != nil {
		return tampered("it does not read as JSON")
	}
	signer, err := seal.DecodePublic(e.Signer)
	if err != nil {
		return tampered("its signer is no key")
	}
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return tampered("its signature does not read as base64")
	}
	var body bytes.Buffer
	if err := json.Compact(&body, e.Certificate); err != nil {
		return tampered("it does not read as JSON")
	}
	if key != nil && !signer.Equal(key) {
		return Certificate{}, nil, fault.New(contract.ErrBadSignature, "another installation signed this certificate", nil).
			WithHint("the key of the installation that it names is " + e.Signer)
	}
	if seal.VerifySignature(signer, SignatureDomain, body.Bytes(), signature) != nil {
		return tampered("the signature does not match")
	}
	if err := json.Unmarshal(body.Bytes(), &c); err != nil || c.Version != Version {
		return tampered("it has a form that this version does not know")
	}
	return c, signer, nil
}

// Hash is how a file is named in letters and the ledger: SHA-256, hex.
func Hash(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// Rows is the number that a page shows: what was deleted or changed, or, where nothing was to be,
// what the plan found.
func (c Class) Rows() int64 {
	if n := c.Deleted + c.Changed; n > 0 || (c.Action != "keep" && c.Action != "leave") {
		return n
	}
	return c.Planned
}
