package sandbox

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// Fault is what went wrong with a request on purpose.
type Fault string

// The faults. FaultDropped hits before anything is done; after FaultCut, what
// was asked for has been done, but nobody gets to know all of the answer.
const (
	FaultError       Fault = "error"       // 500
	FaultUnavailable Fault = "unavailable" // 503 with Retry-After
	FaultDropped     Fault = "dropped"     // the connection is closed without an answer
	FaultCut         Fault = "cut"         // the connection is closed in the middle of the answer

	// These hit changes alone, before anything is done, and their code says 200.
	FaultDenied Fault = "denied" // the body has an error
	FaultPage   Fault = "page"   // the body is a page for people
)

var (
	allFaults    = []Fault{FaultError, FaultUnavailable, FaultDropped, FaultCut}
	changeFaults = append(slices.Clone(allFaults), FaultDenied, FaultPage)
)

// faults decides which requests fail. The decision depends on the request and
// on how often it came before, not on the order among different requests, so
// concurrent clients meet the same faults each time.
type faults struct {
	rate float64
	seed uint64
	came map[string]uint64
}

// next is the fault for one more of these requests, or nothing.
func (f *faults) next(request string) Fault {
	if f.rate == 0 {
		return ""
	}
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64([]byte(request), f.came[request]))
	f.came[request]++
	random := rand.New(rand.NewPCG(f.seed, h.Sum64()))
	if random.Float64() >= f.rate {
		return ""
	}
	if method, _, _ := strings.Cut(request, " "); method == http.MethodDelete || method == http.MethodPut || method == http.MethodPatch {
		return changeFaults[random.IntN(len(changeFaults))]
	}
	return allFaults[random.IntN(len(allFaults))]
}
