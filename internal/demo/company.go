package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cloud "github.com/habeas-dsr/habeas/examples/cloud"
	"github.com/habeas-dsr/habeas/internal/casefile"
	"github.com/habeas-dsr/habeas/internal/example"
	"github.com/habeas-dsr/habeas/internal/seal"
	"github.com/habeas-dsr/habeas/internal/stack"
)

// Options say where the company is set up and how large it is.
type Options struct {
	Dir     string            // state folder of the stack; "" is stack.DefaultDir()
	BinDir  string            // folder with habeas and habeas-worker
	Example example.Options   // Now is filled in
	Env     map[string]string // over the environment of worker, portal and desk
	Map     map[string]string // files of the data map beside those of the example, by name
	Say     func(format string, args ...any)
}

// Company is the example company, up and running.
type Company struct {
	Stack *stack.Stack
	Env   map[string]string        // of staff and portal
	Staff map[string]seal.StaffKey // by name: an (support), bo (reviewer), cao and dai (approvers)
	Dir   string                   // keys, map, blobs
	o     Options
}

// The staff of the example company. Cao and dai are pinned; an and bo are enrolled by them.
var (
	pinned   = map[string]string{"cao": "approver,lead", "dai": "approver"}
	enrolled = map[string]string{"an": "support", "bo": "reviewer"}
)

// Prepare starts the stack and sets the company up on it: keys, staff, data, worker and portal.
// Run again, it goes on with what is there.
func Prepare(ctx context.Context, o Options) (*Company, error) {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	portal, metrics, err := doors(o.Dir)
	if err != nil {
		return nil, err
	}
	postgres, mariadb := example.Servers()
	st, err := stack.Up(ctx, stack.Options{
		Dir: o.Dir, Systems: postgres, MariaDB: mariadb, BinSelf: filepath.Join(o.BinDir, "habeas"),
		CodecEndpoint: "http://" + portal + "/codec", Progress: func(line string) { o.Say("%s", line) },
	})
	if err != nil {
		return nil, err
	}
	c := &Company{Stack: st, Staff: map[string]seal.StaffKey{}, Dir: filepath.Join(st.Dir(), "company"), o: o}
	if err := c.furnish(portal, metrics); err != nil {
		return nil, err
	}
	if err := c.fill(ctx); err != nil {
		return nil, err
	}
	if err := c.StartWorker(ctx); err != nil {
		return nil, err
	}
	if err := c.StartPortal(ctx); err != nil {
		return nil, err
	}
	return c, c.enrolAll(ctx)
}

// doors are the addresses of portal and metrics page: chosen once, kept for the next time.
func doors(dir string) (portal, metrics string, err error) {
	if dir == "" {
		dir = stack.DefaultDir()
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", "", fmt.Errorf("making the state folder: %w", err)
	}
	file := filepath.Join(dir, "doors")
	if raw, err := os.ReadFile(file); err == nil {
		if p, m, ok := strings.Cut(strings.TrimSpace(string(raw)), " "); ok {
			return p, m, nil
		}
	}
	var free [2]string
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		free[i] = l.Addr().String()
	}
	return free[0], free[1], os.WriteFile(file, []byte(free[0]+" "+free[1]+"\n"), 0o600)
}

