package client

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// saidOf is what Remove or Disable takes an answer for.
func saidOf(err error) string {
	var status *statusError
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, job.ErrAccepted):
		return "accepted"
	case errors.Is(err, job.ErrNotFound):
		return "gone"
	case errors.Is(err, job.ErrRefused):
		return "refused"
	case errors.Is(err, job.ErrUnclear):
		return "unclear"
	case errors.Is(err, job.ErrUnnamed):
		return "unnamed"
	case errors.As(err, &status) && status.NotDone:
		return "failed"
	case errors.As(err, new(*responseError)):
		return "page"
	}
	return err.Error()
}

// usualAnswers are bodies under a 200, and what they say of a removal of account 7.
var usualAnswers = map[string]string{
	// nothing against it
	"": "done", "{}": "done", "[]": "done", "null": "done", "true": "done", `""`: "done", "1": "done", `"OK"`: "done", "OK": "done", "ok\n": "done",
	"Deleted.": "done", "\"deleted\"": "done", `{"status":"OK"}`: "done", `{"status":"ok","code":0}`: "done", `{"status":200,"message":"User deleted"}`: "done",
	`{"error":null}`: "done", `{"error":false}`: "done", `{"error":""}`: "done", `{"error":{}}`: "done", `{"errors":[]}`: "done", `{"errors":[[],{},null,""]}`: "done",
	`{"error":0}`: "done", `{"error":"0"}`: "done", `{"error":"none"}`: "done", `{"error":"None","success":true}`: "done", `{"errors":{"count":0}}`: "done",
	`{"error":{"code":0,"message":"OK"}}`: "done", `{"error":{"code":200,"message":""}}`: "done", `{"errcode":0,"errmsg":"ok"}`: "done",
	`{"error_code":0,"error_message":null}`: "done", `{"errorCode":"0","errorMessage":""}`: "done", `{"hasErrors":false}`: "done", `{"failed":[]}`: "done", `{"failed":0,"succeeded":1}`: "done",
	`{"success":true}`: "done", `{"success":"true"}`: "done", `{"success":1}`: "done", `{"ok":1}`: "done", `{"ok":true,"n":1}`: "done", `{"acknowledged":true,"deletedCount":1}`: "done",
	`{"result":"success"}`: "done", `{"result":"deleted"}`: "done", `{"result":null}`: "done", `{"status":"no errors"}`: "done", `{"status":"NO_ERROR"}`: "done", `{"code":"OK"}`: "done", `{"code":"200"}`: "done",
	`{"message":"Access denied"}`: "done", `{"message":"error"}`: "done", `{"detail":"not found"}`: "done", // a text alone says nothing that is known
	`{"deleted":true}`: "done", `{"deleted":1}`: "done", `{"removed":["7"]}`: "done", `[{"success":true},{"success":true}]`: "done",
	`{"data":null,"errors":null}`: "done", `{"data":{"deleteUser":true}}`: "done", `{"meta":{"status":200},"response":{"success":true}}`: "done",
	"\ufeff{\"success\":true}": "done", ")]}',\n{\"success\":true}": "done",
	// the account itself, as it was or as it is
	`{"id":7,"name":"ana","status":"failed","code":500,"deleted":false,"type":"error"}`:                 "done",
	`{"id":"7","profile":{"error":"x","errors":["y"],"success":false},"attributes":{"status":"error"}}`: "done",
	`{"user":{"id":7,"error":"x"}}`: "done", `{"data":{"id":7,"error":"x","status":"failed"}}`: "done", `[{"id":7,"status":"error"}]`: "done",
	`{"id":7,"custom":[{"error":true}],"errors_seen":3,"error_handler":"x","success_rate":0,"last_error":"x"}`: "done",

	// the beginning of a document, which says nothing by the words that are in it
	`{"id":7,"locked":true,"admin":false,"na`: "unclear", `[{"removed":true,"errors":`: "unclear", `{"error":"x`: "unclear", "\ufeff{\"a\":false": "unclear",

	// it was not done
	`{"error":"Access denied"}`: "failed", `{"error":true}`: "failed", `{"error":1}`: "failed", `{"error":"1"}`: "failed", `{"error":{"message":"no"}}`: "failed", `{"error":[{"code":5}]}`: "failed",
	`{"Error":"x"}`: "failed", `{"ERROR":"x"}`: "failed", `{"errors":["x"]}`: "failed", `{"errors":[{"detail":"x"}]}`: "failed", `{"errors":{"user":["owns things"]}}`: "failed", `{"errors":"x"}`: "failed",
	`{"errors":[null,{"a":{"b":["x"]}}]}`: "failed", `{"data":{"deleteUser":null},"errors":[{"message":"x"}]}`: "failed",
	`{"error_code":5}`: "failed", `{"errorCode":"E0000006"}`: "failed", `{"ErrorCode":403}`: "failed", `{"error-code":"403"}`: "failed", `{"errcode":40013,"errmsg":"invalid"}`: "failed", `{"error_message":"x"}`: "failed",
	`{"errorSummary":"x"}`: "failed", `{"error_description":"x"}`: "failed", `{"exception":"x"}`: "failed", `{"fault":{"faultstring":"x"}}`: "failed", `{"failed":"FAILED"}`: "failed", `{"failures":[{"id":7}]}`: "failed", `{"hasErrors":true}`: "failed",
	`{"success":false}`: "failed", `{"success":"false"}`: "failed", `{"success":0}`: "failed", `{"success":"no"}`: "failed", `{"Success":false,"message":"x"}`: "failed", `{"isSuccess":false}`: "failed", `{"is_success":false}`: "failed", `{"succeeded":false}`: "failed",
	`{"ok":false}`: "failed", `{"OK":false}`: "failed", `{"ok":0}`: "failed", `{"ok":"false"}`: "failed", `{"done":false}`: "failed", `{"acknowledged":false}`: "failed",
	`{"deleted":false}`: "failed", `{"deleted":0}`: "failed", `{"removed":"false"}`: "failed", `{"deletedCount":0}`: "failed", `{"affected_rows":0}`: "failed", `{"deleted":false,"user":{"id":7}}`: "failed",
	`{"result":"error"}`: "failed", `{"result":"ERROR"}`: "failed", `{"result":"fail"}`: "failed", `{"result":false}`: "failed", `{"result":"not_found"}`: "failed", `{"outcome":"failure"}`: "failed",
	`{"status":"error"}`: "failed", `{"status":"Error"}`: "failed", `{"status":"fail"}`: "failed", `{"status":"failed"}`: "failed", `{"status":"FAILURE"}`: "failed", `{"status":false}`: "failed",
	`{"status":400}`: "failed", `{"status":"403"}`: "failed", `{"status":599}`: "failed", `{"status":"403 Forbidden"}`: "failed", `{"status":"error: owns 3 repositories"}`: "failed", `{"status":"ACCESS_DENIED"}`: "failed", `{"status":"AccessDenied"}`: "failed",
	`{"status":"denied"}`: "failed", `{"status":"not deleted"}`: "failed", `{"status":"unauthorized"}`: "failed", `{"Status":"ERROR","Message":"x"}`: "failed",
	`{"code":400}`: "failed", `{"code":"404"}`: "failed", `{"code":500,"message":"x"}`: "failed", `{"code":"FORBIDDEN"}`: "failed", `{"statusCode":403,"message":"x"}`: "failed", `{"status_code":"500"}`: "failed", `{"httpStatus":403}`: "failed", `{"code":-1}`: "failed",
	`{"type":"error","message":"x"}`: "failed", `{"state":"FAILED"}`: "failed", `{"id":7,"state":"error"}`: "done", `{"state":"blocked"}`: "done", `{"type":"about:blank","title":"Forbidden","status":403}`: "failed",
	`[{"error":"x"}]`: "failed", `[[{"errors":["x"]}]]`: "failed", `[{"success":true},{"success":false}]`: "failed", `[{"code":400}]`: "failed",
	`{"response":{"error":"x"}}`: "failed", `{"result":{"success":false}}`: "failed", `{"data":{"errors":["x"]}}`: "failed", `{"meta":{"code":403}}`: "failed", `{"status":{"code":403}}`: "failed", `{"results":[{"id":8,"error":"x"}]}`: "failed",
	`{"id":7,"error":"x"}`: "failed", `{"id":7,"success":false}`: "failed", `{"id":8,"status":"failed"}`: "failed", // of somebody else, or of a job
	"false": "failed", "403": "failed", `"error"`: "failed", `"Error: no"`: "failed", "\ufeff{\"error\":\"x\"}": "failed", " \r\n\t{\"error\":\"x\"}": "failed", ")]}'\n{\"error\":\"x\"}": "failed",
	"Error": "failed", "ERROR: locked": "failed", "Forbidden": "failed", "Not allowed": "failed", "failed": "failed", "denied": "failed", "Unauthorized.": "failed",
	`<?xml version="1.0"?><soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultcode>x</faultcode></soap:Fault></soap:Body></soap:Envelope>`: "failed",
	`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`:                                                                               "failed", `<?xml version="1.0"?><response><errors><error>no</error></errors></response>`: "failed",
	"\ufeff<?xml version=\"1.0\"?><!-- x --><fault>no</fault>": "failed",

	// a page for people
	"<html>Sign in</html>": "page", "<!DOCTYPE html><title>x</title>": "page", "\r\n\t <!doctype HTML>": "page", "\ufeff<html>": "page", "\ufeff\r\n <!DOCTYPE html>": "page",
	"<!-- a comment --><html>": "page", "<!-- a --> <!-- b -->\n<!doctype html>": "page", `<?xml version="1.0"?><!DOCTYPE html><html>`: "page", `<?xml version="1.0"?><html xmlns="x">`: "page",
	"<form action=/login>": "page", "<" + strings.Repeat("x", 2*maxBody): "page", "<script>location='/login'</script>": "page",

	// nobody knows what it says
	"Access denied": "unclear", "Please log in": "unclear", "User 7 has been removed": "unclear", `"Access denied"`: "unclear", `"7"`: "unclear", "7": "unclear", "0": "unclear", "{": "unclear",
	`{"success":true} {"error":"x"}`: "unclear", `callback({"user":"x"})`: "unclear", "error=1": "failed", "status=denied": "failed", "\xff\xfe<\x00": "unclear", strings.Repeat("x", 2*maxBody): "unclear",
	`{"code":10001}`: "unclear", `{"code":302}`: "unclear", `<?xml version="1.0"?><response><deleted>true</deleted></response>`: "unclear", `<?xml version="1.0"?><response><errors/></response>`: "unclear",
}

