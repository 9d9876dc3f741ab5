package command

import (
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"golang.org/x/term"

	"dormant/command/config"
	"dormant/job"
)

func newLog(c config.Config, w io.Writer, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel // reported as a problem of the configuration
	}
	if c.LogFormat == "console" || c.LogFormat == "auto" && terminal {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !terminal, FormatPrepare: printableMessage}
	} else {
		w = printableEvents{w}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// printableEvents escapes in events what zerolog does not, and a terminal obeys.
type printableEvents struct{ to io.Writer }

func (w printableEvents) Write(event []byte) (int, error) {
	if _, err := w.to.Write(job.PrintableJSON(event)); err != nil {
		return 0, err
	}
	return len(event), nil
}

// printableMessage does the same for the one field that the console shows as it is.
func printableMessage(event map[string]any) error {
	if message, ok := event[zerolog.MessageFieldName].(string); ok {
		event[zerolog.MessageFieldName] = job.Printable(message)
	}
	return nil
}

// columns returns the width of the terminal that w is; 0 if it is none.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !terminal(w) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return usualColumns
	}
	return width
}

// usualColumns is the width of a terminal that does not tell its own.
const usualColumns = 80

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
