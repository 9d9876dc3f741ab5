package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Journal is an append-only file of intents and results, one JSON object on each line. It
// is safe for concurrent use. A nil Journal writes nothing.
type Journal struct {
	// Directory identifies the directory of the intents; one file may have several.
	Directory string

	runID            string
	plan, approvedBy string // of the intents

	mu      sync.Mutex
	file    journalFile
	written int   // lines
	broken  error // the first failed write, after which the file may end within a line, or the first failed sync

	syncing sync.Mutex // before mu
	synced  int        // lines, guarded by syncing
}

// A journalFile is what a journal needs of its *os.File.
type journalFile interface {
	io.WriteCloser
	Sync() error
}

// The events.
const (
	eventIntent = "intent"
	eventResult = "result"

	// What a person has changed in the ledger.
	eventForgotten    = "forgotten"
	eventBrakeCleared = "brake_cleared"
)

// Event is one line of a journal.
type Event struct {
	Time      time.Time `json:"time"`
	RunID     string    `json:"run_id"`
	Event     string    `json:"event"` // "intent" or "result"; of the ledger, "forgotten" or "brake_cleared"
	UserID    string    `json:"user_id"`
	Action    Action    `json:"action"`
	Reason    Reason    `json:"reason"`
	Note      string    `json:"note,omitempty"`       // why the brake was cleared
	LastLogin string    `json:"last_login,omitempty"` // RFC 3339, perhaps after "before ", or the state of an unknown one
	Result    Result    `json:"result,omitempty"`
	Error     string    `json:"error,omitempty"`

	// Of an intent. Plan is the digest of the plan that the run applies.
	Directory  string `json:"directory,omitempty"`
	Plan       string `json:"plan,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
}

// OpenJournal opens the file at path for the run with the given id, and creates it if
// there is none. If a crash left an incomplete last line, it is kept, and a line break is
// added. A file that can't be synced to disk, such as a pipe, is an error.
func OpenJournal(path, runID string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := endLine(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open journal: %s: %w", path, err)
	}
	return &Journal{file: f, runID: runID}, nil
}

func endLine(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a regular file, so nothing can be synced to disk")
	case info.Size() == 0:
		return syncFolder(filepath.Dir(f.Name()))
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.WriteString("\n")
	}
	return err
}

// syncFolder syncs a folder, so that a new file in it is not lost in a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	return errors.Join(err, folder.Close())
}

// approve sets which plan the intents that follow belong to, and who agreed to it.
func (j *Journal) approve(plan, by string) {
	if j != nil {
		j.plan, j.approvedBy = plan, by
	}
}

// intent records the action that is about to be tried. When it returns without an error,
// the line is synced to disk.
func (j *Journal) intent(u User, d Decision) error {
	if j == nil {
		return nil
	}
	return j.write(Event{
		Event: eventIntent, Directory: j.Directory, Plan: j.plan, ApprovedBy: j.approvedBy,
		UserID: u.ID, Action: d.Action, Reason: d.Reason, LastLogin: u.LastLogin.String(),
	}, true)
}

// result records the result of an action. The line is written but not synced.
func (j *Journal) result(a Account) error {
	return j.write(Event{Event: eventResult, UserID: a.ID, Action: a.Action, Reason: a.Reason, Result: a.Result, Error: a.Error}, false)
}

func (j *Journal) directory() string {
	if j == nil {
		return ""
	}
	return j.Directory
}

// Forgotten records that the ledger is about to forget an account, and BrakeCleared that a
// person is about to clear the brake, and why. When they return without an error, that is
// synced to disk.
func (j *Journal) Forgotten(id string) error {
	return j.write(Event{Event: eventForgotten, Directory: j.directory(), UserID: id}, true)
}

// BrakeCleared is as Forgotten says.
func (j *Journal) BrakeCleared(why string) error {
	return j.write(Event{Event: eventBrakeCleared, Directory: j.directory(), Note: why}, true)
}

func (j *Journal) write(e Event, sync bool) error {
	if j == nil {
		return nil
	}
	e.Time, e.RunID = time.Now().UTC(), j.runID
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	number, err := j.append(append(PrintableJSON(line), '\n'))
	if err != nil || !sync {
		return err
	}
	return j.sync(number)
}

// append writes a line and returns its number.
func (j *Journal) append(line []byte) (number int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return 0, j.broken
	}
	if _, err := j.file.Write(line); err != nil {
		j.broken = fmt.Errorf("write journal: %w", err)
		return 0, j.broken
	}
	j.written++
	return j.written, nil
}

// sync returns when the line with the number is synced to disk. The lines that are written
// while another sync is under way are synced together. After one that failed, nothing is
// written any more: the next one may succeed, and the lines be lost all the same.
func (j *Journal) sync(number int) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.synced >= number {
		return nil
	}
	j.mu.Lock()
	written, err := j.written, j.broken
	j.mu.Unlock()
	if err == nil {
		err = j.syncFile()
	}
	if err == nil {
		j.synced = written
	}
	return err
}

func (j *Journal) syncFile() error {
	err := j.file.Sync()
	if err == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = fmt.Errorf("sync journal: %w", err)
	}
	return j.broken
}

// Close syncs the file to disk and closes it.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	if err := errors.Join(j.file.Sync(), j.file.Close()); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
