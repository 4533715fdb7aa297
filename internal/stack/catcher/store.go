package catcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Summary is a letter in a list.
type Summary struct {
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	From       string    `json:"from"` // of the envelope
	To         []string  `json:"to"`   // of the envelope
	Subject    string    `json:"subject"`
	MessageID  string    `json:"message_id"`
	Size       int       `json:"size"`
}

// SMS is one short message.
type SMS struct {
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	To         string    `json:"to"`
	Text       string    `json:"text"`
	Key        string    `json:"key"`
}

// store keeps letters and short messages as files, and their heads in memory. A letter is
// <id>.eml and then <id>.json, which makes it count; both appear whole or not at all. There is no
// fsync: the promise is about a killed process, not about a machine that loses power.
type store struct {
	mail, sms string // folders
	now       func() time.Time

	mu      sync.Mutex
	next    int
	letters []Summary // oldest first
	texts   []SMS
	keys    map[string]bool // idempotency keys of texts
}

func openStore(dir string, now func() time.Time) (*store, error) {
	s := &store{mail: filepath.Join(dir, "mail"), sms: filepath.Join(dir, "sms"), now: now, next: 1, keys: map[string]bool{}}
	for _, d := range []string{s.mail, s.sms} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making the catcher's folder: %w", err)
		}
	}
	var err error
	if s.letters, err = load[Summary](s, s.mail); err != nil {
		return nil, err
	}
	if s.texts, err = load[SMS](s, s.sms); err != nil {
		return nil, err
	}
	for _, t := range s.texts {
		s.keys[t.Key] = true
	}
	return s, nil
}

// load reads the heads in a folder in the order of their ids. A head that cannot be read stops
// the catcher: silence would look like a letter that was never sent.
func load[T any](s *store, dir string) ([]T, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("listing the catcher's folder: %w", err)
	}
	slices.Sort(paths)
	list := make([]T, 0, len(paths))
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("reading a caught message: %w", err)
		}
		var one T
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Base(p), err)
		}
		var n int
		if _, err := fmt.Sscanf(filepath.Base(p), "%d.json", &n); err == nil && n >= s.next {
			s.next = n + 1
		}
		list = append(list, one)
	}
	return list, nil
}

// putLetter stores a letter; when it returns nil the letter survives the process.
func (s *store) putLetter(from string, to []string, raw []byte) error {
	head := Summary{ReceivedAt: s.now().UTC(), From: from, To: to, Size: len(raw)}
	head.Subject, head.MessageID = heads(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	head.ID = s.id()
	if err := writeFile(filepath.Join(s.mail, head.ID+".eml"), raw); err != nil {
		return err
	}
	if err := writeJSONFile(filepath.Join(s.mail, head.ID+".json"), head); err != nil {
		return err
	}
	s.letters = append(s.letters, head)
	return nil
}

// putSMS stores a short message unless its key is known; fresh says which.
func (s *store) putSMS(m SMS) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[m.Key] {
		return false, nil
	}
	m.ID, m.ReceivedAt = s.id(), s.now().UTC()
	if err := writeJSONFile(filepath.Join(s.sms, m.ID+".json"), m); err != nil {
		return false, err
	}
	s.keys[m.Key] = true
	s.texts = append(s.texts, m)
	return true, nil
}

// id draws the next id; the caller holds the lock. Fixed width, so that names sort by time.
func (s *store) id() string {
	s.next++
	return fmt.Sprintf("%09d", s.next-1)
}

// listLetters returns the heads of letters to an address that contains to, newest first.
func (s *store) listLetters(to string, limit int) []Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Summary{}
	for i := len(s.letters) - 1; i >= 0 && len(list) < limit; i-- {
		if slices.ContainsFunc(s.letters[i].To, func(a string) bool { return contains(a, to) }) {
			list = append(list, s.letters[i])
		}
	}
	return list
}

func (s *store) listSMS(to string, limit int) []SMS {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []SMS{}
	for i := len(s.texts) - 1; i >= 0 && len(list) < limit; i-- {
		if contains(s.texts[i].To, to) {
			list = append(list, s.texts[i])
		}
	}
	return list
}

func contains(address, part string) bool {
	return strings.Contains(strings.ToLower(address), strings.ToLower(part))
}

// letter returns one letter's head and bytes, or fs.ErrNotExist.
func (s *store) letter(id string) (Summary, []byte, error) {
	s.mu.Lock()
	i := slices.IndexFunc(s.letters, func(h Summary) bool { return h.ID == id })
	var head Summary
	if i >= 0 {
		head = s.letters[i]
	}
	s.mu.Unlock()
	if i < 0 {
		return Summary{}, nil, fs.ErrNotExist
	}
	raw, err := os.ReadFile(filepath.Join(s.mail, head.ID+".eml"))
	return head, raw, err
}

// clearLetters forgets every letter; ids go on counting.
func (s *store) clearLetters() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = nil
	return empty(s.mail)
}

// clearSMS forgets every short message and its key.
func (s *store) clearSMS() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts, s.keys = nil, map[string]bool{}
	return empty(s.sms)
}

// empty removes the files of a folder, heads first: what has no head does not count.
func empty(dir string) error {
	var problems []error
	for _, pattern := range []string{"*.json", "*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		problems = append(problems, err)
		for _, p := range paths {
			if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err)
			}
		}
	}
	return errors.Join(problems...)
}

func writeJSONFile(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a caught message: %w", err)
	}
	return writeFile(path, raw)
}

// writeFile makes a file appear whole.
func writeFile(path string, raw []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("storing a caught message: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("storing a caught message: %w", err)
	}
	return nil
}
