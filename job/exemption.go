package job

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Exemption is who answers for an entry of the allowlist, and until when.
type Exemption struct {
	Until time.Time // the last day on which the entry protects, at its start in UTC; zero: no last day
	Owner string
	Note  string
}

// What an operator is told about an exemption that ends.
const (
	warnedBefore = 30 * 24 * time.Hour // the end of an exemption
	readAfter    = 30 * 24 * time.Hour // the end; then the line has to go
)

const exemptionForm = `accepted are until=2027-03-31, owner=NAME and note="TEXT" behind the name`

var (
	// An exemption begins with the first key behind the name. Behind a comma, it is a part of a
	// distinguished name.
	exemptionBegins = regexp.MustCompile(`[^\s,;+](\s+)[\pL_-]+=`)
	exemptionPart   = regexp.MustCompile(`^([\pL_-]+)=(?:"([^"]*)"|([^\s"]+))(?:\s+|$)`)
)

// cutExemption splits a line of an allowlist into the name and what is said behind it.
func cutExemption(line string, now time.Time) (name string, e Exemption, err error) {
	at := exemptionBegins.FindStringSubmatchIndex(line)
	if at == nil {
		return line, e, nil
	}
	name, rest := line[:at[2]], line[at[3]:]
	said := map[string]string{}
	for rest != "" {
		part := exemptionPart.FindStringSubmatch(rest)
		if part == nil {
			return "", e, fmt.Errorf("%q can't be read; %s", rest, exemptionForm)
		}
		rest = rest[len(part[0]):]
		key, value := strings.ToLower(part[1]), strings.TrimSpace(part[2]+part[3])
		switch _, again := said[key]; {
		case key != "until" && key != "owner" && key != "note":
			return "", e, fmt.Errorf("unknown key %q; %s", part[1], exemptionForm)
		case again:
			return "", e, fmt.Errorf("%s is there twice", key)
		case value == "":
			return "", e, fmt.Errorf("%s is empty; %s", key, exemptionForm)
		}
		said[key] = value
	}
	e.Owner, e.Note = said["owner"], said["note"]
	if until, ok := said["until"]; ok {
		if e.Until, err = time.Parse(time.DateOnly, until); err != nil {
			return "", e, fmt.Errorf("until=%s is no date; accepted is one such as 2027-03-31", until)
		}
		if now.After(e.ends().Add(readAfter)) {
			return "", e, fmt.Errorf("until=%s is in the past, so the entry protects nobody: take it out, or give it a later date", until)
		}
	}
	return name, e, nil
}

// ends returns when the entry no longer protects: when the day in Until has ended, in UTC.
func (e Exemption) ends() time.Time { return e.Until.AddDate(0, 0, 1) }

// HasEnded reports whether the entry protects nobody any more.
func (e Exemption) HasEnded(now time.Time) bool { return !e.Until.IsZero() && !now.Before(e.ends()) }

// endsSoon reports whether the operator should decide what comes after it.
func (e Exemption) endsSoon(now time.Time) bool {
	return !e.Until.IsZero() && !now.Before(e.Until.Add(-warnedBefore))
}

// warning is the one about an entry whose exemption ends soon, or has ended.
func (e Exemption) warning(entry Entry, now time.Time) Warning {
	w := Warning{Code: WarnExemptionEnds, Subject: entry.Text}
	day := e.Until.Format(time.DateOnly)
	what := fmt.Sprintf("the allowlist's entry %q (line %d of the file", entry.Text, entry.Line)
	if e.Owner != "" {
		what += fmt.Sprintf(", owner %q", e.Owner)
	}
	if e.HasEnded(now) {
		w.Message = fmt.Sprintf("%s) has protected nobody since the end of %s: take it out, or give it a later date", what, day)
	} else {
		w.Message = fmt.Sprintf("%s) protects nobody after %s: give it a later date if the account has to stay", what, day)
	}
	return w
}

// SplitEnded returns the entries that protect at this time, and those whose exemption has
// ended.
func SplitEnded(entries []Entry, now time.Time) (current, ended []Entry) {
	for _, e := range entries {
		if e.HasEnded(now) {
			ended = append(ended, e)
		} else {
			current = append(current, e)
		}
	}
	return current, ended
}
