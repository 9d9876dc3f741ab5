package client

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// usual judges an answer by what the members of such answers usually mean. Only what
// stands at the top counts, and what is wrapped around it: a name inside of an account is
// the account's own affair.
type usual struct {
	removes   bool                    // the change is a removal
	isAccount func(gjson.Result) bool // the object is the account itself
}

// maxWrapped is how many arrays and objects may be around what is said.
const maxWrapped = 4

func (s usual) judge(v gjson.Result, depth int) judgement {
	switch {
	case depth > maxWrapped:
		return saysNothing
	case v.IsArray():
		worst := saysYes
		for _, element := range v.Array() {
			worst = max(worst, s.judge(element, depth+1))
		}
		return worst
	case v.IsObject():
		return s.object(v, depth)
	case v.Type == gjson.False:
		return saysNo
	case v.Type == gjson.Number:
		if v.Num != 1 && (v.Num < 200 || v.Num > 299) {
			return max(saysNumber(v.Num), saysNothing)
		}
	case v.Type == gjson.String:
		return judgeText(v.Str)
	}
	return saysYes // true and null
}

// The names of members, in lower case and without anything but letters and digits.
var (
	errorNames = []string{
		"error", "errors", "err", "errs", "fault", "faults", "faultcode", "faultstring", "exception", "exceptions",
		"failure", "failures", "failed", "errorcode", "errcode", "errorno", "errno", "errornumber", "errorstatus",
		"errormessage", "errormessages", "errormsg", "errmsg", "errortext", "errordescription", "errorsummary",
		"errordetail", "errordetails", "errortype", "errorlist", "errorreason", "haserror", "haserrors", "iserror",
		"denied", "forbidden", "unauthorized", "rejected", "refused",
	}
	successNames = []string{
		"success", "successful", "succeeded", "issuccess", "issuccessful", "ok", "isok", "done", "completed", "acknowledged",
	}
	removedNames = []string{
		"deleted", "removed", "isdeleted", "isremoved", "destroyed", "purged",
		"deletedcount", "removedcount", "affected", "affectedrows", "rowsaffected", "ndeleted", "nremoved",
	}
	statusNames = []string{
		"status", "state", "result", "outcome", "statustext", "statuscode", "code", "httpstatus", "httpstatuscode", "httpcode",
		"responsecode", "responsestatus", "resultcode", "returncode", "retcode", "type",
	}
	wrapperNames = []string{
		"status", "result", "results", "response", "responses", "data", "meta", "body", "output", "outcome", "answer", "payload", "reply",
	}
)

// object judges an object by its members. The account itself may have members that look
// like a status.
func (s usual) object(v gjson.Result, depth int) judgement {
	account := s.isAccount(v)
	worst := saysYes
	v.ForEach(func(key, value gjson.Result) bool {
		name := squeeze(key.Str)
		switch {
		case slices.Contains(errorNames, name):
			if tells(value) {
				worst = saysNo
			}
		case slices.Contains(successNames, name):
			if denies(value) {
				worst = saysNo
			}
		case account:
		case s.removes && slices.Contains(removedNames, name):
			if denies(value) {
				worst = saysNo
			}
		case slices.Contains(wrapperNames, name) && (value.IsObject() || value.IsArray()):
			worst = max(worst, s.wrapped(value, depth+1))
		case slices.Contains(statusNames, name):
			worst = max(worst, saysStatus(value))
		}
		return worst != saysNo
	})
	return worst
}

// wrapped judges what stands in a wrapper, unless it is the account.
func (s usual) wrapped(v gjson.Result, depth int) judgement {
	worst := saysYes
	for _, inside := range v.Array() { // of an object, itself
		if (inside.IsObject() || inside.IsArray()) && !s.isAccount(inside) {
			worst = max(worst, s.judge(inside, depth))
		}
	}
	return worst
}

// squeeze is a name without its case and its separators.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// nothings are texts that stand for no error.
var nothings = []string{"", "none", "null", "nil", "ok", "okay", "success", "successful", "n/a", "-", "no error", "no errors", "no_error", "noerror", "undefined"}

// tells reports whether the value of an error says that there is one.
func tells(v gjson.Result) bool {
	text := strings.ToLower(strings.TrimSpace(v.Str))
	return text != "no" && text != "false" && tellsInside(v)
}

