package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"

	"dormant/job"
)

// done returns how many accounts the run has changed, or the directory says that it will.
func done(c job.Counts) int { return c.Removed + c.Disabled + c.Accepted }

// doneIn returns the same of the report in the file. It is 0 if there is no file, or it is no
// report.
func doneIn(path, format string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // it was only read
	n := 0
	switch format {
	case JSON:
		n, err = doneInJSON(f)
	case CSV:
		n, err = doneInCSV(f)
	case HTML:
		n, err = doneInHTML(f)
	}
	if err != nil {
		return 0
	}
	return n
}

// doneInJSON reads as far as the counts, which are in front of the accounts.
func doneInJSON(r io.Reader) (int, error) {
	d := json.NewDecoder(bufio.NewReader(r))
	if _, err := d.Token(); err != nil { // {
		return 0, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, err
		}
		if name == "counts" {
			var c job.Counts
			err := d.Decode(&c)
			return done(c), err
		}
		var other json.RawMessage
		if err := d.Decode(&other); err != nil {
			return 0, err
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// doneInCSV counts the results, because there are no counts in a CSV.
func doneInCSV(r io.Reader) (int, error) {
	rows := csv.NewReader(bufio.NewReader(r))
	rows.ReuseRecord = true
	titles, err := rows.Read()
	if err != nil {
		return 0, err
	}
	column := slices.Index(titles, "result")
	n := 0
	for column >= 0 {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if slices.Contains([]job.Result{job.Removed, job.Disabled, job.Accepted}, job.Result(row[column])) {
			n++
		}
	}
	return n, nil
}

var doneInHead = regexp.MustCompile(`<meta name="done" content="([0-9]+)">`)

// doneInHTML reads what the template has in the head.
func doneInHTML(r io.Reader) (int, error) {
	head := make([]byte, 4<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	found := doneInHead.FindSubmatch(head[:n])
	if found == nil {
		return 0, nil
	}
	return strconv.Atoi(string(found[1]))
}
