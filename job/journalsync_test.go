package job

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// slowDisk is a file of which the first sync waits. What was written before a sync began is
// on disk when it has ended.
type slowDisk struct {
	wrote    chan struct{} // gets an element for each line
	begins   chan struct{} // is closed when the first sync has begun
	finishes chan struct{} // is closed when it may end
	fails    bool          // that sync

	mu     sync.Mutex
	text   bytes.Buffer
	onDisk string
	syncs  int
}

func (d *slowDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrote <- struct{}{}
	return d.text.Write(p)
}

func (d *slowDisk) Close() error { return nil }

func (d *slowDisk) Sync() error {
	d.mu.Lock()
	d.syncs++
	first, text := d.syncs == 1, d.text.String()
	d.mu.Unlock()
	if first {
		close(d.begins)
		<-d.finishes
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if first && d.fails {
		return errors.New("disk failure")
	}
	d.onDisk = text
	return nil
}

func (d *slowDisk) has(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.onDisk, `"user_id":"`+id+`"`)
}

// recordTogether records the intents 0 to 8: the others while that of 0 is being synced. It
// returns their errors.
func recordTogether(t *testing.T, j *Journal, disk *slowDisk) []error {
	t.Helper()
	errs := make([]error, 9)
	var running sync.WaitGroup
	record := func(i int) {
		running.Go(func() {
			id := fmt.Sprint("user-", i)
			if errs[i] = j.intent(with(id), Decision{Remove, Inactive}); errs[i] == nil && !disk.has(id) {
				t.Errorf("%s is recorded and not on disk", id)
			}
		})
	}
	record(0)
	<-disk.begins
	for i := 1; i < len(errs); i++ {
		record(i)
	}
	for range errs {
		<-disk.wrote
	}
	close(disk.finishes)
	running.Wait()
	return errs
}

func newSlowDisk(fails bool) *slowDisk {
	return &slowDisk{wrote: make(chan struct{}, 100), begins: make(chan struct{}), finishes: make(chan struct{}), fails: fails}
}

// TestIntentsAreSyncedTogether: each intent is on disk when it is said to be recorded, and
// those that come while another one is synced need one sync together.
func TestIntentsAreSyncedTogether(t *testing.T) {
	disk := newSlowDisk(false)
	j := &Journal{file: disk, runID: "run-1"}
	if err := errors.Join(recordTogether(t, j, disk)...); err != nil || disk.syncs != 2 {
		t.Errorf("%d syncs, %v", disk.syncs, err)
	}
}

// TestNothingIsRecordedAfterAFailedSync: what a failed sync was about may be lost even if
// the next one succeeds.
func TestNothingIsRecordedAfterAFailedSync(t *testing.T) {
	disk := newSlowDisk(true)
	j := &Journal{file: disk, runID: "run-1"}
	errs := append(recordTogether(t, j, disk), j.intent(with("later"), Decision{Remove, Inactive}), j.result(Account{ID: "later"}))
	for i, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "disk failure") {
			t.Errorf("number %d: %v", i, err)
		}
	}
	if disk.syncs != 1 {
		t.Errorf("%d syncs", disk.syncs)
	}
}
