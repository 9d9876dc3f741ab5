package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"dormant/job/memory"
)

// earlierLedger is a ledger of an earlier version: JSON with the accounts in grace alone.
type earlierLedger struct {
	Directory  string               `json:"directory"`
	FoundAt    map[string]time.Time `json:"found_at"`
	Identities map[string]string    `json:"identities,omitempty"`
}

// maxEarlierLedger bounds the file, in bytes: ten million accounts fit into it.
const maxEarlierLedger = 1 << 30

// isEarlierLedger reports whether the file begins as JSON does.
func isEarlierLedger(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	begin := make([]byte, 64)
	n, _ := f.Read(begin) // what can't be read is no JSON
	_ = f.Close()
	return bytes.HasPrefix(bytes.TrimSpace(begin[:n]), []byte("{"))
}

// readEarlierLedger reads the file at path, which has to be about the directory.
func readEarlierLedger(path, directory string) (*earlierLedger, error) {
	text, err := ReadFile(path, maxEarlierLedger)
	if err != nil {
		return nil, err
	}
	var l earlierLedger
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, memory.ErrDamaged, err)
	}
	if l.Directory != directory {
		return nil, fmt.Errorf("%s: it is about another directory: %q, and not %q", path, l.Directory, directory)
	}
	return &l, nil
}

// entry is what it has of an account.
func (l *earlierLedger) entry(id string) (memory.Entry, bool) {
	at, ok := l.FoundAt[id]
	if !ok || at.Before(year2000) {
		return memory.Entry{}, false
	}
	identity, _ := strconv.ParseUint(l.Identities[id], 16, 64) // none is 0, as in an entry
	return memory.Entry{Found: at.UTC(), Identity: identity, FirstSeen: memory.RoundUp(at)}, true
}

// earlierName is where the file of an earlier version is kept.
func earlierName(path string) string { return path + ".old.json" }

// keepEarlier keeps the file of an earlier version under a second name, when another one is
// about to take its place. undo takes that back.
func keepEarlier(path string) (undo func() error, err error) {
	undo = func() error { return os.Remove(earlierName(path)) }
	switch err := os.Link(path, earlierName(path)); {
	case err == nil:
		return undo, nil
	case errors.Is(err, fs.ErrExist):
		return func() error { return nil }, nil // it has been kept before
	}
	text, err := os.ReadFile(path) // not every file system has links
	if err == nil {
		err = os.WriteFile(earlierName(path), text, 0o600)
	}
	return undo, err
}
