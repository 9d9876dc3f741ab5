package client

import (
	"math/rand/v2"
	"testing"
)

// All hashes are found again with their values, and no others, whatever the order in which
// they came and however the table has grown.
func TestHashTable(t *testing.T) {
	for name, hash := range map[string]func(int) uint64{
		"random":         func(int) uint64 { return rand.Uint64() },
		"ascending":      func(i int) uint64 { return uint64(i) },
		"descending":     func(i int) uint64 { return ^uint64(i) },
		"in two places":  func(i int) uint64 { return uint64(i%2)<<63 | uint64(i) },
		"all at the end": func(i int) uint64 { return ^uint64(0) - uint64(i)*3 },
	} {
		t.Run(name, func(t *testing.T) {
			var table hashTable
			defer table.close()
			n := 5_000
			if name == "random" {
				n = 200_000
			}
			want := map[uint64]uint64{}
			for i := range n {
				h := hash(i)
				if _, again := want[max(h, 1)]; again {
					continue
				}
				slot, found := table.find(h)
				if found {
					t.Fatalf("%x is there before it is put in", h)
				}
				if err := table.insert(slot, h, uint64(i)); err != nil {
					t.Fatal(err)
				}
				want[max(h, 1)] = uint64(i)
			}
			for h, value := range want {
				if slot, found := table.find(h); !found || table.value(slot) != value {
					t.Fatalf("%x: %v, %v", h, found, table.value(slot))
				}
				if _, known := want[h-1]; !known && h > 1 && has(&table, h-1) {
					t.Fatalf("%x was never put in", h-1)
				}
			}
			seen := 0
			table.values(func(uint64) { seen++ })
			if seen != len(want) || table.count != len(want) {
				t.Errorf("%d values, %d entries, want %d", seen, table.count, len(want))
			}
			if name == "random" && float64(table.slots*slotBytes)/float64(n) > 23 {
				t.Errorf("%d bytes for %d entries", table.slots*slotBytes, n)
			}
		})
	}
}

func has(table *hashTable, hash uint64) bool {
	_, found := table.find(hash)
	return found
}

func TestHashTableIsEmptyAfterClose(t *testing.T) {
	var table hashTable
	if err := table.insert(0, 7, 1); err != nil {
		t.Fatal(err)
	}
	table.close()
	if has(&table, 7) || table.count != 0 {
		t.Error("it is still there")
	}
}

func BenchmarkHashTable(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		var table hashTable
		for range n {
			h := rand.Uint64()
			if slot, found := table.find(h); !found {
				_ = table.insert(slot, h, 1)
			}
		}
		table.close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
}
