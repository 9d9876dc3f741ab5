package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// write writes the successor of the file at path with those entries, as one run does.
func write(t testing.TB, path string, old *File, now time.Time, put map[string]Entry, keep func(Account) (Entry, bool)) *File {
	t.Helper()
	w := NewWriter(path, old, now)
	defer w.Close()
	for id, e := range put {
		if err := w.Put(id, e); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.Commit([]byte(`{"header":1}`), keep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// content is all that a file has.
func content(t testing.TB, f *File) map[string]Entry {
	t.Helper()
	all := map[string]Entry{}
	for a, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[a.ID]; twice {
			t.Errorf("%q is there twice", a.ID)
		}
		all[a.ID] = a.Entry
		if e, ok, err := f.Lookup(a.ID); e != a.Entry || !ok || err != nil {
			t.Errorf("%q is %+v, %t, %v and not %+v", a.ID, e, ok, err, a.Entry)
		}
	}
	if len(all) != f.Len() {
		t.Errorf("%d accounts, and not %d", len(all), f.Len())
	}
	return all
}

func TestEntriesAreReadAsWritten(t *testing.T) {
	full := Entry{
		Login: testNow.Add(-90 * day), Sign: testNow.Add(-80 * day), Created: testNow.Add(-900 * day),
		FirstSeen: testNow.Add(-10 * day), LastSeen: testNow.Add(-day), Found: testNow.Add(123456789), Identity: 1 << 63,
	}
	entries := map[string]Entry{
		"1": {}, "2": full, "3": {FirstSeen: testNow, LastSeen: testNow}, "4": {Login: testNow, Bound: true}, "5-": {Login: testNow, Gap: true},
		"01": {Found: testNow, Identity: 0}, "1.0": {Sign: testNow}, "1-": {Created: testNow},
		"6f1ed002-ab55-11ee-8c90-0242ac120002": full, "6F1ED002-AB55-11EE-8C90-0242AC120002": {Login: testNow},
		"6f1ed002-ab55-11ee-8c90-0242ac12000g": {Login: testNow.Add(day)}, "6f1ed002-ab55-11ee-8c90x0242ac120002": {Login: testNow.Add(2 * day)},
		"6f1ed002ab5511ee8c900242ac120002": {Login: testNow.Add(3 * day)}, "\x6f\x1e\xd0\x02\xab\x55\x11\xee\x8c\x90\x02\x42\xac\x12\x00\x02": {Login: testNow.Add(4 * day)},
		"zoë@例え.example": full, strings.Repeat("x", MaxID): full,
	}
	path := filepath.Join(t.TempDir(), "ledger")
	f := write(t, path, nil, testNow, entries, nil)
	if got := content(t, f); !maps.Equal(got, entries) {
		t.Errorf("%v\nand not\n%v", got, entries)
	}
	if string(f.Header()) != `{"header":1}` || !f.LastSeen().Equal(testNow) {
		t.Errorf("%s, %s", f.Header(), f.LastSeen())
	}
	for _, id := range []string{"", "5", "zoe", "6f1ed002-ab55-11ee-8c90-0242ac120003"} {
		if e, ok, err := f.Lookup(id); ok || err != nil {
			t.Errorf("%q is there: %v, %v", id, e, err)
		}
	}
	if again := write(t, path, f, testNow.Add(day), nil, nil); !maps.Equal(content(t, again), entries) {
		t.Errorf("after a run that saw nobody: %v", content(t, again))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the file: %v, %v", left, err)
	}
}

// A time is rounded to the side on which an account is kept.
func TestTimesAreRounded(t *testing.T) {
	at := testNow.Add(1)
	e := Entry{Login: at, Sign: at, Created: at, FirstSeen: at, LastSeen: at, Found: at}
	next := testNow.Add(time.Second)
	want := Entry{Login: next, Sign: next, Created: testNow, FirstSeen: next, LastSeen: testNow, Found: at}
	f := write(t, filepath.Join(t.TempDir(), "ledger"), nil, testNow, map[string]Entry{"1": e}, nil)
	if got := content(t, f)["1"]; got != want {
		t.Errorf("%+v and not %+v", got, want)
	}
	for _, implausible := range []time.Time{{}, epoch, epoch.Add(-1), testNow.AddDate(-100, 0, 0), testNow.AddDate(200, 0, 0)} {
		if got := at.Sub(RoundDown(at)); got != 1 || !RoundDown(implausible).IsZero() || !RoundUp(implausible.Add(-1)).IsZero() {
			t.Errorf("%s becomes %s and %s", implausible, RoundDown(implausible), RoundUp(implausible))
		}
	}
}

// A run puts some accounts, some of them twice, in pieces; the others are kept, changed or dropped.
func TestTheSuccessor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	path := filepath.Join(t.TempDir(), "ledger")
	want := map[string]Entry{}
	var f *File
	for run := range 12 {
		now := testNow.Add(time.Duration(run) * day)
		w := NewWriter(path, f, now)
		w.most = 1 + random.IntN(3000)
		put := map[string]Entry{}
		if run == 5 { // it is read again
			for i := range 100 {
				if err := w.Put(strconv.Itoa(i), Entry{Login: now}); err != nil {
					t.Fatal(err)
				}
			}
			w.Reset()
		}
		for range random.IntN(1500) {
			id := strconv.Itoa(random.IntN(1000 * (1 + run)))
			e := Entry{Login: now.Add(-time.Duration(random.IntN(1e6)) * time.Second), FirstSeen: now, LastSeen: now}
			if err := w.Put(id, e); err != nil {
				t.Fatal(err)
			}
			put[id] = e
		}
		for id, e := range want {
			n, _ := strconv.Atoi(id)
			switch _, again := put[id]; {
			case again:
			case n%7 == 0:
				delete(want, id)
			case n%5 == 0:
				e.Found = now
				want[id] = e
			}
		}
		maps.Copy(want, put)
		next, err := w.Commit(nil, func(a Account) (Entry, bool) {
			n, _ := strconv.Atoi(a.ID)
			if _, again := put[a.ID]; again {
				t.Errorf("asked about %s, which was put", a.ID)
			}
			if n%5 == 0 {
				a.Found = now
			}
			return a.Entry, n%7 != 0
		})
		if err := errors.Join(err, w.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		f = next
		if got := content(t, f); !maps.Equal(got, want) {
			t.Fatalf("run %d: %d accounts, and not %d", run, len(got), len(want))
		}
	}
	_ = f.Close()
}

// An amendment changes what it says of an account that was put before, in whatever piece,
// or that the old file has, and is about nobody else.
func TestAmend(t *testing.T) {
	for _, most := range []int{1, 50, 1 << 20} {
		path := filepath.Join(t.TempDir(), "ledger")
		old := write(t, path, nil, testNow, map[string]Entry{"old": {Login: testNow, LastSeen: testNow, Found: testNow}, "kept": {LastSeen: testNow}}, nil)
		now := testNow.Add(day)
		w := NewWriter(path, old, now)
		w.most = most
		found := Entry{Found: now, Identity: 7}
		for _, err := range []error{
			w.Amend("early", found), w.Put("early", Entry{Login: now, LastSeen: now}),
			w.Put("put", Entry{Login: testNow, LastSeen: now}), w.Put("other", Entry{LastSeen: now, Found: now}), w.Amend("put", Entry{Found: testNow}), w.Amend("put", found),
			w.Amend("old", Entry{LastSeen: testNow.Add(-day)}), w.Amend("nobody", found), w.Amend("other", Entry{LastSeen: testNow}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		f, err := w.Commit(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]Entry{
			"early": {Login: now, LastSeen: now}, "put": {Login: testNow, LastSeen: now, Found: now, Identity: 7}, "other": {LastSeen: testNow},
			"old": {Login: testNow, LastSeen: testNow.Add(-day)}, "kept": {LastSeen: testNow},
		}
		if got := content(t, f); !maps.Equal(got, want) {
			t.Errorf("pieces of %d: %v\nand not\n%v", most, got, want)
		}
		_ = f.Close()
		_ = w.Close()
	}
}

// Accounts whose ids have the same hash are told apart.
func TestCollisions(t *testing.T) {
	var ids []string // with one hash: bytes in and out of a UUID are the same key's bytes
	packed, _ := appendUUID(nil, "6f1ed002-ab55-11ee-8c90-0242ac120002")
	ids = append(ids, string(packed), "6f1ed002-ab55-11ee-8c90-0242ac120002")
	path := filepath.Join(t.TempDir(), "ledger")
	f := write(t, path, nil, testNow, map[string]Entry{ids[0]: {Login: testNow}, ids[1]: {Sign: testNow}}, nil)
	next := write(t, path, f, testNow, map[string]Entry{ids[1]: {Created: testNow}}, nil)
	if got := content(t, next); !maps.Equal(got, map[string]Entry{ids[0]: {Login: testNow}, ids[1]: {Created: testNow}}) {
		t.Error(got)
	}
}

// A file that ends anywhere, or has any other byte anywhere, is an error that says what it
// is, and never another content.
func TestAnyDamageIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	put := map[string]Entry{}
	for i := range 40 {
		put[strconv.Itoa(i)] = Entry{Login: testNow.Add(time.Duration(i)), FirstSeen: testNow, LastSeen: testNow}
	}
	write(t, path, nil, testNow, put, nil)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err == nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", what, err)
		}
		_ = f.Close()
	}
	for n := range text {
		try(fmt.Sprint("cut at ", n), text[:n])
	}
	for i := range text {
		damaged := slices.Clone(text)
		damaged[i] ^= 1 << (i % 8)
		try(fmt.Sprint("another byte at ", i), damaged)
	}
	try("more than it should have", append(slices.Clone(text), 0))
	try("zeroes", make([]byte, len(text)))
	try("no ledger", []byte(`{"directory":"d"}`))
	newer := slices.Clone(text)
	newer[len(magic)]++
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrNewer) {
		t.Errorf("of a newer version: %v", err)
	}
	for _, other := range []string{filepath.Dir(path), "/dev/null"} {
		if _, err := Open(other); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s: %v", other, err)
		}
	}
	if _, err := Open(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Damage that comes while the file is open is an error, too.
func TestDamageAfterItWasOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	f := write(t, path, nil, testNow, map[string]Entry{"1": {Login: testNow}}, nil)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{9}, int64(beginning)+3); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Lookup("1"); !errors.Is(err, ErrDamaged) {
		t.Errorf("a lookup: %v", err)
	}
	w := NewWriter(path, f, testNow)
	defer w.Close()
	if _, err := w.Commit(nil, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a successor: %v", err)
	}
	if err := file.Truncate(20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Lookup("1"); err == nil {
		t.Error("a lookup in a file that is cut short")
	}
}

