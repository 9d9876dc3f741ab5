// Package memory is the file in which a ledger remembers the accounts of one directory:
// ids and times, and no names.
//
// The file is never changed. A Writer writes its successor beside it and renames that over
// it, so that a crash, a full disk or a reader at any moment finds the one or the other,
// whole. All of it is covered by checksums, which Open verifies: what is damaged is an
// error, and never another time than the one that was written.
//
// The entries are in the order of a hash of the ids, in blocks of some 20 accounts. A
// lookup reads one block. The successor is made by one pass over the file and over what
// was put, which is sorted in pieces of a fixed size, so that the memory that it takes does
// not grow with the directory but for the place of each block: half a byte an account.
package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// Entry is what is remembered of one account. Times are whole seconds from the year 2000
// up to 2136, but for Found; any other is zero, which means that there is none.
type Entry struct {
	Login   time.Time // the newest last login that the directory told, rounded up
	Bound   bool      // Login is no login, but there was none since
	Gap     bool      // it is not known of all the time since Login, up to LastSeen, that there was none
	Sign    time.Time // the newest other sign of life, rounded up
	Created time.Time // as last told, rounded down

	FirstSeen time.Time // rounded up
	LastSeen  time.Time // rounded down

	Found    time.Time // since when it has been found inactive, to the nanosecond
	Identity uint64    // what it was then; only with Found
}

// The bits of the first byte of a record. Its id follows, and before that the length of it,
// which is 0 for the 16 bytes of a UUID; then the parts for which there is a bit, in this
// order.
const (
	hasLogin = 1 << iota
	isBound
	hasSign
	hasCreated
	hasFound
	hasFirstSeen // otherwise it is that of the file
	hasLastSeen  // otherwise it is that of the file
	isGap
)

// MaxID is the length of the longest id that is remembered, in bytes.
const MaxID = 512

var errRecord = errors.New("a record is damaged")

// epoch is the time 0 of a file.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// down returns t as seconds since the epoch, rounded down; 0 is no time.
func down(t time.Time) uint32 {
	s := t.Unix() - epoch.Unix()
	if s <= 0 || s > math.MaxUint32 {
		return 0
	}
	return uint32(s)
}

// up is down, rounded up.
func up(t time.Time) uint32 { return down(t.Add(time.Second - 1)) }

// at is the time of seconds since the epoch.
func at(s uint32) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return epoch.Add(time.Duration(s) * time.Second)
}

// RoundUp is t as an entry has it for a sign of life.
func RoundUp(t time.Time) time.Time { return at(up(t)) }

// RoundDown is t as an entry has it for its creation.
func RoundDown(t time.Time) time.Time { return at(down(t)) }

// defaults are the times that most records of a file have, and that need no room in them.
type defaults struct{ firstSeen, lastSeen uint32 }

// key is an id as records have it: 16 bytes if it is a UUID.
type key struct {
	bytes []byte
	uuid  bool
}

// makeKey returns the key of an id; its bytes may be in buffer.
func makeKey(id string, buffer []byte) key {
	if packed, ok := appendUUID(buffer[:0], id); ok {
		return key{packed, true}
	}
	return key{append(buffer[:0], id...), false}
}

func (k key) equal(other key) bool {
	return k.uuid == other.uuid && bytes.Equal(k.bytes, other.bytes)
}

func (k key) id() string {
	if !k.uuid {
		return string(k.bytes)
	}
	return uuidText(k.bytes)
}

