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
	year, month, date := d.read(text[0:4]), d.read(text[5:7]), d.read(text[8:10])
	hour, minute, second := d.read(text[11:13]), d.read(text[14:16]), d.read(text[17:19])
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
	return time.Date(year, time.Month(month), date, hour, minute, second, nanosecond, time.UTC).Add(-offset), true
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

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
