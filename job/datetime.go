package job

import "time"

// parseDateTime reads the form in which most directories write times: RFC 3339 with Z, with
// an offset or without a zone, which is then UTC. It allocates nothing. If ok is false, the
// text may still be a time.
func parseDateTime(text string) (t time.Time, ok bool) {
	if len(text) < len(zoneless) || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return time.Time{}, false
	}
	d := digits{ok: true}
	year, month, date := 100*d.two(text, 0)+d.two(text, 2), d.two(text, 5), d.two(text, 8)
	hour, minute, second := d.two(text, 11), d.two(text, 14), d.two(text, 17)
	if !d.ok || month < 1 || month > 12 || date < 1 || date > 28 && date > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	rest := text[len(zoneless):]
	nanosecond := 0
	if rest != "" && rest[0] == '.' {
		n := 1
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		const most = 9 // digits
		if n == 1 || n-1 > most {
			return time.Time{}, false
		}
		nanosecond = d.read(rest[1:n])
		for range most - (n - 1) {
			nanosecond *= 10
		}
		rest = rest[n:]
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return time.Time{}, false
	}
	seconds := int64(daysBefore(year, month, date))*86400 + int64(hour*3600+minute*60+second) - int64(offset/time.Second)
	return time.Unix(seconds, int64(nanosecond)).UTC(), true
}

// parseOffset reads what stands behind a time: nothing, Z or the offset from UTC.
func parseOffset(text string) (offset time.Duration, ok bool) {
	const layout = "+01:00"
	switch {
	case text == "" || text == "Z":
		return 0, true
	case len(text) != len(layout) || text[0] != '+' && text[0] != '-' || text[3] != ':':
		return 0, false
	}
	d := digits{ok: true}
	hours, minutes := d.read(text[1:3]), d.read(text[4:6])
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	return offset, d.ok && hours < 24 && minutes < 60
}

// isWhole reports whether text is a number of not too many digits, and nothing else.
func isWhole(text string) bool {
	const most = 15
	d := digits{ok: text != "" && len(text) <= most && (text[0] != '0' || len(text) == 1)}
	d.read(text)
	return d.ok
}

// digits reads decimal numbers; ok tells that there was nothing else so far.
type digits struct{ ok bool }

func (d *digits) read(text string) int {
	n := 0
	for i := range len(text) {
		c := text[i] - '0'
		d.ok = d.ok && c <= 9
		n = 10*n + int(c)
	}
	return n
}

// two reads the two digits at the index of the text.
func (d *digits) two(text string, at int) int {
	tens, ones := text[at]-'0', text[at+1]-'0'
	d.ok = d.ok && tens <= 9 && ones <= 9
	return 10*int(tens) + int(ones)
}

// daysBefore counts the days from 1970-01-01 to a date of the Gregorian calendar. A year is
// counted from March here, so that the day that some years have is its last, and 400 years,
// after which all repeats, are added, so that none is negative.
func daysBefore(year, month, date int) int {
	year, month = year+400+(month+9)/12-1, (month+9)%12
	leapDays := year/4 - year/100 + year/400
	const until1970 = 865_565 // from the March of 400 years before year 0
	return 365*year + leapDays + (153*month+2)/5 + date - 1 - until1970
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