// furnish makes keys, passphrase, staff and map, and the environment that names them.
func (c *Company) furnish(portal, metrics string) error {
	if err := os.MkdirAll(filepath.Join(c.Dir, "map"), 0o700); err != nil {
		return fmt.Errorf("making the company's folder: %w", err)
	}
	keys := filepath.Join(c.Dir, "keys")
	if _, err := os.Stat(keys); err != nil {
		if err := seal.Init(keys); err != nil {
			return err
		}
	}
	files, err := cloud.Map.ReadDir("map")
	if err != nil {
		return fmt.Errorf("reading the example map: %w", err)
	}
	for _, f := range files {
		raw, err := cloud.Map.ReadFile("map/" + f.Name())
		if err != nil {
			return fmt.Errorf("reading the example map: %w", err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "map", f.Name()), raw, 0o600); err != nil {
			return fmt.Errorf("writing the map: %w", err)
		}
	}
	for name, text := range c.o.Map {
		if err := os.WriteFile(filepath.Join(c.Dir, "map", name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the map: %w", err)
		}
	}
	if err := c.keys(); err != nil {
		return err
	}
	c.Env = c.Stack.Env(stack.RoleStaff)
	maps.Copy(c.Env, map[string]string{
		"HABEAS_DATAMAP": filepath.Join(c.Dir, "map"), "HABEAS_KEYS": keys, "HABEAS_BLOBS": filepath.Join(c.Dir, "blobs"),
		"HABEAS_APPROVERS": filepath.Join(c.Dir, "approvers"), "HABEAS_PORTAL_URL": "http://" + portal,
		"HABEAS_PORTAL_LISTEN": portal, "HABEAS_METRICS_LISTEN": metrics, "HABEAS_UI_URL": strings.TrimSuffix(c.Stack.TemporalUI(), "/namespaces/default/workflows"),
		"HABEAS_COOL_OFF": "0s", "HABEAS_STAFF_KEY": c.KeyFile("an"), "HABEAS_STAFF_PASSPHRASE_FILE": filepath.Join(c.Dir, "passphrase"),
	})
	maps.Copy(c.Env, c.o.Env)
	return c.writeEnv()
}

// KeyFile is where the signing key of a member of staff lies.
func (c *Company) KeyFile(name string) string { return filepath.Join(c.Dir, "staff", name+".key") }

// EnvFile is a file for a shell to source.
func (c *Company) EnvFile() string { return filepath.Join(c.Stack.Dir(), "demo.sh") }

func (c *Company) keys() error {
	file := filepath.Join(c.Dir, "passphrase")
	raw, err := os.ReadFile(file)
	if err != nil {
		secret := make([]byte, 16)
		_, _ = rand.Read(secret)
		raw = []byte(hex.EncodeToString(secret))
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			return fmt.Errorf("writing the passphrase: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "staff"), 0o700); err != nil {
		return fmt.Errorf("making the staff's folder: %w", err)
	}
	approvers := "# the first two approvers; everybody else is enrolled by them\n"
	for _, name := range slices.Sorted(maps.Keys(all())) {
		key, err := seal.ReadStaffKey(c.KeyFile(name), string(raw))
		if err != nil {
			if key, err = seal.NewStaffKey(name, rand.Reader); err != nil {
				return err
			}
			if err := seal.WriteStaffKey(c.KeyFile(name), key, string(raw)); err != nil {
				return err
			}
		}
		c.Staff[name] = key
		if roles, ok := pinned[name]; ok {
			approvers += name + " " + roles + " " + seal.EncodePublic(key.Public()) + "\n"
		}
	}
	return os.WriteFile(filepath.Join(c.Dir, "approvers"), []byte(approvers), 0o600)
}

func all() map[string]string {
	m := maps.Clone(pinned)
	maps.Copy(m, enrolled)
	return m
}

// fill migrates the casefile and loads the example data.
func (c *Company) fill(ctx context.Context) error {
	at, err := c.casefileURL()
	if err != nil {
		return err
	}
	if _, _, err := casefile.Migrate(ctx, at); err != nil {
		return err
	}
	o := c.o.Example
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	dsns, err := c.LoadDSNs()
	if err != nil {
		return err
	}
	loaded, err := example.Loaded(ctx, dsns, o)
	if err != nil || loaded {
		return err
	}
	c.o.Say("loading the example company")
	started, told := time.Now(), time.Now()
	return example.Load(ctx, dsns, o, func(done, of int64) {
		if time.Since(started) > 2*time.Second && time.Since(told) > time.Second {
			told = time.Now()
			c.o.Say("  %d of %d rows", done, of)
		}
	})
}

// StartPortal starts the portal, or starts it again, and waits until it answers.
func (c *Company) StartPortal(ctx context.Context) error {
	if _, err := c.Stack.StartProcess("portal", []string{filepath.Join(c.o.BinDir, "habeas"), "serve"}, c.Env, ""); err != nil {
		return err
	}
	return c.answering(ctx, "portal", c.Env["HABEAS_PORTAL_URL"]+"/healthz")
}

func (c *Company) answering(ctx context.Context, name, url string) error {
	client := &http.Client{Timeout: 3 * time.Second}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		if resp, err := client.Get(url); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if p, ok := c.Stack.Process(name); ok && !p.Alive() {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	p, _ := c.Stack.Process(name)
	tail, _ := os.ReadFile(p.Log)
	return fmt.Errorf("the %s does not answer; the end of its log %s:\n%s", name, p.Log, tail[max(0, len(tail)-1000):])
}

func (c *Company) writeEnv() error {
	var b strings.Builder
	b.WriteString("# Points a shell at the demo, as its staff: an (support). `iam bo` makes you bo (reviewer); then\n" +
		"# there are cao and dai (approvers).\n")
	fmt.Fprintf(&b, "export HABEAS_DEMO='%s'\n", strings.ReplaceAll(c.Stack.Dir(), "'", `'\''`))
	fmt.Fprintf(&b, "export PATH='%s':\"$PATH\"\n", strings.ReplaceAll(c.o.BinDir, "'", `'\''`))
	fmt.Fprintf(&b, "iam() { export HABEAS_STAFF_KEY='%s'/\"$1\".key; }\n", strings.ReplaceAll(filepath.Join(c.Dir, "staff"), "'", `'\''`))
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(c.Env[name], "'", `'\''`))
	}
	return os.WriteFile(c.EnvFile(), []byte(b.String()), 0o600)
}