// TestUsualAnswers: a code of success is not enough where the answer says otherwise, and what
// only looks like an error is none.
func TestUsualAnswers(t *testing.T) {
	p := sketch(t, "", ", disabled: off", `remove: {path: "/users/{id}"}`+"\n"+`disable: {method: PATCH, path: "/users/{id}"}`+"\n")
	for body, want := range usualAnswers {
		s := serve(t, routes{"DELETE /users/7": plain(body), "PATCH /users/7": plain(body)})
		c := connect(t, s, p)
		err := c.Remove(t.Context(), job.User{ID: "7"}, agree)
		if s.heard(err); saidOf(err) != want {
			t.Errorf("%.200q says %s of a removal, want %s", body, saidOf(err), want)
		}
		// What says that nothing was removed says nothing of a disabling.
		if strings.Contains(body, "eleted") || strings.Contains(body, "emoved") || strings.Contains(body, "affected") {
			continue
		}
		if err := c.Disable(t.Context(), job.User{ID: "7"}, agree); saidOf(err) != want {
			t.Errorf("%.200q says %s of a disabling, want %s", body, saidOf(err), want)
		}
	}
	s := serve(t, routes{"PATCH /users/7": plain(`{"active":false,"deleted":false,"removed":0}`)})
	if err := connect(t, s, p).Disable(t.Context(), job.User{ID: "7"}, agree); err != nil {
		t.Error(err)
	}
}

