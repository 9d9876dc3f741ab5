package client

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A hashTable maps 64-bit hashes to 64-bit values, in 16 bytes an entry and at most a quarter
// more, or, as long as there are no millions, two fifths. It is what a listing of millions of accounts takes in memory, so it lies outside the
// heap, of which as much again may be garbage, and it grows where it is.
//
// The entries are sorted by their hashes. Each is at the place that its hash has in
// proportion, its home, or as near behind it as there is room. So an entry is looked for
// among few, and to grow, all move back in one pass.
type hashTable struct {
	chunks [][]byte
	homes  int // the slots that are homes
	slots  int // the same, and room behind the last home
	count  int
}

const (
	slotBytes  = 16
	chunkSlots = 1 << 16
	chunkBytes = chunkSlots * slotBytes
	firstHomes = 1 << 11
	room       = 1 << 9
)

// close gives the memory back. The table is empty then.
func (t *hashTable) close() {
	for _, chunk := range t.chunks {
		unmapMemory(chunk)
	}
	*t = hashTable{}
}

// find returns the slot of the hash, or where it belongs.
func (t *hashTable) find(hash uint64) (slot int, found bool) {
	if t.slots == 0 {
		return 0, false
	}
	hash = max(hash, 1) // 0 is an empty slot
	slot = t.home(hash)
	for { // the last slot is always empty
		chunk := t.chunks[slot/chunkSlots]
		for at := slot % chunkSlots * slotBytes; at < len(chunk); at += slotBytes {
			there := binary.LittleEndian.Uint64(chunk[at:])
			if there == 0 || there >= hash {
				return slot, there == hash
			}
			slot++
		}
	}
}

// insert puts in a hash that is not there; slot is where find said that it belongs. Slots that
// were found before are void then. The error is that there is no memory.
func (t *hashTable) insert(slot int, hash, value uint64) error {
	hash = max(hash, 1)
	empty := slot
	for t.slots > 0 && t.hash(empty) != 0 {
		empty++
	}
	// The room behind the last home, if it is used up, grows with the table.
	if t.count*10 >= t.homes*9 || empty == t.slots-1 {
		if err := t.grow(); err != nil {
			return err
		}
		slot, _ = t.find(hash)
		return t.insert(slot, hash, value)
	}
	for empty > slot {
		// All in the same chunk move at once, into the slot before which they end.
		start := max(slot, empty/chunkSlots*chunkSlots)
		if start == empty { // the first slot of a chunk
			copy(t.slot(empty), t.slot(empty-1))
			empty--
			continue
		}
		chunk := t.chunks[empty/chunkSlots]
		from, to := start%chunkSlots*slotBytes, empty%chunkSlots*slotBytes
		copy(chunk[from+slotBytes:], chunk[from:to])
		empty = start
	}
	t.put(slot, hash, value)
	t.count++
	return nil
}

// values calls use with each value.
func (t *hashTable) values(use func(value uint64)) {
	for slot := range t.slots {
		if t.hash(slot) != 0 {
			use(t.value(slot))
		}
	}
}

func (t *hashTable) slot(i int) []byte {
	chunk, at := t.chunks[i/chunkSlots], i%chunkSlots*slotBytes
	return chunk[at : at+slotBytes : at+slotBytes]
}

func (t *hashTable) hash(slot int) uint64  { return binary.LittleEndian.Uint64(t.slot(slot)) }
func (t *hashTable) value(slot int) uint64 { return binary.LittleEndian.Uint64(t.slot(slot)[8:]) }

func (t *hashTable) setValue(slot int, value uint64) {
	binary.LittleEndian.PutUint64(t.slot(slot)[8:], value)
}

func (t *hashTable) put(slot int, hash, value uint64) {
	binary.LittleEndian.PutUint64(t.slot(slot), hash)
	t.setValue(slot, value)
}

func (t *hashTable) home(hash uint64) int {
	home, _ := bits.Mul64(hash, uint64(t.homes)) //nolint:gosec // never negative
	return int(home)                             //nolint:gosec // less than t.homes
}

// grow makes the table an eighth larger, or a quarter as long as that is little.
func (t *hashTable) grow() error {
	before := t.slots
	const large = 1 << 21 // homes
	step := t.homes / 4
	if t.homes >= large {
		step = t.homes / 8
	}
	t.homes = max(firstHomes, t.homes+step)
	t.slots = t.homes + t.homes/1024 + room
	for len(t.chunks)*chunkSlots < t.slots {
		chunk, err := mapMemory(chunkBytes)
		if err != nil {
			return fmt.Errorf("no memory for what tells %d accounts apart: %w", t.count, err)
		}
		t.chunks = append(t.chunks, chunk)
	}
	// First all move to the end, and then each to its new place, which is never behind that.
	from := t.slots
	for slot := before - 1; slot >= 0; slot-- {
		if entry := t.slot(slot); binary.LittleEndian.Uint64(entry) != 0 {
			from--
			copy(t.slot(from), entry)
		}
	}
	next := 0
	for ; from < t.slots; from++ {
		entry := t.slot(from)
		home := t.home(binary.LittleEndian.Uint64(entry))
		if max(home, next) > from { // there would be too little room
			t.clear(next, from)
			return t.grow()
		}
		if home > next {
			t.clear(next, home)
			next = home
		}
		copy(t.slot(next), entry)
		next++
	}
	t.clear(next, t.slots)
	return nil
}

func (t *hashTable) clear(from, to int) {
	for from < to {
		end := min(to, (from/chunkSlots+1)*chunkSlots) // of the chunk
		start := from % chunkSlots
		clear(t.chunks[from/chunkSlots][start*slotBytes : (start+end-from)*slotBytes])
		from = end
	}
}
