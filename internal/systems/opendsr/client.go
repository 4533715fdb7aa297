package opendsr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// callTimeout bounds one call.
const callTimeout = 30 * time.Second

// Client asks processors, and calls controllers back.
type Client struct {
	Peers *Peers
	Now   func() time.Time
}

// Processor is whom a system of the data map names: nothing is sent anywhere else.
type Processor struct {
	System string
	URL    string
	Domain string
}

// Proof is what a processor said, as it signed it: it verifies without asking again.
type Proof struct {
	Body        []byte    `json:"body"` // holds nothing of the person
	Signature   string    `json:"signature"`
	Certificate []byte    `json:"certificate"` // PEM
	At          time.Time `json:"at"`
}

// Ask sends a request. The same request again is the same one for the processor.
func (c Client) Ask(ctx context.Context, to Processor, r Request) (Receipt, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Receipt{}, fault.New(contract.ErrInternal, "a request could not be written", err)
	}
	answer, _, err := c.call(ctx, to, http.MethodPost, Root+"/requests", body, http.StatusCreated)
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	if err := json.Unmarshal(answer, &receipt); err != nil || receipt.ID != r.ID {
		return Receipt{}, refused(to.System, "its receipt is not of our request", err)
	}
	receipt.Encoded, receipt.Signature = "", "" // repeats the person's data
	return receipt, nil
}

// Status asks how far a request is.
func (c Client) Status(ctx context.Context, to Processor, id string) (Status, Proof, error) {
	answer, proof, err := c.call(ctx, to, http.MethodGet, Root+"/requests/"+id, nil, http.StatusOK)
	if err != nil {
		return Status{}, Proof{}, err
	}
	var status Status
	if err := json.Unmarshal(answer, &status); err != nil || status.ID != id {
		return Status{}, Proof{}, refused(to.System, "its status is not of our request", err)
	}
	return status, proof, nil
}

// ReadProof verifies a proof that was kept and gives what it says: the certificate as it was accepted then.
func (p *Peers) ReadProof(proof Proof, domain string) (Status, error) {
	var status Status
	cert, err := p.Certificate(proof.Certificate, domain, proof.At)
	if err != nil {
		return status, err
	}
	if err := Verify(cert, proof.Body, proof.Signature); err != nil {
		return status, err
	}
	if err := json.Unmarshal(proof.Body, &status); err != nil {
		return status, fault.New(contract.ErrTampered, "a processor's proof cannot be read", err)
	}
	return status, nil
}

