package client

import (
	"fmt"
	"net/http"
	"time"

	"dormant/job"
)

// How far the directory's clock may be from ours: beyond the first, the report says so;
// beyond the second, a date that it tells may be off by more than a day, and nothing
// that is decided by dates is right.
const (
	clockWarning = 5 * time.Minute
	clockRefusal = 24 * time.Hour
)

// compareClocks compares the Date header of an answer (RFC 9110, section 6.6.1) with our
// clock. Without one, nothing is known. That of an answer to a change is not compared: the
// answer tells whether the change was made, and what is read before and after has a clock, too.
func (c *Client) compareClocks(operation string, header http.Header, now time.Time) error {
	date, _ := http.ParseTime(header.Get("Date"))
	if date.IsZero() || operation == opRemove || operation == opDisable {
		return nil
	}
	off := now.Sub(date).Abs()
	text := fmt.Sprintf("the directory says that it is %s, and this machine that it is %s", date.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	switch {
	case off > clockRefusal:
		return responseErrorf("%s: correct the clock that is wrong", text)
	case off > clockWarning:
		c.warn(job.Warning{Code: job.WarnClock, Subject: "Date", Message: text + ": dates are compared with this machine's clock"})
	}
	return nil
}