// plain answers with the body, and a type that says nothing.
func plain(body string) func(http.ResponseWriter, *http.Request) {
	return status(200, body, "Content-Type", "application/octet-stream")
}

// TestTypesOfAnswers: HTML is no answer of an API, unless it is JSON that is called so.
func TestTypesOfAnswers(t *testing.T) {
	for _, row := range [][3]string{
		{"text/html", "Welcome", "page"}, {"text/html; charset=utf-8", "OK", "page"}, {"TEXT/HTML", "x", "page"}, {"application/xhtml+xml", "<p>", "page"},
		{"text/html", "", "done"}, {"text/html", " \n", "done"}, {"text/html", "{}", "done"}, {"text/html", `{"success":true}`, "done"}, {"text/html", `{"error":"x"}`, "failed"},
		{"application/xml", "<response/>", "unclear"}, {"text/xml", "<error>no</error>", "failed"}, {"application/problem+json", `{"status":403}`, "failed"},
		{"application/json", "<html>", "page"}, {"text/plain", "Access denied", "unclear"}, {"text/plain", "deleted", "done"}, {"", "Access denied", "unclear"},
	} {
		s := serve(t, routes{"DELETE /users/1": status(200, row[1], "Content-Type", row[0])})
		if err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree); saidOf(err) != row[2] {
			t.Errorf("%s, %q: %s, want %s", row[0], row[1], saidOf(err), row[2])
		}
	}
}

