package seal

import (
	"fmt"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// Metadata of a sealed payload.
const (
	// EncodingSealed is the encoding of every payload that the codec made.
	EncodingSealed = "binary/habeas-sealed"
	// MetadataKeyID holds the id of the key that sealed it, eight hex digits.
	MetadataKeyID = "habeas-key-id"
)

// OnRefuse sets what is called each time the codec refuses a payload, for a metric. It may be
// called from many goroutines at once; nil takes it away.
func (k *Keys) OnRefuse(refused func()) {
	if refused == nil {
		k.refused.Store(nil)
		return
	}
	k.refused.Store(&refused)
}

// Codec seals Temporal payloads with the installation's wrapping key. Decode refuses
// (contract.ErrTampered) whatever it did not seal: a plain payload, one of another installation,
// one that was changed. So nobody who reaches the Temporal server alone can make us read theirs.
//
// A payload is not bound to its workflow: the codec endpoint opens them without knowing it, and
// they hold nothing but references. What must not be replayed is signed (dsr.Decision).
func (k *Keys) Codec() converter.PayloadCodec { return codec{keys: k} }

type codec struct{ keys *Keys }

// Encode seals each payload whole, its metadata included.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("writing a payload: %w", err)
		}
		sealed, id, err := c.keys.sealWith(plain, bind[string](domainPayload))
		if err != nil {
			return nil, fmt.Errorf("sealing a payload: %w", err)
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{
				converter.MetadataEncoding: []byte(EncodingSealed),
				MetadataKeyID:              []byte(id),
			},
			Data: sealed,
		}
	}
	return out, nil
}

// Decode opens what Encode sealed, and nothing else.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		opened, err := c.open(p)
		if err != nil {
			if refused := c.keys.refused.Load(); refused != nil {
				(*refused)()
			}
			return nil, err
		}
		out[i] = opened
	}
	return out, nil
}

func (c codec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != EncodingSealed {
		return nil, fault.New(contract.ErrTampered, "a payload that this installation did not seal was refused", madeUp{}).
			WithHint("send it with the codec of this installation (--codec-endpoint, or `habeas`)")
	}
	// The id is there for people and tools; the one in the sealed bytes counts.
	if id := string(p.GetMetadata()[MetadataKeyID]); id != sealedBy(p.GetData()) {
		return nil, fault.New(contract.ErrTampered, "a payload with a changed key id was refused", madeUp{})
	}
	plain, err := c.keys.openWith(p.GetData(), bind[string](domainPayload))
	if err != nil && c.keys.wrap.Load().known[sealedBy(p.GetData())] {
		return nil, fault.New(contract.ErrTampered, "a payload that does not open was refused", madeUp{})
	}
	if err != nil {
		return nil, fault.New(contract.ErrTampered, "a payload sealed with a key that is not here was refused", err).
			WithHint("after `habeas keys rotate` every host needs the new aead.json")
	}
	opened := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, fault.New(contract.ErrTampered, "a payload that cannot be read was refused", madeUp{})
	}
	return opened, nil
}

// madeUp marks what this installation never sealed: reading it again gives the same, with any key.
type madeUp struct{}

func (madeUp) Error() string { return "not sealed by this installation" }

// MadeUp is what contract.MadeUp asks.
func (madeUp) MadeUp() bool { return true }

// DataConverter gives Temporal's clients and workers their converters: payloads sealed by Codec,
// messages and stack traces of failures sealed like payloads. With codecOff everything is plain,
// for the test that searches the server's store and for recording histories.
func (k *Keys) DataConverter(codecOff bool) (converter.DataConverter, converter.FailureConverter) {
	data := converter.GetDefaultDataConverter()
	if !codecOff {
		data = converter.NewCodecDataConverter(data, k.Codec())
	}
	return data, temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          data,
		EncodeCommonAttributes: !codecOff,
	})
}
