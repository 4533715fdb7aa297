package wire

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/fault"
	"github.com/habeas-dsr/habeas/internal/seal"
)

// Temporal connects to the server that TEMPORAL_* or the profile file names. Payloads and failures
// are sealed with the installation's keys, unless codecOff (tests only). identity shows on every
// event; metrics may be nil. env is where the TEMPORAL_* settings are read; nil is the process's own
// environment.
func Temporal(ctx context.Context, keys *seal.Keys, codecOff bool, identity string, metrics client.MetricsHandler, logger *slog.Logger, env envconfig.EnvLookup) (client.Client, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: env})
	if err != nil {
		return nil, fault.New(contract.ErrBadInput, "the TEMPORAL_* settings or the profile file cannot be read", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	options.DataConverter, options.FailureConverter = keys.DataConverter(codecOff)
	options.Identity, options.MetricsHandler = identity, metrics
	options.DisableWorkerEnvironmentInfo = true
	// What is sealed does not get smaller, and the server would have to undo it.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	options.Logger = log.NewStructuredLogger(logger)
	dial, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.DialContext(dial, options)
	if err != nil {
		return nil, fault.New(contract.ErrUnavailable, "no Temporal server answers at "+options.HostPort, err).
			WithHint("start one with `habeas stack up`, or set TEMPORAL_ADDRESS")
	}
	return c, nil
}

// CheckSearchAttributes says which of our search attributes the server lacks or knows under
// another type: with one missing, no case would start.
func CheckSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fault.New(contract.ErrUnavailable, "Temporal did not list its search attributes", err)
	}
	var wrong []string
	for name, kind := range contract.SearchAttributes {
		want := enums.IndexedValueType(enums.IndexedValueType_shorthandValue[kind])
		if answer.GetCustomAttributes()[name] != want {
			wrong = append(wrong, "--name "+name+" --type "+kind)
		}
	}
	if len(wrong) > 0 {
		return fault.Newf(contract.ErrBadInput, "Temporal lacks search attributes, or knows them under another type").
			WithHint("temporal operator search-attribute create " + strings.Join(wrong, " "))
	}
	return nil
}
