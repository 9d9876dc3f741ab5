package job

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
)

// rereads is how many times a directory is read again because its listing changed while
// it was read.
const rereads = 2

// reread calls read, and calls it again if it returns ErrChanged: other people make,
// change and remove accounts at any time, and one of them must not end a whole run. It
// gives up after rereads repetitions or once ctx is done. Each call has to start from
// nothing, and must not use anything that an earlier one has read.
func reread(ctx context.Context, log zerolog.Logger, read func() error) error {
	for n := 1; ; n++ {
		err := read()
		switch {
		case !errors.Is(err, ErrChanged), ctx.Err() != nil:
			return err
		case n > rereads:
			return fmt.Errorf("read %d times, each time in vain: %w", n, err)
		}
		log.Warn().Int(FieldAttempt, n).Err(err).Msg("the directory is read again")
	}
}