// call makes one signed call and verifies the answer's signature before anything reads it.
func (c Client) call(ctx context.Context, to Processor, method, path string, body []byte, want int) ([]byte, Proof, error) {
	base, err := BaseURL(to.URL)
	if err != nil {
		return nil, Proof{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	file, err := c.certificateOf(ctx, to)
	if err != nil {
		return nil, Proof{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, Proof{}, refused(to.System, "its address cannot be used", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if err := c.Peers.SignRequest(request, body, c.Now()); err != nil {
		return nil, Proof{}, err
	}
	answer, header, code, err := send(request, to.System)
	if err != nil {
		return nil, Proof{}, err
	}
	if err := classify(to.System, code, want, header); err != nil {
		return nil, Proof{}, err
	}
	cert, err := c.Peers.Certificate(file, to.Domain, c.Now())
	if err != nil {
		return nil, Proof{}, err
	}
	if header.Get(HeaderProcessor) != to.Domain {
		return nil, Proof{}, fault.Newf(contract.ErrBadSignature, "%s answers in the name of another domain", to.System)
	}
	proof := Proof{Body: answer, Signature: header.Get(HeaderSignature), Certificate: file, At: c.Now().UTC()}
	return answer, proof, Verify(cert, answer, proof.Signature)
}

// certificateOf fetches the processor's certificate: it must lie on the host and port of the map.
func (c Client) certificateOf(ctx context.Context, to Processor) ([]byte, error) {
	base, err := BaseURL(to.URL)
	if err != nil {
		return nil, err
	}
	get := func(address string) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return nil, refused(to.System, "an address that it names cannot be used", err)
		}
		body, header, code, err := send(r, to.System)
		if err != nil {
			return nil, err
		}
		return body, classify(to.System, code, http.StatusOK, header)
	}
	raw, err := get(base.JoinPath(Root + "/discovery").String())
	if err != nil {
		return nil, err
	}
	var found Discovery
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, refused(to.System, "what it says of itself cannot be read", err)
	}
	at, err := BaseURL(found.Certificate)
	if err != nil || hostPort(at) != hostPort(base) || at.Scheme != base.Scheme {
		return nil, refused(to.System, "its certificate lies on another host or port than the data map names", err)
	}
	return get(at.String())
}

// CallBack tells a controller how far its request is.
func (c Client) CallBack(ctx context.Context, to Controller, address string, status Status) error {
	if !to.MayCallBack(address) {
		return fault.New(contract.ErrRefused, "a callback was not sent: its address is not on the list of the controller", nil)
	}
	status.Callback = address
	body, err := json.Marshal(status)
	if err != nil {
		return fault.New(contract.ErrInternal, "a callback could not be written", err)
	}
	signature, err := c.Peers.Sign(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return refused("the controller", "its callback address cannot be used", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(HeaderProcessor, c.Peers.Domain)
	r.Header.Set(HeaderSignature, signature)
	_, header, code, err := send(r, "the controller")
	if err != nil {
		return err
	}
	if code/100 == 2 {
		return nil
	}
	return classify("the controller", code, http.StatusOK, header)
}

// outward never follows a redirect: it could lead to a host that nobody has named.
var outward = &http.Client{Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func send(r *http.Request, who string) ([]byte, http.Header, int, error) {
	answer, err := outward.Do(r)
	if err != nil {
		return nil, nil, 0, fault.New(contract.ErrUnavailable, who+" did not answer", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return nil, nil, 0, fault.New(contract.ErrUnavailable, who+" stopped in the middle of its answer", err)
	}
	if len(body) > maxBody {
		return nil, nil, 0, refused(who, "its answer is too large", nil)
	}
	return body, answer.Header, answer.StatusCode, nil
}

// classify says what an answer other than the one wanted means: whoever is overloaded or ill is asked
// again, a no is a no.
func classify(who string, code, want int, header http.Header) error {
	switch {
	case code == want:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		busy := fault.Newf(contract.ErrBusy, "%s asks for patience (%d)", who, code)
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 3600 {
			return busy.After(time.Duration(seconds) * time.Second)
		}
		return busy
	case code >= 500 || code == http.StatusRequestTimeout:
		return fault.Newf(contract.ErrUnavailable, "%s is not well (%d)", who, code)
	}
	return refused(who, "it answered "+strconv.Itoa(code), nil)
}

func refused(who, why string, cause error) error {
	if cause == nil {
		cause = errors.New(why)
	}
	return fault.New(contract.ErrRefused, who+" did not do as it was asked: "+why, cause)
}

// VerifyCallback holds a callback against the certificate of a processor of the data map, fetched from
// where the map says that it is.
func (p *Peers) VerifyCallback(ctx context.Context, m *datamap.Map, domain string, body []byte, signature string, now func() time.Time) error {
	c := Client{Peers: p, Now: now}
	err := error(fault.New(contract.ErrBadSignature, "no processor of that domain is in the data map", nil))
	for _, sys := range m.Systems {
		if sys.Outside == nil || sys.Outside.Domain != domain || sys.Driver != datamap.DriverOpenDSR {
			continue
		}
		var file []byte
		if file, err = c.certificateOf(ctx, Processor{System: sys.Name, URL: sys.Outside.URL, Domain: domain}); err != nil {
			continue
		}
		cert, bad := p.Certificate(file, domain, now())
		if bad == nil {
			bad = Verify(cert, body, signature)
		}
		if err = bad; err == nil {
			return nil
		}
	}
	return err
}