// TestCodesOfAnswers: what the codes mean that the profile names, and those that it does not.
func TestCodesOfAnswers(t *testing.T) {
	for step, rows := range map[string]map[int]string{
		"":                                  {200: "done", 204: "done", 202: "accepted", 201: "unnamed", 203: "unnamed", 205: "unnamed", 206: "unnamed", 207: "unnamed", 226: "unnamed", 404: "gone", 410: "gone", 422: "it"},
		", success: [204]":                  {204: "done", 200: "unnamed", 202: "accepted", 201: "unnamed"},
		", success: [200, 202]":             {200: "done", 202: "done", 204: "unnamed"},
		", accepted: [204]":                 {204: "accepted", 200: "done", 202: "unnamed"},
		", accepted: [201, 202]":            {201: "accepted", 202: "accepted", 200: "done", 204: "done"},
		", accepted: []":                    {200: "done", 204: "done", 202: "unnamed"},
		", success: [200], accepted: [204]": {200: "done", 204: "accepted", 202: "unnamed"},
		", refused: [422, 409]":             {422: "refused", 409: "refused", 400: "it", 403: "it", 404: "gone"},
		", refused: [404], gone: [410]":     {404: "refused", 410: "gone"},
		", gone: [409]":                     {409: "gone", 404: "it"},
	} {
		for code, want := range rows {
			s := serve(t, routes{"DELETE /users/1": code})
			err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}"`+step+"}\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
			s.heard(err)
			got := saidOf(err)
			if declined := errors.Is(err, job.ErrDeclined); want == "it" && declined {
				got = "it" // is a failure
			}
			if got != want {
				t.Errorf("%s: %d is %s, want %s", step, code, got, want)
			}
			s.wantRequests(t, "DELETE /users/1")
			if want == "unnamed" {
				wantError(t, err, "line 4: remove.success", "does not name")
			}
		}
	}
	// A body counts whatever the code.
	for code, rows := range map[int]map[string]string{
		201: {`{"error":"x"}`: "failed", "<html>": "page", "{}": "unnamed", "Access denied": "unnamed"},
		202: {`{"error":"x"}`: "failed", `{"success":false}`: "failed", "<html>": "page", `{"job":"17"}`: "accepted", "Access denied": "unclear"},
	} {
		for body, want := range rows {
			s := serve(t, routes{"DELETE /users/1": status(code, body)})
			if err := connect(t, s, builtin(t, "maestro")).Remove(t.Context(), job.User{ID: "1"}, agree); saidOf(err) != want {
				t.Errorf("%d %s: %s, want %s", code, body, saidOf(err), want)
			}
		}
	}
}

// TestRefusedIf: what the profile takes for a refusal is one, whatever the code, and is
// never tried again.
func TestRefusedIf(t *testing.T) {
	const step = `refused_if: {path: error.code, in: [owner, "last*"]}`
	for code, rows := range map[int]map[string]string{
		200: {`{"error":{"code":"owner"}}`: "refused", `{"error":{"code":"x"}}`: "failed", `{}`: "done"},
		400: {`{"error":{"code":"last_admin"}}`: "refused", `{"error":{"code":"x"}}`: "declined"},
		401: {`{"error":{"code":"owner"}}`: "refused", `{}`: "signed out"},
		403: {`{"error":{"code":"owner"}}`: "refused", `{}`: "forbidden"},
		404: {`{"error":{"code":"owner"}}`: "gone"},
		500: {`{"error":{"code":"owner"}}`: "refused", `{}`: "broken"},
		503: {`{"error":{"code":"owner"}}`: "refused"},
	} {
		for body, want := range rows {
			s := serve(t, routes{"DELETE /users/1": status(code, body)})
			err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", `+step+"}\n"), retries(0)).Remove(t.Context(), job.User{ID: "1"}, agree)
			s.heard(err)
			got := saidOf(err)
			switch {
			case errors.Is(err, job.ErrSignedOut):
				got = "signed out"
			case errors.Is(err, job.ErrCredentials):
				got = "forbidden"
			case got != "failed" && errors.Is(err, job.ErrDeclined):
				got = "declined"
			case err != nil && isRetryable(err):
				got = "broken"
			}
			if got != want {
				t.Errorf("%d %s: %s (%v), want %s", code, body, got, err, want)
			}
			if detail := (interface{ Detail() string })(nil); want == "refused" && (!errors.As(err, &detail) || detail.Detail() != body) {
				t.Errorf("%d %s: the server's words are lost", code, body)
			}
		}
	}
	s := serve(t, routes{"DELETE /users/1": status(500, `{"error":{"code":"owner"}}`)})
	if err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", `+step+"}\n"), retries(3)).Remove(t.Context(), job.User{ID: "1"}, agree); !errors.Is(err, job.ErrRefused) {
		t.Error(err)
	}
	s.wantRequests(t, "DELETE /users/1")
}

