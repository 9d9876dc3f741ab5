package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"dormant/job"
)

// A report that is written account by account is the text that encoding/json makes of all of it.
func TestJSONIsThatOfTheWholeReport(t *testing.T) {
	at, days := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), 17
	odd := job.Account{ID: "1", Username: `"accounts": []`, Email: "a\u202e<b>&\n", LastLogin: &at, InactiveDays: &days, Error: "\"accounts\": []"}
	full := job.Account{
		ID: "é\u00a0\\\x7f\xff\U000e0001", Username: "a'b", Email: " ~", LastLogin: new(at.Add(time.Nanosecond).In(time.FixedZone("", 3600))), InactiveDays: new(-1),
		Action: job.Keep, Reason: job.InGrace, Result: job.Kept, Error: "\t", RemovableAt: &at, NotAfter: &at,
		State: job.Exempt, Until: "2027-01-02", Owner: "\"ops\"", Note: "\n", LoginUnknown: true,
	}
	for field, value := range reflect.ValueOf(full).Fields() {
		if value.IsZero() {
			t.Errorf("the account of this test has no %s", field.Name)
		}
	}
	for _, accounts := range [][]job.Account{nil, {}, {odd}, {full}, {odd, {ID: "2"}, odd, full}} {
		r := job.Report{
			Schema: schema, RunID: `"accounts": []`, StartedAt: at, FinishedAt: at, Cutoff: at, Accounts: job.ListAccounts(accounts...), Exempt: job.ListAccounts(accounts...), Control: &job.Control{Safeguard: `"exempt": []`},
			Counts: job.Counts{Kept: map[job.Reason]int{}}, Refusals: []job.Refusal{}, Warnings: []job.Warning{{Code: "x", Subject: `"accounts": []`}},
		}
		var got, whole bytes.Buffer
		if err := Write(&got, JSON, r); err != nil {
			t.Fatal(err)
		}
		encoder := json.NewEncoder(&whole)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
		if want := job.PrintableJSON(whole.Bytes()); got.String() != string(want) {
			t.Errorf("%s\nwant %s", got.String(), want)
		}
	}
}

// BenchmarkWrite writes reports of 10,000 candidates.
func BenchmarkWrite(b *testing.B) {
	const n = 10_000
	at, days := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), 17
	r := job.Report{StartedAt: at, FinishedAt: at, Cutoff: at, Planned: true}
	var accounts []job.Account
	for i := range n {
		accounts = append(accounts, job.Account{
			ID: strconv.Itoa(i), Username: fmt.Sprint("user", i), Email: fmt.Sprint("user", i, "@example.org"), LastLogin: &at, InactiveDays: &days,
			Action: job.Remove, Reason: job.Inactive, Result: job.WouldRemove,
		})
	}
	r.Accounts = job.ListAccounts(accounts...)
	for _, format := range formats {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var size counter
				if err := Write(&size, format, r); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
		})
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
