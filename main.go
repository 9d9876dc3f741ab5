// Dormant finds accounts that nobody has used for a long time in a user
// directory that is reached over HTTP, and removes them safely.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dormant/command"
)

func main() {
	// A reader that has gone is an error like any other when writing, and not a
	// death in the middle of a removal.
	signal.Ignore(syscall.SIGPIPE)
	// What net/http logs by itself is no event of ours, and may quote the directory.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	os.Exit(command.Main(ctx, command.Process{
		Program: os.Args[0], Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now,
	}))
}