// TestTheProfileSaysOtherwise: a condition of the profile that holds counts, and not what
// answers usually mean; one that holds because nothing is there does not say anything.
func TestTheProfileSaysOtherwise(t *testing.T) {
	for condition, rows := range map[string]map[string]string{
		`{path: status, in: [error]}`:               {`{"status":"error"}`: "done", `{"status":"ok"}`: "failed"},
		`{path: deleted, in: [true]}`:               {`{"deleted":true,"error":"a mail could not be sent"}`: "done"},
		`{path: status, in: ["2*"], missing: true}`: {`{}`: "done", `{"error":"x"}`: "failed", `{"status":"204","error":"x"}`: "done", `{"detail":"x","errors":["x"]}`: "failed", ``: "done"},
	} {
		for body, want := range rows {
			s := serve(t, routes{"DELETE /users/1": plain(body)})
			err := connect(t, s, sketch(t, "", "", `remove: {path: "/users/{id}", success_if: `+condition+"}\n")).Remove(t.Context(), job.User{ID: "1"}, agree)
			if saidOf(err) != want {
				t.Errorf("%s: %s is %s, want %s", condition, body, saidOf(err), want)
			}
		}
	}
}

// TestAcceptedSteps: what will be done later is not done yet, whichever step says so.
func TestAcceptedSteps(t *testing.T) {
	for name, row := range map[string]struct {
		first, second int
		want          string
		half          bool
	}{
		"both done": {200, 200, "done", false}, "the first later": {202, 200, "accepted", false}, "the second later": {200, 202, "accepted", false}, "both later": {202, 202, "accepted", false},
		"the second is gone": {202, 404, "accepted", false}, "the first is not named": {201, 200, "unnamed", false}, "the second is not named": {200, 201, "unnamed", false},
		"the second is refused": {200, 422, "refused", true}, "the first is refused": {422, 200, "refused", false},
	} {
		s := serve(t, routes{"POST /users/1/off": row.first, "DELETE /users/1": row.second})
		p := sketch(t, "", "", `remove: [{method: POST, path: "/users/{id}/off", refused: [422]}, {path: "/users/{id}", refused: [422]}]`+"\n")
		err := connect(t, s, p).Remove(t.Context(), job.User{ID: "1"}, agree)
		if saidOf(err) != row.want || errors.Is(err, job.ErrHalfDone) != row.half {
			t.Errorf("%s: %s (%v), want %s", name, saidOf(err), err, row.want)
		}
	}
}

// FuzzUsualAnswers: whatever else is in an answer, an error at its top is one, and what is
// inside of an account is the account's affair.
func FuzzUsualAnswers(f *testing.F) {
	for body := range usualAnswers {
		f.Add(body)
	}
	judge := usual{removes: true, isAccount: func(v gjson.Result) bool { return v.Get("id").Raw == "7" }}
	f.Fuzz(func(t *testing.T, body string) {
		_ = judgeText(body)
		_ = isPage(trim([]byte(body)), "")
		if !gjson.Valid(body) {
			return
		}
		for document, want := range map[string]judgement{
			`{"x":` + body + `,"error":"x"}`: saysNo, `[{"error":"x"},` + body + `]`: saysNo,
			`{"id":7,"attributes":` + body + `}`: saysYes, `{"id":7,"status":` + body + `}`: saysYes,
		} {
			if got := judge.judge(gjson.Parse(document), 0); got != want {
				t.Errorf("%s: %d, want %d", document, got, want)
			}
		}
	})
}