// tellsInside is tells for what is further inside, where "no" is an answer.
func tellsInside(v gjson.Result) bool {
	switch {
	case v.Type == gjson.Null, v.Type == gjson.False:
		return false
	case v.Type == gjson.Number:
		return v.Num != 0 && (v.Num < 200 || v.Num > 299)
	case v.Type == gjson.String:
		text := strings.ToLower(strings.TrimSpace(v.Str))
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n != 0 && (n < 200 || n > 299)
		}
		return !slices.Contains(nothings, text)
	case v.IsArray(), v.IsObject():
		found := false
		v.ForEach(func(_, inside gjson.Result) bool {
			found = tellsInside(inside)
			return !found
		})
		return found
	}
	return true
}

// denies reports whether the value of a success says that there is none.
func denies(v gjson.Result) bool {
	switch v.Type {
	case gjson.False:
		return true
	case gjson.Number:
		return v.Num == 0
	case gjson.String:
		text := strings.ToLower(strings.TrimSpace(v.Str))
		return text == "0" || text == "n" || text == "f" || text == "off" || fails(text)
	case gjson.Null, gjson.True, gjson.JSON:
	}
	return false
}

// saysStatus judges a status, which is a number, a word or a text.
func saysStatus(v gjson.Result) judgement {
	switch v.Type {
	case gjson.False:
		return saysNo
	case gjson.Number:
		return saysNumber(v.Num)
	case gjson.String:
		number, _, _ := strings.Cut(strings.TrimSpace(v.Str), " ") // 403 Forbidden
		if n, err := strconv.ParseFloat(number, 64); err == nil {
			return saysNumber(n)
		}
		if fails(v.Str) {
			return saysNo
		}
	case gjson.Null, gjson.True, gjson.JSON:
	}
	return saysYes
}

// saysNumber judges a number as one of HTTP's. Others have a meaning that nobody here knows.
func saysNumber(n float64) judgement {
	switch {
	case n >= 400 && n <= 599, n < 0:
		return saysNo
	case n >= 300:
		return saysNothing
	}
	return saysYes
}

// failing are words that say that something was not done.
var failing = []string{
	"error", "errors", "err", "fail", "fails", "failed", "failing", "failure", "fault", "exception", "ko", "nok", "false", "no", "not", "notok",
	"denied", "forbidden", "unauthorized", "unauthorised", "unauthenticated", "rejected", "refused", "invalid", "unsuccessful",
	"unable", "cannot", "aborted", "timeout", "notfound", "badrequest", "conflict", "unsupported", "disallowed", "prohibited",
}

// fails reports whether a status says that something went wrong: any word of a name such as
// ACCESS_DENIED, or the first one of a sentence, which is about something else further on.
func fails(text string) bool {
	text = strings.TrimSpace(text)
	all := wordsOf(text)
	if len(all) > 1 && (all[0] == "no" || all[0] == "without" || all[0] == "zero") {
		return false // "no error"
	}
	if strings.ContainsAny(text, " \t\n") {
		all = all[:min(len(all), 1)]
	}
	return slices.ContainsFunc(all, func(word string) bool { return slices.Contains(failing, word) })
}

// wordsOf are the words of a text or of a name, in lower case: ACCESS_DENIED and AccessDenied
// have two.
func wordsOf(text string) []string {
	var spaced strings.Builder
	before := ' '
	for _, r := range text {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(unicode.ToLower(r))
		before = r
	}
	return strings.FieldsFunc(spaced.String(), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
}

// known are the only texts that say that a change was made.
var known = []string{
	"ok", "okay", "success", "successful", "successfully", "succeeded", "done", "completed", "accepted", "true", "1",
	"deleted", "removed", "destroyed", "purged", "disabled", "deactivated", "suspended", "blocked", "locked", "user deleted", "user removed",
}

// judgeText judges a text that is no document. The beginning of one says nothing, whatever
// words are in it: its members may be those of the account.
func judgeText(text string) judgement {
	text = strings.ToLower(strings.Trim(text, " \t\r\n.!\"'"))
	switch {
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return saysNothing
	case text == "", slices.Contains(known, text):
		return saysYes
	case fails(text):
		return saysNo
	}
	return saysNothing
}
