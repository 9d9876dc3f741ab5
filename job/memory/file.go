package memory

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync"
	"time"
)

// Errors of Open, beside those of the file system.
var (
	ErrDamaged = errors.New("the file is damaged")
	ErrForeign = errors.New("the file is no ledger")
	ErrNewer   = errors.New("the file is of a newer version of dormant")
)

// A file has its magic, the blocks, the checksum and the length of each, the header, and a
// trailer of fixed length, which says where the others are.
const (
	magic     = "dormant ledger\n"
	version   = 1
	beginning = len(magic) + 1 // the version follows

	perBlock  = 8  // of the index: length and checksum
	trailer   = 40 // bits, header's length, count, index' offset, first seen, last seen, two checksums
	maxBits   = 24
	maxHeader = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// File is the memory as one run left it. Its methods are safe for concurrent use.
type File struct {
	path  string
	file  *os.File
	bits  uint // of the hash, that say in which block an account is
	count int
	defaults

	header  []byte
	offsets []int64  // of each block, and of the end of the last one
	sums    []uint32 // of each block

	mu    sync.Mutex
	block []byte // the one read last
}

// Open opens the file and verifies all of it. The error is that of the file system, or
// ErrDamaged, ErrForeign or ErrNewer, with the path.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, file: file}
	if err := f.read(); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// read reads all but the blocks, and verifies all.
func (f *File) read() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	begin := make([]byte, min(size, int64(beginning)))
	if _, err := f.file.ReadAt(begin, 0); err != nil {
		return err
	}
	switch {
	case size == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	case string(begin[:min(len(begin), len(magic))]) != magic[:min(len(begin), len(magic))]:
		return ErrForeign
	case len(begin) == beginning && begin[len(magic)] > version:
		return fmt.Errorf("%w: its format is %d, and this one reads %d", ErrNewer, begin[len(magic)], version)
	case size < int64(beginning+trailer) || begin[len(magic)] != version:
		return fmt.Errorf("%w: it is cut short", ErrDamaged)
	}
	end := make([]byte, trailer)
	if _, err := f.file.ReadAt(end, size-trailer); err != nil {
		return err
	}
	if crc32.Checksum(end[:trailer-4], castagnoli) != binary.LittleEndian.Uint32(end[trailer-4:]) {
		return fmt.Errorf("%w: its end is not that of a ledger", ErrDamaged)
	}
	return f.readIndex(end, size)
}

func (f *File) readIndex(end []byte, size int64) error {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(end[i:]) }
	f.bits, f.count = uint(word(0)), int(binary.LittleEndian.Uint64(end[8:]))
	header, index := int64(word(4)), int64(binary.LittleEndian.Uint64(end[16:]))
	f.firstSeen, f.lastSeen = word(24), word(28)
	if f.bits > maxBits || header > maxHeader || index < int64(beginning) || f.count < 0 || index+perBlock<<f.bits+header+trailer != size {
		return fmt.Errorf("%w: its parts do not fit together", ErrDamaged)
	}
	rest := make([]byte, perBlock<<f.bits+header)
	if _, err := f.file.ReadAt(rest, index); err != nil {
		return err
	}
	if crc32.Checksum(rest, castagnoli) != word(32) {
		return fmt.Errorf("%w: its index is not as it was written", ErrDamaged)
	}
	f.header = rest[perBlock<<f.bits:]
	f.offsets, f.sums = make([]int64, 1<<f.bits+1), make([]uint32, 1<<f.bits)
	offset := int64(beginning)
	for i := range f.sums {
		f.offsets[i], f.sums[i] = offset, binary.LittleEndian.Uint32(rest[perBlock*i+4:])
		offset += int64(binary.LittleEndian.Uint32(rest[perBlock*i:]))
	}
	if f.offsets[len(f.sums)] = offset; offset != index {
		return fmt.Errorf("%w: its blocks do not fit together", ErrDamaged)
	}
	for _, err := range f.blocks() {
		if err != nil {
			return err
		}
	}
	return nil
}

// blocks yields each block in its order; one is valid until the next.
func (f *File) blocks() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(f.file, int64(beginning), f.offsets[len(f.sums)]-int64(beginning)), 256<<10)
		var block []byte
		for i := range f.sums {
			block = resize(block, int(f.offsets[i+1]-f.offsets[i]))
			if _, err := io.ReadFull(r, block); err != nil {
				yield(nil, err)
				return
			}
			if err := f.verify(i, block); err != nil {
				yield(nil, err)
				return
			}
			if !yield(block, nil) {
				return
			}
		}
	}
}

func (f *File) verify(i int, block []byte) error {
	if crc32.Checksum(block, castagnoli) != f.sums[i] {
		return fmt.Errorf("%w: block %d is not as it was written", ErrDamaged, i)
	}
	return nil
}

func resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, n+n/2)
	}
	return b[:n]
}

// Close closes the file. A nil File is closed.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return f.file.Close()
}

// Len returns the number of accounts. A nil File has none.
func (f *File) Len() int {
	if f == nil {
		return 0
	}
	return f.count
}

// Header returns what Commit was given; nil for a nil File.
func (f *File) Header() []byte {
	if f == nil {
		return nil
	}
	return f.header
}

// LastSeen is when the run began that wrote the file.
func (f *File) LastSeen() time.Time {
	if f == nil {
		return time.Time{}
	}
	return at(f.lastSeen)
}

// Lookup returns the entry of an account, and whether there is one. A nil File has none.
func (f *File) Lookup(id string) (Entry, bool, error) {
	if f == nil {
		return Entry{}, false, nil
	}
	var buffer [MaxID]byte
	k := makeKey(id, buffer[:])
	i := k.hash() >> (64 - f.bits)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.block = resize(f.block, int(f.offsets[i+1]-f.offsets[i]))
	if _, err := f.file.ReadAt(f.block, f.offsets[i]); err != nil {
		return Entry{}, false, fmt.Errorf("%s: %w", f.path, err)
	}
	if err := f.verify(int(i), f.block); err != nil {
		return Entry{}, false, fmt.Errorf("%s: %w", f.path, err)
	}
	for rest := f.block; len(rest) > 0; {
		found, size, err := readRecord(rest)
		if err != nil {
			return Entry{}, false, fmt.Errorf("%s: %w: %w", f.path, ErrDamaged, err)
		}
		if found.equal(k) {
			return readEntry(rest[:size], f.defaults), true, nil
		}
		rest = rest[size:]
	}
	return Entry{}, false, nil
}

// Account is an id and what is remembered of it.
type Account struct {
	ID string
	Entry
}

// All yields every account, in no order that means anything. After an error it yields
// nothing more.
func (f *File) All() iter.Seq2[Account, error] {
	return func(yield func(Account, error) bool) {
		if f == nil {
			return
		}
		for block, err := range f.blocks() {
			for rest := block; err == nil && len(rest) > 0; {
				var k key
				var size int
				if k, size, err = readRecord(rest); err == nil {
					if !yield(Account{k.id(), readEntry(rest[:size], f.defaults)}, nil) {
						return
					}
					rest = rest[size:]
				}
			}
			if err != nil {
				yield(Account{}, fmt.Errorf("%s: %w", f.path, err))
				return
			}
		}
	}
}
