package memory

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// pieceSize is how many bytes of records are sorted at once: some 100,000 accounts.
const pieceSize = 4 << 20

// Writer writes the successor of a file. It is for one goroutine, which holds the Lock.
type Writer struct {
	path string
	old  *File
	defaults

	records []byte // of the piece that is being filled
	order   []place
	pieces  []piece
	spill   *os.File // has the pieces; it has no name, and ends with the process
	spilled int64
	puts    int
	most    int // bytes of a piece
}

// place is where a record is.
type place struct {
	hash       uint64
	begin, end uint32
	amends     bool
}

// piece is a part of the spilled records, in their order.
type piece struct{ begin, end int64 }

// NewWriter begins the successor of old, which may be nil, at path. now is when the run
// began: records with another LastSeen are larger.
func NewWriter(path string, old *File, now time.Time) *Writer {
	w := &Writer{path: path, old: old, defaults: defaults{up(now), down(now)}, most: pieceSize}
	if old != nil {
		w.firstSeen = old.firstSeen
	}
	return w
}

// Put sets the entry of an account, instead of the one in the old file. If the same
// account is put again, the later entry counts. An id that is empty or longer than MaxID is
// not remembered.
func (w *Writer) Put(id string, e Entry) error { return w.add(id, e, false) }

// Amend sets Found and Identity of an account that was put, or that the old file has, and its
// LastSeen if that is not zero. It does nothing where there is no such account.
func (w *Writer) Amend(id string, e Entry) error { return w.add(id, e, true) }

func (w *Writer) add(id string, e Entry, amends bool) error {
	if id == "" || len(id) > MaxID {
		return nil
	}
	var buffer [MaxID]byte
	k := makeKey(id, buffer[:])
	begin := len(w.records)
	d := w.defaults
	if amends {
		d.lastSeen = 0
	} else {
		w.puts++
	}
	w.records = appendRecord(w.records, k, e, d)
	w.order = append(w.order, place{k.hash(), uint32(begin), uint32(len(w.records)), amends})
	if len(w.records) >= w.most {
		return w.spillPiece()
	}
	return nil
}

// amend is e with what Amend sets.
func (e Entry) amend(amendment []byte) Entry {
	by := readEntry(amendment, defaults{})
	e.Found, e.Identity = by.Found, by.Identity
	if !by.LastSeen.IsZero() {
		e.LastSeen = by.LastSeen
	}
	return e
}

// Reset forgets what was put.
func (w *Writer) Reset() {
	w.records, w.order, w.pieces, w.spilled, w.puts = w.records[:0], w.order[:0], nil, 0, 0
}

// Close gives up what is not committed.
func (w *Writer) Close() error {
	if w.spill == nil {
		return nil
	}
	err := w.spill.Close()
	w.spill = nil
	return err
}

// sort sorts the piece by hash and id; of the records of one account the one put last
// comes first.
func (w *Writer) sort() {
	slices.SortFunc(w.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), -cmp.Compare(a.begin, b.begin))
	})
}

// spillHead comes before a spilled record: its hash, its length and whether it amends another.
type spillHead [11]byte

func (w *Writer) spillPiece() error {
	if w.spill == nil {
		file, err := os.CreateTemp(filepath.Dir(w.path), ".ledger-*.tmp")
		if err != nil {
			return err
		}
		w.spill = file
		if err := os.Remove(file.Name()); err != nil {
			return err
		}
	}
	w.sort()
	out := bufio.NewWriterSize(io.NewOffsetWriter(w.spill, w.spilled), 256<<10)
	begin := w.spilled
	for _, p := range w.order {
		record := w.records[p.begin:p.end]
		var head spillHead
		binary.LittleEndian.PutUint64(head[:], p.hash)
		binary.LittleEndian.PutUint16(head[8:], uint16(len(record)))
		if p.amends {
			head[10] = 1
		}
		_, _ = out.Write(head[:]) // Flush has the error
		_, _ = out.Write(record)
		w.spilled += int64(len(head) + len(record))
	}
	w.pieces = append(w.pieces, piece{begin, w.spilled})
	w.records, w.order = w.records[:0], w.order[:0]
	return out.Flush()
}

