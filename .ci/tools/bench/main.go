// Command bench measures dormant against a raw download of the same bytes, and against a
// script that does the same. All of them talk to a server of its own on this machine.
//
//	bench -dormant PROGRAM [-small]     prints the table
//
// Times of two processes of one run can be compared; those of two machines can't.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	program := flag.String("dormant", "", "the program to measure")
	small := flag.Bool("small", false, "a tenth of the accounts")
	only := flag.String("only", "", "only the cases whose names have this in them")
	mode := flag.String("mode", "", "what this process is: serve, download, bare")
	accounts := flag.Int("accounts", 0, "serve: how many accounts")
	inactive := flag.Int("inactive", 0, "serve: how many in a hundred are inactive")
	latency := flag.Duration("latency", 0, "serve: how long each answer takes")
	url := flag.String("url", "", "download, bare: from where")
	paged := flag.Bool("paged", false, "download: page by page")
	flag.Parse()

	var err error
	switch *mode {
	case "serve":
		err = serve(newDirectory(*accounts, *inactive, *latency))
	case "download":
		err = download(*url, *paged)
	case "bare":
		err = bare(*url, *only)
	default:
		err = measureAll(*program, *only, *small)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A scan is one reading of a directory, with the bounds that it should keep.
type scan struct {
	name     string
	accounts int
	inactive int  // in a hundred
	paged    bool // by cursor, 100 a page; otherwise in one response
	script   bool // compare with the script as well
	pipe     bool // compare with curl and jq as well

	maxRatio float64       // of the wall time to that of the download; 0: no bound
	maxCPU   time.Duration // 0: no bound
	maxRSS   int           // MiB; 0: no bound
}

const million = 1_000_000

var scans = []scan{
	{name: "1M by cursor", accounts: million, paged: true, script: true, maxRatio: 1.5, maxRSS: 48},
	{name: "1M by cursor, 30% inactive", accounts: million, inactive: 30, paged: true, script: true, maxRatio: 2, maxRSS: 48 + 300_000*200>>20},
	{name: "1M in one response", accounts: million, maxCPU: 2 * time.Second, maxRSS: 48},
	{name: "1M in one response, 30% inactive", accounts: million, inactive: 30, maxRSS: 48 + 300_000*200>>20},
	{name: "100k in one response", accounts: million / 10, script: true, pipe: true},
	{name: "100k by cursor", accounts: million / 10, paged: true, script: true},
	{name: "100k by cursor, 30% inactive", accounts: million / 10, inactive: 30, paged: true, script: true},
	{name: "10k by cursor, 30% inactive", accounts: million / 100, inactive: 30, paged: true, script: true, pipe: true},
	{name: "10M in one response", accounts: 10 * million, maxRSS: 220},
}
