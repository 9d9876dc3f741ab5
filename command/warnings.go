package command

import (
	"io"
	"strconv"
	"strings"

	"dormant/job"
)

// writeWarnings writes the warnings about what matches nobody. If there are more pages, it
// may match somebody there: then it is only named.
func writeWarnings(out io.Writer, warnings []job.Warning, morePages bool) {
	if !morePages {
		for _, w := range warnings {
			printf(out, "warning\t%s: %s\n", w.Code, w.Message)
		}
		return
	}
	if len(warnings) == 0 {
		return
	}
	var named []string
	for _, w := range warnings[:min(maxNamed, len(warnings))] {
		named = append(named, strconv.Quote(w.Subject))
	}
	if n := len(warnings) - maxNamed; n > 0 {
		named = append(named, strconv.Itoa(n)+" more")
	}
	printf(out, "not seen yet\t%s; audit reads all pages and says which names match nobody\n", strings.Join(named, ", "))
}

// maxNamed is how many names check shows of those that match nobody on the first page.
const maxNamed = 10
