package seal

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/habeas-dsr/habeas/internal/contract"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

func plainPayload(data string) *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain")},
		Data:     []byte(data),
	}
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	in := []*commonpb.Payload{plainPayload(`{"ref":"case/7QK2M-9XH4T"}`), {}, plainPayload("")}
	before := proto.Clone(in[0])
	sealed, err := keys.Codec().Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(in[0], before) {
		t.Error("Encode changed its argument")
	}
	for _, p := range sealed {
		if got := string(p.Metadata[converter.MetadataEncoding]); got != EncodingSealed {
			t.Errorf("encoding %q", got)
		}
		if got := string(p.Metadata[MetadataKeyID]); got != keys.KeyID() || !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(got) {
			t.Errorf("key id %q, want %q", got, keys.KeyID())
		}
		if bytes.Contains(p.Data, []byte("7QK2M")) || bytes.Contains(p.Data, []byte("json/plain")) {
			t.Error("the sealed payload can be read")
		}
	}
	out, err := keys.Codec().Decode(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		if !proto.Equal(in[i], out[i]) {
			t.Errorf("payload %d: %v, want %v", i, out[i], in[i])
		}
	}
}

func TestCodecRefuses(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	stranger, _ := newKeys(t)
	seal := func(k *Keys) *commonpb.Payload {
		out, err := k.Codec().Encode([]*commonpb.Payload{plainPayload(`"yes"`)})
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	change := func(f func(p *commonpb.Payload)) *commonpb.Payload {
		p := seal(keys)
		f(p)
		return p
	}
	_, wrapped, err := keys.NewRefKey(refA)
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	keys.OnRefuse(func() { refused.Add(1) })
	bad := map[string]*commonpb.Payload{
		"plain":          plainPayload(`"yes"`),
		"empty":          {},
		"foreign":        seal(stranger),
		"foreign, id":    change(func(p *commonpb.Payload) { p.Data = seal(stranger).Data }),
		"without id":     change(func(p *commonpb.Payload) { delete(p.Metadata, MetadataKeyID) }),
		"changed":        change(func(p *commonpb.Payload) { p.Data[len(p.Data)-1] ^= 1 }),
		"cut":            change(func(p *commonpb.Payload) { p.Data = p.Data[:8] }),
		"no data":        change(func(p *commonpb.Payload) { p.Data = nil }),
		"other encoding": change(func(p *commonpb.Payload) { p.Metadata[converter.MetadataEncoding] = []byte("binary/plain") }),
		// Sealed by the same key, for another use.
		"a data key": change(func(p *commonpb.Payload) { p.Data = wrapped }),
	}
	for name, p := range bad {
		_, err := keys.Codec().Decode([]*commonpb.Payload{p})
		t.Run(name, func(t *testing.T) { wantType(t, err, contract.ErrTampered) })
	}
	if got := refused.Load(); got != int64(len(bad)) {
		t.Errorf("%d refusals were counted, want %d", got, len(bad))
	}
	if _, err := keys.Codec().Decode([]*commonpb.Payload{seal(keys)}); err != nil {
		t.Errorf("its own: %v", err)
	}
	if _, err := keys.Codec().Decode([]*commonpb.Payload{seal(keys), plainPayload("1")}); err == nil {
		t.Error("one plain payload among sealed ones was taken")
	}
	keys.OnRefuse(nil)
	if _, err := keys.Codec().Decode([]*commonpb.Payload{plainPayload("1")}); err == nil {
		t.Error("taken without a hook")
	}
}

func TestCodecUnderRotation(t *testing.T) {
	t.Parallel()
	running, dir := newKeys(t)
	old, err := running.Codec().Encode([]*commonpb.Payload{plainPayload(`"old"`)})
	if err != nil {
		t.Fatal(err)
	}
	oldID := running.KeyID()
	waitForClock(t, filepath.Join(dir, fileAEAD))
	if err := Rotate(dir); err != nil {
		t.Fatal(err)
	}
	rotated, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := rotated.Codec().Encode([]*commonpb.Payload{plainPayload(`"new"`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(fresh[0].Metadata[MetadataKeyID]); got == oldID || got != rotated.KeyID() {
		t.Errorf("sealed by %s after the rotation from %s", got, oldID)
	}
	for name, k := range map[string]*Keys{"started after": rotated, "started before": running} {
		out, err := k.Codec().Decode([]*commonpb.Payload{old[0], fresh[0]})
		if err != nil {
			t.Fatalf("%s the rotation: %v", name, err)
		}
		if diff := cmp.Diff([]string{`"old"`, `"new"`}, []string{string(out[0].Data), string(out[1].Data)}); diff != "" {
			t.Errorf("%s the rotation: %s", name, diff)
		}
	}
}

func TestDataConverter(t *testing.T) {
	t.Parallel()
	keys, _ := newKeys(t)
	cause := errors.New("no row for li@post.example")
	for _, off := range []bool{false, true} {
		data, failures := keys.DataConverter(off)
		p, err := data.ToPayload("case/7QK2M-9XH4T")
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := data.FromPayload(p, &back); err != nil || back != "case/7QK2M-9XH4T" {
			t.Errorf("off=%t: %q, %v", off, back, err)
		}
		failure := failures.ErrorToFailure(temporal.NewApplicationErrorWithCause("step failed", contract.ErrInternal, cause))
		raw, err := proto.Marshal(failure)
		if err != nil {
			t.Fatal(err)
		}
		if seen := bytes.Contains(raw, []byte("post.example")); seen != off {
			t.Errorf("off=%t: the failure's text can be read: %t", off, seen)
		}
		if seen := bytes.Contains(p.Data, []byte("7QK2M")); seen != off {
			t.Errorf("off=%t: the payload can be read: %t", off, seen)
		}
		var app *temporal.ApplicationError
		if err := failures.FailureToError(failure); !errors.As(err, &app) || app.Message() != "step failed" || app.Type() != contract.ErrInternal {
			t.Errorf("off=%t: %v", off, err)
		}
	}
}
