package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"testing"
	"time"

	"github.com/habeas-dsr/habeas/internal/contract"
	"github.com/habeas-dsr/habeas/internal/datamap"
	"github.com/habeas-dsr/habeas/internal/dsr"
	"github.com/habeas-dsr/habeas/internal/fault"
)

// memoryDesk is a small desk that really keeps cases: codes are derived, sent to a letter box,
// used once and counted; a package is there until it was fetched.
type memoryDesk struct {
	mu      sync.Mutex
	cases   map[string]*memoryCase
	letters []string // "<case> <purpose> <code>"
	asked   []string // "<case> <purpose>", for unknown cases too
	broken  bool     // nothing answers
	slow    time.Duration
}

type memoryCase struct {
	status  Status
	codes   map[string]string // by purpose
	pack    []byte
	size    int64 // announced; 0 means the true one
	breaks  int   // the body fails after so many bytes; 0 means never
	fetched int
	late    bool // it is withdrawn too late
}

func (d *memoryDesk) Withdraw(_ context.Context, caseID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.cases[caseID]
	if c == nil || c.late || !c.status.Withdrawable {
		return fault.New(contract.ErrNotOpen, "too late", nil)
	}
	c.status.Withdrawable, c.status.State, c.status.Outcome = false, string(dsr.StateClosed), string(dsr.Withdrawn)
	return nil
}

func (d *memoryDesk) RequestCode(ctx context.Context, caseID, purpose string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, caseID+" "+purpose)
	c := d.cases[caseID]
	if c == nil || ctx.Err() != nil {
		return
	}
	sum := sha256.Sum256(fmt.Append(nil, caseID, purpose, len(d.letters)))
	c.codes[purpose] = fmt.Sprintf("%06d", (int(sum[0])<<16|int(sum[1])<<8|int(sum[2]))%1_000_000)
	d.letters = append(d.letters, caseID+" "+purpose+" "+c.codes[purpose])
}

func (d *memoryDesk) TryCode(ctx context.Context, caseID, purpose, code string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		return false, fault.New(contract.ErrUnavailable, "the casefile does not answer about "+caseID, nil)
	}
	c := d.cases[caseID]
	if c == nil {
		return false, nil
	}
	time.Sleep(d.slow) // a desk that takes longer for a case that exists
	if c.codes[purpose] == "" || c.codes[purpose] != code {
		return false, nil
	}
	delete(c.codes, purpose)
	return true, ctx.Err()
}

func (d *memoryDesk) Status(_ context.Context, caseID string) (Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.cases[caseID]
	if c == nil {
		return Status{}, fault.New(contract.ErrNotFound, "no such case", nil)
	}
	return c.status, nil
}

func (d *memoryDesk) OpenPackage(_ context.Context, caseID string) (Download, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.cases[caseID]
	if c == nil || !c.status.Downloadable {
		return Download{}, fault.New(contract.ErrNotOpen, "there is no package", nil)
	}
	var body io.Reader = bytes.NewReader(c.pack)
	if c.breaks > 0 {
		body = io.MultiReader(bytes.NewReader(c.pack[:c.breaks]), failing{})
	}
	size := int64(len(c.pack))
	if c.size != 0 {
		size = c.size
	}
	return Download{
		Name: "habeas-" + caseID + ".zip", Size: size, Body: io.NopCloser(body),
		Done: func(ctx context.Context) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			c.fetched++
			return ctx.Err()
		},
	}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) {
	return 0, fault.New(contract.ErrUnavailable, "the blob store went away", nil)
}

func (d *memoryDesk) fetched(caseID string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cases[caseID].fetched
}

// code lets the desk make a code, as if the person had asked.
func (d *memoryDesk) code(caseID, purpose string) string {
	d.RequestCode(context.Background(), caseID, purpose)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cases[caseID].codes[purpose]
}

var testNow = time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// bench is a portal over a real TCP connection, with a desk and a browser.
type bench struct {
	t       testing.TB
	desk    *memoryDesk
	clock   *clock
	log     *lockedBuffer
	server  *server
	url     string
	known   string // a case that is ready for its download
	unknown string
	browser *http.Client
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.buf.String() }

var testKey = bytes.Repeat([]byte{7}, 32)

func testOptions() Options {
	return Options{
		Company: datamap.Company{
			Name:    datamap.Text{ZH: "云杉云", EN: "Spruce Cloud"},
			Hotline: "400-000-0000", Officer: "privacy@cloud.example",
			Address:   datamap.Text{ZH: "某市某路 1 号", EN: "1 Some Road, Some City"},
			Languages: []string{zh, en},
		},
		SessionKey: testKey, MinDelay: time.Millisecond,
		Limits: Limits{AddressPerMinute: 10_000, AddressBurst: 10_000, CasePerMinute: 10_000, CaseBurst: 10_000},
	}
}

func newBench(t testing.TB, change func(*Options)) *bench {
	t.Helper()
	random := rand.NewChaCha8(sha256.Sum256([]byte(t.Name())))
	known, err := contract.NewID(random)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := contract.NewID(random)
	if err != nil {
		t.Fatal(err)
	}
	china := time.FixedZone("", 8*3600)
	expires := testNow.AddDate(0, 0, 7).In(china)
	b := &bench{
		t: t, clock: &clock{now: testNow}, log: &lockedBuffer{}, known: known, unknown: unknown,
		desk: &memoryDesk{cases: map[string]*memoryCase{known: {
			codes: map[string]string{}, pack: []byte("PK a small package"),
			status: Status{
				CaseID: known, Kind: string(dsr.Access), Lang: zh, State: string(dsr.StateReady),
				ReceivedAt: testNow.AddDate(0, 0, -3).In(china), DueAt: testNow.AddDate(0, 0, 12).In(china),
				ExpiresAt: &expires, Downloadable: true,
			},
		}}},
	}
	o := testOptions()
	o.Desk, o.Now = b.desk, b.clock.Now
	o.Log = slog.New(slog.NewTextHandler(b.log, nil))
	if change != nil {
		change(&o)
	}
	b.server = New(o).(*server)
	b.url = serveForTest(t, b.server)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.browser = &http.Client{Jar: jar, Timeout: 30 * time.Second}
	return b
}

// serveForTest runs ServeListener on loopback until the test ends, and checks that it stops well.
func serveForTest(t testing.TB, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ServeListener(ctx, ln, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}
