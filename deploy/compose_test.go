package deploy_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/habeas-dsr/habeas/internal/config"
	"github.com/habeas-dsr/habeas/internal/contract"
)

// secretsIn is where containers find their secrets.
const secretsIn = "/run/secrets/"

// project loads docker-compose.yml as `docker compose` would, with nothing from this machine's
// environment.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../docker-compose.yml"},
		cli.WithWorkingDirectory(".."), cli.WithInterpolation(true), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestServices(t *testing.T) {
	t.Parallel()
	p := project(t)
	if diff := cmp.Diff([]string{"example", "mailpit", "mariadb", "portal", "postgres", "setup", "temporal", "worker"}, p.ServiceNames()); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	for name, service := range p.Services {
		if !slices.Contains([]string{"setup", "example"}, name) && service.HealthCheck == nil {
			t.Errorf("%s has no health check", name)
		}
		if service.Privileged {
			t.Errorf("%s is privileged", name)
		}
		for _, port := range service.Ports {
			if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
				t.Errorf("%s publishes port %s on %q", name, port.Published, port.HostIP)
			}
		}
	}
	for _, name := range []string{"worker", "portal"} {
		for _, other := range []string{"postgres", "mariadb", "temporal", "mailpit", "setup", "example"} {
			if _, waits := p.Services[name].DependsOn[other]; !waits {
				t.Errorf("%s does not wait for %s", name, other)
			}
		}
		if !p.Services[name].ReadOnly || !slices.Contains(p.Services[name].CapDrop, "ALL") {
			t.Errorf("%s may do more than it needs", name)
		}
	}
}

// pinned is an image with a version of its own: not latest, not a bare name.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9][a-z0-9.-]*$`)

func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	for name, service := range project(t).Services {
		if service.Build == nil && !pinned.MatchString(service.Image) {
			t.Errorf("%s runs %q, which is no version", name, service.Image)
		}
	}
	var stages []string
	for _, line := range dockerfile(t) {
		rest, from := strings.CutPrefix(line, "FROM ")
		if !from {
			continue
		}
		image, stage, _ := strings.Cut(rest, " AS ")
		if !slices.Contains(stages, image) && !pinned.MatchString(image) {
			t.Errorf("the Dockerfile starts from %q, which is no version", image)
		}
		stages = append(stages, stage)
	}
}

func dockerfile(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func TestDockerfileHasWhatComposeBuilds(t *testing.T) {
	t.Parallel()
	lines := dockerfile(t)
	for name, service := range project(t).Services {
		if service.Build == nil {
			continue
		}
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, " AS "+service.Build.Target) }) {
			t.Errorf("%s is built from the target %q, which the Dockerfile lacks", name, service.Build.Target)
		}
	}
	if !slices.Contains(lines, "USER 10001:10001") {
		t.Error("the images run as root")
	}
}

// Nothing that opens anything stands in the file: secrets come as files.
func TestNoSecretInPlain(t *testing.T) {
	t.Parallel()
	p := project(t)
	credentials := regexp.MustCompile(`://[^/@\s]*:[^/@\s]*@|(?i)(password|passwd|secret|token)=`)
	for name, service := range p.Services {
		values := slices.Clone([]string(service.Command))
		for key, value := range service.Environment {
			if value == nil {
				t.Errorf("%s takes %s from whatever environment it meets", name, key)
				continue
			}
			values = append(values, *value)
			if opensADatabase(key) && !strings.HasPrefix(*value, "@"+secretsIn) {
				t.Errorf("%s: %s is not read from a secret", name, key)
			}
			if strings.Contains(strings.ToUpper(key), "PASSWORD") && !strings.HasSuffix(key, "_FILE") {
				t.Errorf("%s: %s is no file", name, key)
			}
		}
		for _, value := range values {
			if credentials.MatchString(value) {
				t.Errorf("%s carries credentials in plain", name)
			}
		}
	}
	for name, secret := range p.Secrets {
		if secret.File == "" || !strings.Contains(filepath.ToSlash(secret.File), "/deploy/secrets/") {
			t.Errorf("secret %s is not a file under deploy/secrets", name)
		}
	}
	ignored, err := os.ReadFile("../.gitignore")
	if err != nil || !strings.Contains(string(ignored), "\n/deploy/secrets/\n") {
		t.Errorf("git would take the secrets: %v", err)
	}
}

// opensADatabase says whether a variable holds an address with a password in it.
func opensADatabase(name string) bool {
	return name == "HABEAS_DATABASE_URL" || strings.HasPrefix(name, config.DSNPrefix)
}

// Every variable is one that the programs know, and the loader takes what compose gives.
func TestEnvironmentIsKnown(t *testing.T) {
	t.Parallel()
	p := project(t)
	secrets := prepare(t)
	for _, name := range []string{"setup", "example", "worker", "portal"} {
		service := p.Services[name]
		getenv := func(key string) string {
			value, ok := service.Environment[key]
			if !ok || value == nil {
				return ""
			}
			if file, secret := strings.CutPrefix(*value, "@"+secretsIn); secret {
				if !slices.ContainsFunc(service.Secrets, func(s types.ServiceSecretConfig) bool { return s.Source == file }) {
					t.Errorf("%s reads the secret %s, which it is not given", name, file)
				}
				return "@" + filepath.Join(secrets, file)
			}
			return *value
		}
		for key := range service.Environment {
			if !config.Known(key) && !strings.HasPrefix(key, "TEMPORAL_") {
				t.Errorf("%s sets %s, which nobody reads", name, key)
			}
		}
		need := []string{"HABEAS_DATABASE_URL", "HABEAS_KEYS"}
		if name == "worker" {
			need = append(need, "HABEAS_DATAMAP", "HABEAS_BLOBS", "HABEAS_SMTP_URL", "HABEAS_APPROVERS")
		}
		if name == "worker" || name == "example" {
			for system, end := range map[string]string{
				"accounts": "@postgres:5432/accounts?sslmode=disable", "support": "@postgres:5432/support?sslmode=disable",
				"billing": "@mariadb:3306/billing?tls=false",
			} {
				if dsn, err := config.DSN(getenv, system); err != nil || !strings.HasSuffix(dsn, end) {
					t.Errorf("the way of %s to %s: %v", name, system, err)
				}
			}
		}
		if name == "example" { // it has no casefile
			continue
		}
		if c, err := config.Load(getenv, need...); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !strings.HasPrefix(c.DatabaseURL, "postgres://habeas_") {
			t.Errorf("%s: the casefile's address was not read from its file", name)
		}
	}
}

// The Temporal server knows exactly the project's search attributes.
func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, argument := range project(t).Services["temporal"].Command {
		if pair, ok := strings.CutPrefix(argument, "--search-attribute="); ok {
			name, kind, _ := strings.Cut(pair, "=")
			got[name] = kind
		}
	}
	if diff := cmp.Diff(contract.SearchAttributes, got); diff != "" {
		t.Errorf("search attributes (-want +got):\n%s", diff)
	}
}
