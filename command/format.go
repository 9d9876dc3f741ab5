package command

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// formatCounts lists counts, the largest first.
func formatCounts[K ~string](counts map[K]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// formatTime is empty for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