// hash orders the records of a file. Whoever chooses ids can make some collide, and a
// lookup slow by that; records are told apart by their ids.
func (k key) hash() uint64 {
	h := uint64(14695981039346656037) // FNV-1a, and a mix that spreads it over the upper bits
	for _, b := range k.bytes {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// appendRecord appends the record of an account.
func appendRecord(to []byte, k key, e Entry, d defaults) []byte {
	start := len(to)
	to = append(to, 0)
	if k.uuid {
		to = append(to, 0)
	} else {
		to = binary.AppendUvarint(to, uint64(len(k.bytes)))
	}
	to = append(to, k.bytes...)
	flags := byte(0)
	add := func(flag byte, seconds, otherwise uint32) {
		if seconds != otherwise {
			flags |= flag
			to = binary.LittleEndian.AppendUint32(to, seconds)
		}
	}
	add(hasLogin, up(e.Login), 0)
	add(hasSign, up(e.Sign), 0)
	add(hasCreated, down(e.Created), 0)
	add(hasFirstSeen, up(e.FirstSeen), d.firstSeen)
	add(hasLastSeen, down(e.LastSeen), d.lastSeen)
	if !e.Found.IsZero() {
		flags |= hasFound
		to = binary.LittleEndian.AppendUint64(to, uint64(e.Found.UnixNano()))
		to = binary.LittleEndian.AppendUint64(to, e.Identity)
	}
	if e.Bound {
		flags |= isBound
	}
	if e.Gap {
		flags |= isGap
	}
	to[start] = flags
	return to
}

// readRecord reads the record at the beginning of block. Its key has parts of block.
func readRecord(block []byte) (k key, size int, err error) {
	if len(block) == 0 {
		return key{}, 0, errRecord
	}
	length, n := binary.Uvarint(block[1:])
	if n <= 0 || length > MaxID {
		return key{}, 0, errRecord
	}
	begin, uuid := 1+n, length == 0
	if uuid {
		length = 16
	}
	size = begin + int(length) + timesSize(block[0])
	if size > len(block) {
		return key{}, 0, errRecord
	}
	return key{block[begin : begin+int(length)], uuid}, size, nil
}

// timesSize is the length of what follows the id.
func timesSize(flags byte) int {
	n := 0
	for _, flag := range [...]byte{hasLogin, hasSign, hasCreated, hasFirstSeen, hasLastSeen} {
		if flags&flag != 0 {
			n += 4
		}
	}
	if flags&hasFound != 0 {
		n += 16
	}
	return n
}

// readEntry returns the entry of a record, as readRecord found it.
func readEntry(record []byte, d defaults) Entry {
	flags := record[0]
	times := record[len(record)-timesSize(flags):]
	next := func(flag byte, otherwise uint32) time.Time {
		if flags&flag == 0 {
			return at(otherwise)
		}
		s := binary.LittleEndian.Uint32(times)
		times = times[4:]
		return at(s)
	}
	e := Entry{Bound: flags&isBound != 0, Gap: flags&isGap != 0}
	e.Login = next(hasLogin, 0)
	e.Sign = next(hasSign, 0)
	e.Created = next(hasCreated, 0)
	e.FirstSeen = next(hasFirstSeen, d.firstSeen)
	e.LastSeen = next(hasLastSeen, d.lastSeen)
	if flags&hasFound != 0 {
		e.Found = time.Unix(0, int64(binary.LittleEndian.Uint64(times))).UTC()
		e.Identity = binary.LittleEndian.Uint64(times[8:])
	}
	return e
}

// The places of the hyphens in a UUID.
func isHyphen(i int) bool { return i == 8 || i == 13 || i == 18 || i == 23 }

// appendUUID appends the bytes of a UUID, if id is one as it is usually written: any other
// way to write it is another id.
func appendUUID(to []byte, id string) ([]byte, bool) {
	if len(id) != 36 {
		return nil, false
	}
	high, first := byte(0), true
	for i := range len(id) {
		c := id[i]
		switch {
		case isHyphen(i):
			if c != '-' {
				return nil, false
			}
			continue
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return nil, false
		}
		if first {
			high = c << 4
		} else {
			to = append(to, high|c)
		}
		first = !first
	}
	return to, true
}

func uuidText(packed []byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 36)
	for _, b := range packed {
		if isHyphen(len(text)) {
			text = append(text, '-')
		}
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}