// Commit writes the successor: what was put, and what the old file has of other accounts,
// if keep, which may change it, says so. header may have up to 1 MiB. When it returns without
// an error, the successor is on disk in the place of the old file, and is returned. After an
// error the old file is what it was.
func (w *Writer) Commit(header []byte, keep func(Account) (Entry, bool)) (*File, error) {
	if len(header) > maxHeader {
		return nil, fmt.Errorf("%s: the header has %d bytes", w.path, len(header))
	}
	next := w.path + ".new"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	out := newBlockWriter(file, w.defaults, w.puts+w.old.Len())
	err = w.merge(out, keep)
	if err == nil {
		err = out.finish(header)
	}
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(next, w.path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(next))
	}
	if err := syncFolder(filepath.Dir(w.path)); err != nil {
		return nil, err
	}
	return Open(w.path)
}

// syncFolder syncs a folder, so that a new name in it is not lost in a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// blockWriter writes a file front to back.
type blockWriter struct {
	out   *bufio.Writer
	err   error
	bits  uint
	count uint64
	defaults

	index  []byte
	block  []byte
	record []byte
	offset uint64
}

// perBlockMost is how many accounts a block has at most, on average.
const perBlockMost = 32

// newBlockWriter begins a file of at most that many records.
func newBlockWriter(file *os.File, d defaults, most int) *blockWriter {
	b := &blockWriter{out: bufio.NewWriterSize(file, 256<<10), defaults: d}
	for b.bits < maxBits && most>>b.bits > perBlockMost {
		b.bits++
	}
	b.write([]byte(magic))
	b.write([]byte{version})
	return b
}

func (b *blockWriter) write(text []byte) {
	n, err := b.out.Write(text)
	b.offset += uint64(n)
	b.err = cmp.Or(b.err, err)
}

// add adds a record; they come in the order of their hashes.
func (b *blockWriter) add(hash uint64, record []byte) {
	for uint64(len(b.index)/perBlock) < hash>>(64-b.bits) {
		b.endBlock()
	}
	b.block = append(b.block, record...)
	b.count++
}

func (b *blockWriter) addEntry(hash uint64, k key, e Entry) {
	b.record = appendRecord(b.record[:0], k, e, b.defaults)
	b.add(hash, b.record)
}

func (b *blockWriter) endBlock() {
	b.index = binary.LittleEndian.AppendUint32(b.index, uint32(len(b.block)))
	b.index = binary.LittleEndian.AppendUint32(b.index, crc32.Checksum(b.block, castagnoli))
	b.write(b.block)
	b.block = b.block[:0]
}

func (b *blockWriter) finish(header []byte) error {
	for len(b.index) < perBlock<<b.bits {
		b.endBlock()
	}
	offset := b.offset
	b.write(b.index)
	b.write(header)
	sum := crc32.Update(crc32.Checksum(b.index, castagnoli), castagnoli, header)
	end := make([]byte, 0, trailer)
	end = binary.LittleEndian.AppendUint32(end, uint32(b.bits))
	end = binary.LittleEndian.AppendUint32(end, uint32(len(header)))
	end = binary.LittleEndian.AppendUint64(end, b.count)
	end = binary.LittleEndian.AppendUint64(end, offset)
	end = binary.LittleEndian.AppendUint32(end, b.firstSeen)
	end = binary.LittleEndian.AppendUint32(end, b.lastSeen)
	end = binary.LittleEndian.AppendUint32(end, sum)
	end = binary.LittleEndian.AppendUint32(end, crc32.Checksum(end, castagnoli))
	b.write(end)
	return cmp.Or(b.err, b.out.Flush())
}
