package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A wait is work that is bound by how long the directory takes for each answer.
type wait struct {
	name     string
	listing  string
	accounts int
	inactive int      // in a hundred; they are removed
	methods  []string // of the requests for each of them
	inTurn   bool     // an answer says what the next request is
	maxRatio float64
}

const (
	latency     = 20 * time.Millisecond
	connections = 4
)

var waits = []wait{
	{name: "latency: 200 pages by cursor", listing: fmt.Sprintf(profile, "/users", byCursor), accounts: 200 * pageSize, inTurn: true, maxRatio: 1.03},
	{name: "latency: 400 pages by number", listing: fmt.Sprintf(profile, "/numbered", byPage), accounts: 400 * pageSize, maxRatio: 1.15},
	{name: "latency: 980 removals", listing: fmt.Sprintf(profile, "/all", ""), accounts: 1000, inactive: 98, methods: []string{"DELETE", "GET"}, maxRatio: 1.05},
	{name: "latency: 980 removals, looked at again, with a journal", listing: fmt.Sprintf(profile, "/all", ""), accounts: 1000, inactive: 98,
		methods: []string{"GET", "DELETE", "GET"}, maxRatio: 1.1},
}

// rounds is how often each is measured; the fastest counts. Whatever else the machine does
// makes them slower.
const rounds = 3

// wait compares the program with the ideal, which is as many answers as have to follow each
// other, and with a client that does nothing but to send the same requests.
func (b bench) wait(w wait) error {
	fastest := map[string]time.Duration{}
	var ideal time.Duration
	for range rounds {
		for _, client := range []string{"bare", "dormant"} {
			took, asked, err := b.waitOnce(w, client)
			if err != nil {
				return err
			}
			if before, ok := fastest[client]; !ok || took < before {
				fastest[client] = took
			}
			ideal = latency * time.Duration(asked)
			if !w.inTurn {
				ideal = latency + latency*time.Duration(asked-1)/connections
			}
		}
	}
	fmt.Printf("%s\n  ideal    %6.2f s\n  bare     %6.2f s\n  dormant  %6.2f s\n", w.name, ideal.Seconds(), fastest["bare"].Seconds(), fastest["dormant"].Seconds())
	target("times the ideal: bare", fastest["bare"].Seconds()/ideal.Seconds(), 0)
	target("times the ideal: dormant", fastest["dormant"].Seconds()/ideal.Seconds(), w.maxRatio)
	target("times bare", fastest["dormant"].Seconds()/fastest["bare"].Seconds(), 0)
	return nil
}

// waitOnce returns how long the client took, and how many requests it sent.
func (b bench) waitOnce(w wait, client string) (took time.Duration, asked int, err error) {
	url, stop, err := b.serve(w.accounts, w.inactive, latency)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	cmd := exec.Command(b.self, "-mode", "bare", "-url", url, "-only", w.name)
	if client == "dormant" {
		command, variables := "audit", []string{"DORMANT_RECHECK=" + strconv.FormatBool(len(w.methods) > 2), "DORMANT_REPORT=" + b.path("report.csv")}
		if w.inactive > 0 {
			command = "run"
			variables = append(variables, "DORMANT_DRY_RUN=false", "DORMANT_MAX_REMOVALS=1000000", "DORMANT_MAX_REMOVAL_PERCENT=100")
		}
		if len(w.methods) > 2 {
			variables = append(variables, "DORMANT_JOURNAL="+b.path("journal"))
		}
		if cmd, err = b.dormant(url, w.listing, command, variables...); err != nil {
			return 0, 0, err
		}
	}
	u, err := run(cmd)
	if err != nil {
		return 0, 0, err
	}
	resp, err := http.Get(url + "/asked")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, 0, err
	}
	asked, err = strconv.Atoi(string(bytes.TrimSpace(text)))
	return u.wall, asked, err
}

// bare sends the requests of the wait with this name, as many at once as there are
// connections, and reads the answers without looking at them.
func bare(url, name string) error {
	for _, w := range waits {
		if w.name != name {
			continue
		}
		if w.inTurn {
			return download(url, true)
		}
		if w.inactive == 0 {
			return atOnce(w.accounts/pageSize, func(i int) error { return ask("GET", url+"/numbered?limit=100&page="+strconv.Itoa(i+1)) })
		}
		if err := ask("GET", url+"/all"); err != nil {
			return err
		}
		return atOnce(w.accounts, func(i int) error {
			for _, method := range w.methods {
				if i%pageSize >= w.inactive {
					continue
				}
				if err := ask(method, url+"/users/"+strconv.Itoa(firstID+i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return fmt.Errorf("nothing is called %q", name)
}

// client keeps as many connections as it uses.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}

func ask(method, url string) error {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// atOnce calls do for 0 to n-1, by as many workers as there are connections. One that
// meets an error ends.
func atOnce(n int, do func(int) error) error {
	var next atomic.Int64
	errs := make([]error, connections)
	var running sync.WaitGroup
	for worker := range errs {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && errs[worker] == nil; i = next.Add(1) - 1 {
				errs[worker] = do(int(i))
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
