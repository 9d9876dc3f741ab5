package config

import (
	"fmt"
	"iter"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxTypos is how many characters a word may differ from the one that is suggested. A short
// word that differs in so many is another word.
const maxTypos = 2

// Suggest says in half a sentence which of the choices was probably meant; it is empty if none
// is near.
func Suggest(word string, choices iter.Seq[string]) string {
	best, fewest := "", maxTypos+1
	for choice := range choices {
		n := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(choice))
		if n < fewest && 2*n < len(choice) {
			best, fewest = choice, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; %s was probably meant", best)
}