// Whatever a process that was killed has left beside the file, the file is as it was, and
// the next run goes on from it.
func TestWhatAKilledProcessLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	old := write(t, path, nil, testNow, map[string]Entry{"1": {Login: testNow}}, nil)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := write(t, path, old, testNow, map[string]Entry{"2": {Login: testNow}}, nil)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = whole.Close()
	for n := range len(after) + 1 {
		if err := errors.Join(os.WriteFile(path, before, 0o600), os.WriteFile(path+".new", after[:n], 0o600), os.WriteFile(path+".lock", nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil || !maps.Equal(content(t, f), map[string]Entry{"1": {Login: testNow}}) {
			t.Fatalf("%d bytes of the next: %v", n, err)
		}
		lock, err := Acquire(path)
		if err != nil {
			t.Fatal(err)
		}
		next := write(t, path, f, testNow, map[string]Entry{"3": {Login: testNow}}, nil)
		if err := errors.Join(lock.Release(), f.Close()); err != nil || next.Len() != 2 {
			t.Fatal(err, next.Len())
		}
		_ = next.Close()
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside the file: %v, %v", left, err)
	}
}

func TestWhatCantBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	f := write(t, path, nil, testNow, map[string]Entry{"1": {Login: testNow}}, nil)
	w := NewWriter(path, f, testNow)
	defer w.Close()
	if _, err := w.Commit(make([]byte, maxHeader+1), nil); err == nil {
		t.Error("the header may be as large as it likes")
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(nil, nil); err == nil {
		t.Error("a folder has the place of the next file")
	}
	if again, err := Open(path); err != nil || again.Len() != 1 {
		t.Errorf("after that: %v", err)
	}
	if err := w.Put(strings.Repeat("x", MaxID+1), Entry{}); err != nil || w.puts != 0 {
		t.Errorf("an id that is too long: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	lock, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(path); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	// Of many at once, one has it at any time, and nobody waits for one who has gone.
	held, taken := make(chan struct{}, 1), make(chan error)
	for range 8 {
		go func() {
			for n := 0; n < 50; {
				lock, err := Acquire(path)
				if errors.Is(err, ErrLocked) {
					runtime.Gosched()
					continue
				}
				if err == nil {
					select {
					case held <- struct{}{}:
						<-held
					default:
						err = errors.New("two have it")
					}
				}
				if err = errors.Join(err, lock.Release()); err != nil {
					taken <- err
					return
				}
				n++
			}
			taken <- nil
		}()
	}
	for range 8 {
		if err := <-taken; err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	for _, other := range []string{filepath.Dir(path), "/dev/null"} {
		if _, err := Acquire(other); err == nil {
			t.Errorf("%s can be written", other)
		}
	}
	if _, err := Acquire(filepath.Join(path, "no", "folder")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

// idsOf are kinds of ids, as directories give them.
var idsOf = map[string]func(i int) string{
	"numbers": func(i int) string { return strconv.Itoa(100_000 + i) },
	"UUIDs": func(i int) string {
		return uuidText(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(i)*0x9e3779b97f4a7c15), uint64(i)*0xff51afd7ed558ccd))
	},
	"hex":   func(i int) string { return fmt.Sprintf("%024x", uint64(i)*0x9e3779b97f4a7c15) },
	"names": func(i int) string { return fmt.Sprintf("auth0|firstname.lastname.%07d", i) },
}

// play is one run over n accounts, a third of which logged in since the one before; some are in grace.
func play(t testing.TB, path string, old *File, run, n int, id func(int) string) *File {
	now := testNow.Add(time.Duration(run) * day)
	w := NewWriter(path, old, now)
	defer w.Close()
	for i := range n {
		name := id(i + run*n/100) // one in a hundred has gone, and as many are new
		e, _, err := old.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if e.FirstSeen.IsZero() {
			e.FirstSeen = now
		}
		e.Created, e.LastSeen = testNow.Add(-time.Duration(i)*time.Minute), now
		if (i+run)%3 == 0 || e.Login.IsZero() {
			e.Login = now.Add(-time.Duration(i%86400) * time.Second)
		}
		if i%10 == 0 {
			e.Found, e.Identity = now, uint64(i)
		}
		if err := w.Put(name, e); err != nil {
			t.Fatal(err)
		}
	}
	next, err := w.Commit(nil, nil)
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	return next
}

func TestSizeOfAnAccount(t *testing.T) {
	for kind, id := range idsOf {
		path := filepath.Join(t.TempDir(), "ledger")
		var f *File
		for run := range 5 {
			f = play(t, path, f, run, 10_000, id)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		each := float64(info.Size()) / float64(f.Len())
		t.Logf("%s: %.1f bytes an account", kind, each)
		if each > 64 {
			t.Errorf("%s: %.1f bytes an account", kind, each)
		}
		_ = f.Close()
	}
}

// BenchmarkRun reads and writes a million accounts, as one run does.
func BenchmarkRun(b *testing.B) {
	const n = 1_000_000
	for kind, id := range idsOf {
		b.Run(kind, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "ledger")
			f := play(b, path, nil, 0, n, id)
			b.ReportAllocs()
			run := 0
			for b.Loop() {
				run++
				f = play(b, path, f, run, n, id)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/float64(f.Len()), "bytes/account")
			_ = f.Close()
		})
	}
}

// FuzzOpen: whatever a file has, opening it and reading all of it is an error or not, and
// what can be read is written the same.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "ledger")
	write(f, path, nil, testNow, map[string]Entry{"1": {Login: testNow}, "6f1ed002-ab55-11ee-8c90-0242ac120002": {Found: testNow}}, nil)
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, true)
	f.Add(text[:len(text)/2], false)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = sealed(text)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			return
		}
		defer f.Close()
		if _, _, err := f.Lookup("1"); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		n := 0
		for _, err = range f.All() {
			n++
		}
		w := NewWriter(path, f, testNow)
		defer w.Close()
		next, commitErr := w.Commit(nil, nil)
		if err == nil && commitErr == nil && next.Len() != n {
			t.Fatalf("%d of %d", next.Len(), n)
		}
		_ = next.Close()
	})
}

// sealed gives a text the checksums of its parts, where it has such.
func sealed(text []byte) []byte {
	text = slices.Clone(text)
	if len(text) < beginning+trailer {
		return text
	}
	end := text[len(text)-trailer:]
	bits, header, index := binary.LittleEndian.Uint32(end), binary.LittleEndian.Uint32(end[4:]), binary.LittleEndian.Uint64(end[16:])
	most := uint64(len(text) - trailer)
	if bits <= 4 && index <= most && index+perBlock<<bits+uint64(header) == most {
		offset := uint64(beginning)
		for i := range uint64(1) << bits {
			entry := text[index+perBlock*i:]
			size := uint64(binary.LittleEndian.Uint32(entry))
			if offset+size > index {
				break
			}
			binary.LittleEndian.PutUint32(entry[4:], crc32.Checksum(text[offset:offset+size], castagnoli))
			offset += size
		}
		binary.LittleEndian.PutUint32(end[32:], crc32.Checksum(text[index:most], castagnoli))
	}
	binary.LittleEndian.PutUint32(end[trailer-4:], crc32.Checksum(end[:trailer-4], castagnoli))
	return text
}
