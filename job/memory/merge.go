package memory

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// merge writes what was put and what the old file has of other accounts, by their hashes.
func (w *Writer) merge(out *blockWriter, keep func(Account) (Entry, bool)) error {
	put, err := w.put()
	if err != nil {
		return err
	}
	old := newOldStream(w.old)
	defer old.stop()
	var at group
	for len(put) > 0 || !old.ended {
		at.begin(old.hash)
		if len(put) > 0 && (old.ended || put[0].hash <= old.hash) {
			at.begin(put[0].hash)
		}
		for len(put) > 0 && put[0].hash == at.hash {
			if err := w.mergePut(out, &at, put[0]); err != nil {
				return err
			}
			if err := put.advance(); err != nil {
				return err
			}
		}
		for ; !old.ended && old.hash == at.hash; old.advance() {
			w.mergeOld(out, &at, old, keep)
		}
	}
	if old.err != nil {
		return fmt.Errorf("%s: %w", w.old.path, old.err)
	}
	return nil
}

// group is the accounts with one hash, of which there is nearly always one.
type group struct {
	hash uint64
	keys []key
	done []bool   // the account is written
	by   [][]byte // what amends it, or nil
}

func (g *group) begin(hash uint64) {
	g.hash, g.keys, g.done, g.by = hash, g.keys[:0], g.done[:0], g.by[:0]
}

// find returns the index of the account, and adds it if it is new.
func (g *group) find(k key) int {
	i := slices.IndexFunc(g.keys, k.equal)
	if i < 0 {
		i = len(g.keys)
		g.keys = append(g.keys, key{slices.Clone(k.bytes), k.uuid})
		g.done, g.by = append(g.done, false), append(g.by, nil)
	}
	return i
}

// mergePut writes what was put; of one account the newest comes first.
func (w *Writer) mergePut(out *blockWriter, at *group, s *stream) error {
	k, _, err := readRecord(s.record)
	if err != nil {
		return err
	}
	i := at.find(k)
	switch {
	case at.done[i]:
	case s.amends && at.by[i] == nil:
		at.by[i] = slices.Clone(s.record)
	case s.amends:
	case at.by[i] != nil:
		at.done[i] = true
		out.addEntry(s.hash, k, readEntry(s.record, w.defaults).amend(at.by[i]))
	default:
		at.done[i] = true
		out.add(s.hash, s.record)
	}
	return nil
}

// mergeOld writes what the old file has of an account that was not put.
func (w *Writer) mergeOld(out *blockWriter, at *group, old *oldStream, keep func(Account) (Entry, bool)) {
	e, i := readEntry(old.record, w.old.defaults), slices.IndexFunc(at.keys, old.key.equal)
	switch {
	case i >= 0 && at.done[i]:
		return
	case i >= 0:
		e = e.amend(at.by[i])
	case keep != nil:
		changed, kept := keep(Account{old.key.id(), e})
		if !kept {
			return
		}
		e = changed
	}
	out.addEntry(old.hash, old.key, e)
}

// stream yields records that were put, in the order of their hashes.
type stream struct {
	hash   uint64
	record []byte // valid until the next one
	amends bool
	newer  int // of two records of one account, that of the newer stream counts
	next   func(*stream) error
}

// streams is a heap of those that have a record.
type streams []*stream

func (s streams) Len() int { return len(s) }
func (s streams) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(s[i].hash, s[j].hash), -cmp.Compare(s[i].newer, s[j].newer)) < 0
}
func (s streams) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *streams) Push(x any)   { *s = append(*s, x.(*stream)) }
func (s *streams) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// put returns the records that were put: those of the spilled pieces, and of the last one.
func (w *Writer) put() (streams, error) {
	w.sort()
	order := w.order
	all := []*stream{{newer: len(w.pieces), next: func(s *stream) error {
		if len(order) == 0 {
			return io.EOF
		}
		s.hash, s.record, s.amends = order[0].hash, w.records[order[0].begin:order[0].end], order[0].amends
		order = order[1:]
		return nil
	}}}
	for i, p := range w.pieces {
		in := bufio.NewReaderSize(io.NewSectionReader(w.spill, p.begin, p.end-p.begin), 64<<10)
		all = append(all, &stream{newer: i, next: func(s *stream) error { return s.read(in) }})
	}
	var put streams
	for _, s := range all {
		switch err := s.next(s); {
		case err == nil:
			put = append(put, s)
		case !errors.Is(err, io.EOF):
			return nil, err
		}
	}
	heap.Init(&put)
	return put, nil
}

// read reads the next record of a spilled piece.
func (s *stream) read(in io.Reader) error {
	var head spillHead
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	s.hash, s.amends = binary.LittleEndian.Uint64(head[:]), head[10] == 1
	s.record = resize(s.record, int(binary.LittleEndian.Uint16(head[8:])))
	if _, err := io.ReadFull(in, s.record); err != nil {
		return fmt.Errorf("a piece is cut short: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// advance goes on to the next record.
func (s *streams) advance() error {
	first := (*s)[0]
	switch err := first.next(first); {
	case err == nil:
		heap.Fix(s, 0)
	case errors.Is(err, io.EOF):
		heap.Pop(s)
	default:
		return err
	}
	return nil
}

// oldStream yields the records of a file, which are in the order of their hashes.
type oldStream struct {
	hash   uint64
	key    key
	record []byte // valid until the next one
	ended  bool
	err    error

	left []byte // of the block
	next func() ([]byte, error, bool)
	stop func()
}

func newOldStream(f *File) *oldStream {
	if f == nil {
		return &oldStream{ended: true, stop: func() {}}
	}
	s := &oldStream{}
	s.next, s.stop = iter.Pull2(f.blocks())
	s.advance()
	return s
}

// advance goes on to the next record.
func (s *oldStream) advance() {
	for len(s.left) == 0 {
		block, err, ok := s.next()
		if s.left = block; !ok || err != nil {
			s.ended, s.err = true, err
			return
		}
	}
	k, size, err := readRecord(s.left)
	if err == nil && k.hash() < s.hash {
		err = errRecord
	}
	if err != nil {
		s.ended, s.err = true, fmt.Errorf("%w: %w", ErrDamaged, err)
		return
	}
	s.key, s.hash, s.record, s.left = k, k.hash(), s.left[:size], s.left[size:]
}
